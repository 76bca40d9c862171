-- Which migrations ran. The table is made by the runner itself, before the first script.

-- name: schema_history_exists
-- One row where the table is there, none before the first migration.
SELECT NAME FROM sqlite_master WHERE TYPE = 'table' AND NAME = 'SCHEMA_HISTORY';

-- name: create_schema_history
CREATE TABLE IF NOT EXISTS SCHEMA_HISTORY (
    VERSION      INTEGER PRIMARY KEY,
    DESCRIPTION  TEXT NOT NULL,
    CHECKSUM     TEXT NOT NULL,
    INSTALLED_AT TEXT NOT NULL
) STRICT;

-- name: list_installed_migrations
SELECT VERSION, DESCRIPTION, CHECKSUM, INSTALLED_AT FROM SCHEMA_HISTORY ORDER BY VERSION;

-- name: record_migration
INSERT INTO SCHEMA_HISTORY (VERSION, DESCRIPTION, CHECKSUM, INSTALLED_AT)
VALUES (:version, :description, :checksum, UTC_NOW());

-- Which migrations ran. The table is made by the runner itself, before the first script.

-- name: schema_history_exists
-- One row where the table is there, none before the first migration.
SELECT NAME FROM sqlite_master WHERE TYPE = 'table' AND NAME = 'SCHEMA_HISTORY';

-- name: list_tables
-- Whose database it is, where it has no SCHEMA_HISTORY: the names say it.
SELECT NAME AS TABLE_NAME FROM sqlite_master WHERE TYPE = 'table' AND NAME NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY NAME;

-- name: create_schema_history
CREATE TABLE IF NOT EXISTS SCHEMA_HISTORY (
    VERSION      INTEGER PRIMARY KEY,
    DESCRIPTION  TEXT NOT NULL,
    CHECKSUM     TEXT NOT NULL,
    INSTALLED_AT TEXT NOT NULL
) STRICT;

-- name: list_installed_migrations
SELECT VERSION, DESCRIPTION, CHECKSUM, INSTALLED_AT FROM SCHEMA_HISTORY ORDER BY VERSION;

-- name: list_begun_migrations
-- Never one: what broke off was rolled back.
SELECT VERSION, CHECKSUM FROM SCHEMA_HISTORY WHERE INSTALLED_AT IS NULL;

-- name: begin_migration
INSERT INTO SCHEMA_HISTORY (VERSION, DESCRIPTION, CHECKSUM, INSTALLED_AT)
VALUES (:version, :description, :checksum, UTC_NOW());

-- name: finish_migration
UPDATE SCHEMA_HISTORY SET INSTALLED_AT = UTC_NOW() WHERE VERSION = :version;

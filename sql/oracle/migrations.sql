-- Which migrations ran. The table is made by the runner itself, before the first script.

-- name: schema_history_exists
-- A row where the table, or a synonym for another owner's, is there; none before the first migration.
SELECT TABLE_NAME AS NAME FROM ALL_TABLES
 WHERE OWNER = SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA') AND TABLE_NAME = 'SCHEMA_HISTORY'
UNION ALL
SELECT SYNONYM_NAME FROM ALL_SYNONYMS
 WHERE OWNER = SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA') AND SYNONYM_NAME = 'SCHEMA_HISTORY';

-- name: list_tables
-- Whose schema it is, where it has no SCHEMA_HISTORY: the names say it.
SELECT TABLE_NAME FROM ALL_TABLES WHERE OWNER = SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA') ORDER BY TABLE_NAME;

-- name: create_schema_history
-- INSTALLED_AT is NULL while a migration runs, and where it broke off: each DDL statement commits itself.
CREATE TABLE SCHEMA_HISTORY (
    VERSION      NUMBER(10) PRIMARY KEY,
    DESCRIPTION  VARCHAR2(200 CHAR) NOT NULL,
    CHECKSUM     VARCHAR2(64) NOT NULL,
    INSTALLED_AT TIMESTAMP(6)
);

-- name: insert_migration_lock
-- The row that a running migration holds locked: it is of no script.
INSERT INTO SCHEMA_HISTORY (VERSION, DESCRIPTION, CHECKSUM) VALUES (0, 'lock', '-');

-- name: lock_migrations
-- Waits for another process's migration to end.
SELECT VERSION FROM SCHEMA_HISTORY WHERE VERSION = 0 FOR UPDATE;

-- name: list_installed_migrations
SELECT VERSION, DESCRIPTION, CHECKSUM, INSTALLED_AT FROM SCHEMA_HISTORY WHERE INSTALLED_AT IS NOT NULL ORDER BY VERSION;

-- name: list_begun_migrations
SELECT VERSION, CHECKSUM FROM SCHEMA_HISTORY WHERE INSTALLED_AT IS NULL AND VERSION > 0;

-- name: begin_migration
INSERT INTO SCHEMA_HISTORY (VERSION, DESCRIPTION, CHECKSUM) VALUES (:version, :description, :checksum);

-- name: finish_migration
UPDATE SCHEMA_HISTORY SET INSTALLED_AT = SYS_EXTRACT_UTC(SYSTIMESTAMP) WHERE VERSION = :version;

-- Which migrations ran. The table is made by the runner itself, before the first script.

-- name: schema_history_exists
-- One row where the table is there, none before the first migration.
SELECT TABLE_NAME AS NAME FROM USER_TABLES WHERE TABLE_NAME = 'SCHEMA_HISTORY';

-- name: create_schema_history
-- ORA-00955: it is there already.
BEGIN
    EXECUTE IMMEDIATE 'CREATE TABLE SCHEMA_HISTORY (
        VERSION      NUMBER(10) PRIMARY KEY,
        DESCRIPTION  VARCHAR2(200 CHAR) NOT NULL,
        CHECKSUM     VARCHAR2(64) NOT NULL,
        INSTALLED_AT TIMESTAMP(6) NOT NULL
    )';
EXCEPTION
    WHEN OTHERS THEN
        IF SQLCODE <> -955 THEN RAISE; END IF;
END;

-- name: list_installed_migrations
SELECT VERSION, DESCRIPTION, CHECKSUM, INSTALLED_AT FROM SCHEMA_HISTORY ORDER BY VERSION;

-- name: record_migration
INSERT INTO SCHEMA_HISTORY (VERSION, DESCRIPTION, CHECKSUM, INSTALLED_AT)
VALUES (:version, :description, :checksum, SYS_EXTRACT_UTC(SYSTIMESTAMP));

-- The views of Oracle's data dictionary that mailer and its tests look into. Names are upper case, as Oracle shows them.
SET search_path = sys, pg_catalog;

-- Oracle's name of an object: PostgreSQL has it in lower case where it was not quoted.
CREATE FUNCTION shown(name) RETURNS text LANGUAGE sql IMMUTABLE AS
    $$ SELECT CASE WHEN $1::text = lower($1::text) THEN upper($1::text) WHEN $1::text = upper($1::text) THEN lower($1::text) ELSE $1::text END $$;

CREATE VIEW dual AS SELECT 'X'::varchar AS dummy;

CREATE VIEW visible_relations AS
    SELECT c.oid, c.relname, c.relkind, n.nspname, c.reltuples FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname NOT IN ('sys', 'dbms_lob', 'pg_catalog', 'information_schema', 'pg_toast')
       AND (c.relkind NOT IN ('r', 'p', 'v') OR pg_has_role(c.relowner, 'USAGE') OR has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE'));

CREATE VIEW all_tables AS
    SELECT shown(nspname) AS owner, shown(relname) AS table_name, NULL::varchar AS tablespace_name, 'VALID'::varchar AS status,
           nullif(reltuples, -1)::numeric AS num_rows FROM visible_relations WHERE relkind IN ('r', 'p');
CREATE VIEW user_tables AS
    SELECT table_name, tablespace_name, status, num_rows FROM all_tables WHERE owner = upper(session_user);
CREATE VIEW all_views AS SELECT shown(nspname) AS owner, shown(relname) AS view_name FROM visible_relations WHERE relkind = 'v';
CREATE VIEW user_views AS SELECT view_name FROM all_views WHERE owner = upper(session_user);

-- A synonym is a view that asks for its reader's own rights.
CREATE VIEW all_synonyms AS
    SELECT shown(r.nspname) AS owner, shown(r.relname) AS synonym_name FROM visible_relations r JOIN pg_class c ON c.oid = r.oid
     WHERE c.relkind = 'v' AND c.reloptions @> ARRAY['security_invoker=true'];
CREATE VIEW user_synonyms AS SELECT synonym_name FROM all_synonyms WHERE owner = upper(session_user);

CREATE VIEW declared_lengths AS
    SELECT c.conrelid, c.conkey[1] AS attnum, (m)[1]::numeric AS length, (m)[2] AS unit
      FROM pg_constraint c, regexp_match(c.conname, '^n?varchar2\((\d+) (byte|char)\) ') AS m WHERE c.contype = 'c' AND m IS NOT NULL;
CREATE VIEW all_tab_columns AS
    SELECT shown(r.nspname) AS owner, shown(r.relname) AS table_name, shown(a.attname) AS column_name,
           CASE t.typname WHEN 'numeric' THEN 'NUMBER' WHEN 'int8' THEN 'NUMBER' WHEN 'varchar' THEN 'VARCHAR2' WHEN 'oradate' THEN 'DATE'
               WHEN 'timestamp' THEN 'TIMESTAMP(6)' WHEN 'timestamptz' THEN 'TIMESTAMP(6) WITH TIME ZONE' WHEN 'bytea' THEN 'BLOB'
               WHEN 'bpchar' THEN 'CHAR' WHEN 'float8' THEN 'BINARY_DOUBLE' WHEN 'text' THEN 'VARCHAR2' ELSE upper(t.typname) END::varchar AS data_type,
           CASE t.typname WHEN 'numeric' THEN 22 WHEN 'int8' THEN 22 WHEN 'oradate' THEN 7 WHEN 'timestamp' THEN 11 WHEN 'timestamptz' THEN 13
               ELSE CASE d.unit WHEN 'char' THEN least(d.length * 4, 4000) ELSE coalesce(d.length, 4000) END END::numeric AS data_length,
           CASE WHEN t.typname = 'numeric' AND a.atttypmod > 0 THEN (a.atttypmod - 4) >> 16 END::numeric AS data_precision,
           CASE WHEN t.typname = 'numeric' AND a.atttypmod > 0 THEN (a.atttypmod - 4) & 2047 END::numeric AS data_scale,
           CASE WHEN a.attnotnull THEN 'N' ELSE 'Y' END::varchar AS nullable, a.attnum::numeric AS column_id,
           d.length AS char_length, CASE d.unit WHEN 'char' THEN 'C' WHEN 'byte' THEN 'B' END::varchar AS char_used,
           pg_get_expr(e.adbin, e.adrelid)::varchar AS data_default, CASE WHEN a.attidentity <> '' OR e.adbin IS NOT NULL
               AND pg_get_expr(e.adbin, e.adrelid) LIKE 'nextval(%iseq$$%' THEN 'YES' ELSE 'NO' END::varchar AS identity_column
      FROM visible_relations r JOIN pg_attribute a ON a.attrelid = r.oid JOIN pg_type t ON t.oid = a.atttypid
      LEFT JOIN pg_attrdef e ON e.adrelid = a.attrelid AND e.adnum = a.attnum
      LEFT JOIN declared_lengths d ON d.conrelid = a.attrelid AND d.attnum = a.attnum
     WHERE r.relkind IN ('r', 'p', 'v') AND a.attnum > 0 AND NOT a.attisdropped;
CREATE VIEW user_tab_columns AS
    SELECT table_name, column_name, data_type, data_length, data_precision, data_scale, nullable, column_id, char_length, char_used, data_default, identity_column
      FROM all_tab_columns WHERE owner = upper(session_user);
CREATE VIEW user_tab_cols AS SELECT * FROM user_tab_columns;
CREATE VIEW all_tab_cols AS SELECT * FROM all_tab_columns;

CREATE VIEW all_indexes AS
    SELECT shown(n.nspname) AS owner, shown(i.relname) AS index_name, shown(n.nspname) AS table_owner, shown(c.relname) AS table_name,
           CASE WHEN x.indisunique THEN 'UNIQUE' ELSE 'NONUNIQUE' END::varchar AS uniqueness, 'VALID'::varchar AS status,
           CASE WHEN x.indexprs IS NULL THEN 'NORMAL' ELSE 'FUNCTION-BASED NORMAL' END::varchar AS index_type
      FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname NOT IN ('sys', 'pg_catalog', 'pg_toast', 'information_schema');
CREATE VIEW user_indexes AS
    SELECT index_name, table_owner, table_name, uniqueness, status, index_type FROM all_indexes WHERE owner = upper(session_user);
CREATE VIEW user_ind_columns AS
    SELECT shown(i.relname) AS index_name, shown(c.relname) AS table_name, coalesce(shown(a.attname), 'SYS_NC' || k.at || '$') AS column_name, k.at::numeric AS column_position
      FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     CROSS JOIN LATERAL unnest(x.indkey::int2[]) WITH ORDINALITY AS k(attnum, at) LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
     WHERE n.nspname = session_user;

CREATE VIEW all_constraints AS
    SELECT shown(n.nspname) AS owner, shown(k.conname) AS constraint_name,
           CASE k.contype WHEN 'p' THEN 'P' WHEN 'u' THEN 'U' WHEN 'f' THEN 'R' ELSE 'C' END::varchar AS constraint_type, shown(c.relname) AS table_name,
           pg_get_constraintdef(k.oid)::varchar AS search_condition, 'ENABLED'::varchar AS status
      FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname NOT IN ('sys', 'pg_catalog', 'information_schema') AND k.conname !~ '^n?varchar2\(';
CREATE VIEW user_constraints AS
    SELECT owner, constraint_name, constraint_type, table_name, search_condition, status FROM all_constraints WHERE owner = upper(session_user);

CREATE VIEW all_triggers AS
    SELECT shown(n.nspname) AS owner, shown(t.tgname) AS trigger_name, shown(c.relname) AS table_name, 'ENABLED'::varchar AS status
      FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT t.tgisinternal;
CREATE VIEW user_triggers AS SELECT trigger_name, table_name, status FROM all_triggers WHERE owner = upper(session_user);
CREATE VIEW user_sequences AS SELECT shown(relname) AS sequence_name FROM visible_relations WHERE relkind = 'S' AND nspname = session_user;

CREATE VIEW all_objects AS
    SELECT shown(nspname) AS owner, shown(relname) AS object_name,
           CASE relkind WHEN 'r' THEN 'TABLE' WHEN 'p' THEN 'TABLE' WHEN 'v' THEN 'VIEW' WHEN 'i' THEN 'INDEX' WHEN 'S' THEN 'SEQUENCE' END::varchar AS object_type,
           'VALID'::varchar AS status FROM visible_relations WHERE relkind IN ('r', 'p', 'v', 'i', 'S')
    UNION ALL SELECT owner, trigger_name, 'TRIGGER', 'VALID' FROM all_triggers;
CREATE VIEW user_objects AS SELECT object_name, object_type, status FROM all_objects WHERE owner = upper(session_user);
CREATE VIEW all_tab_privs AS
    SELECT upper(grantor) AS grantor, upper(grantee) AS grantee, shown(table_schema::name) AS table_schema, shown(table_name::name) AS table_name, privilege_type::varchar AS privilege
      FROM information_schema.role_table_grants WHERE table_schema NOT IN ('sys', 'pg_catalog', 'information_schema');
CREATE VIEW user_tab_privs AS SELECT table_schema AS owner, table_name, grantor, grantee, privilege FROM all_tab_privs;
CREATE VIEW session_privs AS SELECT unnest(ARRAY['CREATE SESSION', 'CREATE TABLE', 'CREATE TRIGGER', 'CREATE SEQUENCE', 'CREATE VIEW'])::varchar AS privilege;
CREATE VIEW user_errors AS SELECT NULL::varchar AS name, NULL::varchar AS type, NULL::numeric AS line, NULL::varchar AS text WHERE false;
CREATE VIEW nls_database_parameters AS
    SELECT * FROM (VALUES ('NLS_CHARACTERSET'::varchar, 'AL32UTF8'::varchar), ('NLS_NCHAR_CHARACTERSET', 'AL16UTF16'), ('NLS_LENGTH_SEMANTICS', 'BYTE')) AS v(parameter, value);
CREATE VIEW product_component_version AS SELECT 'Oracle Database 19c (a stand-in)'::varchar AS product, '19.0.0.0.0'::varchar AS version, '19.3.0.0.0'::varchar AS version_full;
CREATE VIEW "v$version" AS SELECT 'Oracle Database 19c (a stand-in)'::varchar AS banner;
GRANT SELECT ON ALL TABLES IN SCHEMA sys TO PUBLIC;
GRANT SELECT ON ALL SEQUENCES IN SCHEMA sys TO PUBLIC;

-- What Oracle has and PostgreSQL has not: its DATE and LOB types, its functions. Loaded once into the template database.
CREATE SCHEMA sys;
GRANT USAGE ON SCHEMA sys TO PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA sys GRANT SELECT ON TABLES TO PUBLIC;
SET search_path = sys, pg_catalog;

-- Types of their own name, so that a column of a result tells what Oracle would call it.

CREATE TYPE oradate;
CREATE FUNCTION oradate_in(cstring, oid, int4) RETURNS oradate LANGUAGE internal IMMUTABLE STRICT AS 'timestamp_in';
CREATE FUNCTION oradate_out(oradate) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'timestamp_out';
CREATE TYPE oradate (INPUT = oradate_in, OUTPUT = oradate_out, LIKE = timestamp, CATEGORY = 'D');
CREATE FUNCTION rounded(timestamp, int4) RETURNS oradate LANGUAGE internal IMMUTABLE STRICT AS 'timestamp_scale';
CREATE CAST (oradate AS timestamp) WITHOUT FUNCTION AS IMPLICIT;
CREATE FUNCTION oradate(timestamp) RETURNS oradate LANGUAGE sql IMMUTABLE AS $$ SELECT sys.rounded(date_trunc('second', $1), 0) $$;
CREATE FUNCTION oradate(timestamptz) RETURNS oradate LANGUAGE sql STABLE AS $$ SELECT sys.oradate($1::timestamp) $$;
CREATE FUNCTION timestamptz(oradate) RETURNS timestamptz LANGUAGE sql STABLE AS $$ SELECT $1::timestamp::timestamptz $$;
CREATE CAST (oradate AS timestamptz) WITH FUNCTION timestamptz(oradate) AS ASSIGNMENT;
CREATE CAST (timestamp AS oradate) WITH FUNCTION oradate(timestamp) AS ASSIGNMENT;
CREATE CAST (timestamptz AS oradate) WITH FUNCTION oradate(timestamptz) AS ASSIGNMENT;

CREATE TYPE clob;
CREATE FUNCTION clob_in(cstring) RETURNS clob LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION clob_out(clob) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE TYPE clob (INPUT = clob_in, OUTPUT = clob_out, LIKE = text, CATEGORY = 'S');
CREATE FUNCTION text(clob) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT textin(sys.clob_out($1)) $$;
CREATE CAST (clob AS text) WITH FUNCTION text(clob) AS IMPLICIT; -- by a function, else PostgreSQL would sort it as text
CREATE CAST (text AS clob) WITHOUT FUNCTION AS ASSIGNMENT;
CREATE CAST (varchar AS clob) WITHOUT FUNCTION AS ASSIGNMENT;

CREATE TYPE nclob;
CREATE FUNCTION nclob_in(cstring) RETURNS nclob LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION nclob_out(nclob) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE TYPE nclob (INPUT = nclob_in, OUTPUT = nclob_out, LIKE = text, CATEGORY = 'S');
CREATE FUNCTION text(nclob) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT textin(sys.nclob_out($1)) $$;
CREATE CAST (nclob AS text) WITH FUNCTION text(nclob) AS IMPLICIT; -- by a function, else PostgreSQL would sort it as text
CREATE CAST (text AS nclob) WITHOUT FUNCTION AS ASSIGNMENT;
CREATE CAST (varchar AS nclob) WITHOUT FUNCTION AS ASSIGNMENT;

CREATE TYPE nvarchar2;
CREATE FUNCTION nvarchar2_in(cstring) RETURNS nvarchar2 LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION nvarchar2_out(nvarchar2) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE TYPE nvarchar2 (INPUT = nvarchar2_in, OUTPUT = nvarchar2_out, LIKE = text, CATEGORY = 'S', COLLATABLE = true);
CREATE CAST (nvarchar2 AS text) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (text AS nvarchar2) WITHOUT FUNCTION AS ASSIGNMENT;
CREATE CAST (varchar AS nvarchar2) WITHOUT FUNCTION AS ASSIGNMENT;

CREATE TYPE raw;
CREATE FUNCTION raw_in(cstring) RETURNS raw LANGUAGE internal IMMUTABLE STRICT AS 'byteain';
CREATE FUNCTION raw_out(raw) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'byteaout';
CREATE TYPE raw (INPUT = raw_in, OUTPUT = raw_out, LIKE = bytea);
CREATE CAST (raw AS bytea) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (bytea AS raw) WITHOUT FUNCTION AS ASSIGNMENT;

-- DATE compares and sorts as a timestamp does.

CREATE FUNCTION oradate_eq(oradate, oradate) RETURNS bool LANGUAGE internal IMMUTABLE STRICT AS 'timestamp_eq';
CREATE FUNCTION oradate_ne(oradate, oradate) RETURNS bool LANGUAGE internal IMMUTABLE STRICT AS 'timestamp_ne';
CREATE FUNCTION oradate_lt(oradate, oradate) RETURNS bool LANGUAGE internal IMMUTABLE STRICT AS 'timestamp_lt';
CREATE FUNCTION oradate_le(oradate, oradate) RETURNS bool LANGUAGE internal IMMUTABLE STRICT AS 'timestamp_le';
CREATE FUNCTION oradate_gt(oradate, oradate) RETURNS bool LANGUAGE internal IMMUTABLE STRICT AS 'timestamp_gt';
CREATE FUNCTION oradate_ge(oradate, oradate) RETURNS bool LANGUAGE internal IMMUTABLE STRICT AS 'timestamp_ge';
CREATE FUNCTION oradate_cmp(oradate, oradate) RETURNS int4 LANGUAGE internal IMMUTABLE STRICT AS 'timestamp_cmp';
CREATE FUNCTION oradate_hash(oradate) RETURNS int4 LANGUAGE internal IMMUTABLE STRICT AS 'timestamp_hash';
CREATE FUNCTION oradate_larger(oradate, oradate) RETURNS oradate LANGUAGE internal IMMUTABLE STRICT AS 'timestamp_larger';
CREATE FUNCTION oradate_smaller(oradate, oradate) RETURNS oradate LANGUAGE internal IMMUTABLE STRICT AS 'timestamp_smaller';
CREATE OPERATOR = (LEFTARG = oradate, RIGHTARG = oradate, FUNCTION = oradate_eq, COMMUTATOR = =, NEGATOR = <>, HASHES, MERGES);
CREATE OPERATOR <> (LEFTARG = oradate, RIGHTARG = oradate, FUNCTION = oradate_ne, COMMUTATOR = <>, NEGATOR = =);
CREATE OPERATOR < (LEFTARG = oradate, RIGHTARG = oradate, FUNCTION = oradate_lt, COMMUTATOR = >, NEGATOR = >=);
CREATE OPERATOR <= (LEFTARG = oradate, RIGHTARG = oradate, FUNCTION = oradate_le, COMMUTATOR = >=, NEGATOR = >);
CREATE OPERATOR > (LEFTARG = oradate, RIGHTARG = oradate, FUNCTION = oradate_gt, COMMUTATOR = <, NEGATOR = <=);
CREATE OPERATOR >= (LEFTARG = oradate, RIGHTARG = oradate, FUNCTION = oradate_ge, COMMUTATOR = <=, NEGATOR = <);
CREATE OPERATOR CLASS oradate_ops DEFAULT FOR TYPE oradate USING btree AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 oradate_cmp(oradate, oradate);
CREATE OPERATOR CLASS oradate_hash_ops DEFAULT FOR TYPE oradate USING hash AS OPERATOR 1 =, FUNCTION 1 oradate_hash(oradate);
CREATE AGGREGATE max(oradate) (SFUNC = oradate_larger, STYPE = oradate, SORTOP = >);
CREATE AGGREGATE min(oradate) (SFUNC = oradate_smaller, STYPE = oradate, SORTOP = <);

-- A text beside a number is converted, as Oracle does; beside a date or timestamp it must be NULL, for its format is never right.

CREATE FUNCTION text_as_number(text) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT numeric_in(textout($1), 0, -1) $$;
CREATE FUNCTION refuse_as_moment(text) RETURNS timestamp LANGUAGE plpgsql IMMUTABLE STRICT AS
    $$ BEGIN RAISE EXCEPTION USING ERRCODE = '22007', MESSAGE = format('%L is text', $1); END $$;
CREATE FUNCTION refuse_as_date(text) RETURNS oradate LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT sys.oradate(sys.refuse_as_moment($1)) $$;
CREATE FUNCTION refuse_as_zoned(text) RETURNS timestamptz LANGUAGE sql STABLE STRICT AS $$ SELECT sys.refuse_as_moment($1)::timestamptz $$;
CREATE CAST (text AS numeric) WITH FUNCTION text_as_number(text) AS ASSIGNMENT;
CREATE CAST (text AS timestamp) WITH FUNCTION refuse_as_moment(text) AS ASSIGNMENT;
CREATE CAST (text AS timestamptz) WITH FUNCTION refuse_as_zoned(text) AS ASSIGNMENT;
CREATE CAST (text AS oradate) WITH FUNCTION refuse_as_date(text) AS ASSIGNMENT;
CREATE CAST (varchar AS numeric) WITH FUNCTION text_as_number(text) AS ASSIGNMENT;
CREATE CAST (varchar AS timestamp) WITH FUNCTION refuse_as_moment(text) AS ASSIGNMENT;
CREATE CAST (varchar AS timestamptz) WITH FUNCTION refuse_as_zoned(text) AS ASSIGNMENT;
CREATE CAST (varchar AS oradate) WITH FUNCTION refuse_as_date(text) AS ASSIGNMENT;
DO $$
DECLARE kind text; operator text; convert text;
BEGIN
    FOR kind, convert IN VALUES ('numeric', 'text_as_number'), ('timestamp', 'refuse_as_moment'), ('timestamptz', 'refuse_as_zoned'), ('oradate', 'refuse_as_date') LOOP
        FOR operator IN SELECT unnest(ARRAY['=', '<>', '<', '<=', '>', '>=']) LOOP
            EXECUTE format('CREATE FUNCTION %I(%s, text) RETURNS bool LANGUAGE sql STABLE AS ''SELECT $1 %s sys.%s($2)''', kind || operator, kind, operator, convert);
            EXECUTE format('CREATE FUNCTION %I(text, %s) RETURNS bool LANGUAGE sql STABLE AS ''SELECT sys.%s($1) %s $2''', kind || operator, kind, convert, operator);
            EXECUTE format('CREATE OPERATOR %s (LEFTARG = %s, RIGHTARG = text, FUNCTION = %I)', operator, kind, kind || operator);
            EXECUTE format('CREATE OPERATOR %s (LEFTARG = text, RIGHTARG = %s, FUNCTION = %I)', operator, kind, kind || operator);
        END LOOP;
    END LOOP;
END $$;

-- A number beside a date is days; so is the difference of two dates. A timestamp with a number becomes a DATE.

CREATE FUNCTION days(numeric) RETURNS interval LANGUAGE sql IMMUTABLE AS $$ SELECT make_interval(secs => ($1 * 86400)::float8) $$;
CREATE FUNCTION days_later(oradate, numeric) RETURNS oradate LANGUAGE sql IMMUTABLE AS $$ SELECT sys.rounded($1::timestamp + sys.days($2), 0) $$;
CREATE FUNCTION days_later(numeric, oradate) RETURNS oradate LANGUAGE sql IMMUTABLE AS $$ SELECT sys.rounded($2::timestamp + sys.days($1), 0) $$;
CREATE FUNCTION days_later(timestamp, numeric) RETURNS oradate LANGUAGE sql IMMUTABLE AS $$ SELECT sys.days_later(sys.oradate($1), $2) $$;
CREATE FUNCTION days_later(timestamptz, numeric) RETURNS oradate LANGUAGE sql STABLE AS $$ SELECT sys.days_later(sys.oradate($1), $2) $$;
CREATE FUNCTION days_earlier(oradate, numeric) RETURNS oradate LANGUAGE sql IMMUTABLE AS $$ SELECT sys.rounded($1::timestamp - sys.days($2), 0) $$;
CREATE FUNCTION days_earlier(timestamp, numeric) RETURNS oradate LANGUAGE sql IMMUTABLE AS $$ SELECT sys.days_later(sys.oradate($1), -$2) $$;
CREATE FUNCTION days_earlier(timestamptz, numeric) RETURNS oradate LANGUAGE sql STABLE AS $$ SELECT sys.days_later(sys.oradate($1), -$2) $$;
CREATE FUNCTION days_between(oradate, oradate) RETURNS numeric LANGUAGE sql IMMUTABLE AS
    $$ SELECT (extract(epoch FROM $1::timestamp) - extract(epoch FROM $2::timestamp)) / 86400 $$;
CREATE FUNCTION interval_later(oradate, interval) RETURNS oradate LANGUAGE sql IMMUTABLE AS $$ SELECT sys.oradate($1::timestamp + $2) $$;
CREATE FUNCTION interval_earlier(oradate, interval) RETURNS oradate LANGUAGE sql IMMUTABLE AS $$ SELECT sys.oradate($1::timestamp - $2) $$;
CREATE OPERATOR + (LEFTARG = oradate, RIGHTARG = numeric, FUNCTION = days_later);
CREATE OPERATOR + (LEFTARG = numeric, RIGHTARG = oradate, FUNCTION = days_later);
CREATE OPERATOR + (LEFTARG = timestamp, RIGHTARG = numeric, FUNCTION = days_later);
CREATE OPERATOR + (LEFTARG = timestamptz, RIGHTARG = numeric, FUNCTION = days_later);
CREATE OPERATOR + (LEFTARG = oradate, RIGHTARG = interval, FUNCTION = interval_later);
CREATE OPERATOR - (LEFTARG = oradate, RIGHTARG = numeric, FUNCTION = days_earlier);
CREATE OPERATOR - (LEFTARG = timestamp, RIGHTARG = numeric, FUNCTION = days_earlier);
CREATE OPERATOR - (LEFTARG = timestamptz, RIGHTARG = numeric, FUNCTION = days_earlier);
CREATE OPERATOR - (LEFTARG = oradate, RIGHTARG = oradate, FUNCTION = days_between);
CREATE OPERATOR - (LEFTARG = oradate, RIGHTARG = interval, FUNCTION = interval_earlier);

-- The database's clock: a sequence, for what is set in one is seen at once by all and never rolled back.
-- The offset is in microseconds; frozen_at is microseconds since 1970, 0 while the clock runs.

CREATE SEQUENCE clock_offset MINVALUE -9000000000000000 START 0;
CREATE SEQUENCE clock_frozen_at MINVALUE 0 START 0;
CREATE FUNCTION systimestamp() RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN f.last_value = 0 THEN statement_timestamp() ELSE to_timestamp(0) + f.last_value * interval '1 microsecond' END
           + o.last_value * interval '1 microsecond'
      FROM sys.clock_offset o, sys.clock_frozen_at f $$;
CREATE FUNCTION sysdate() RETURNS oradate LANGUAGE sql STABLE AS $$ SELECT sys.oradate(sys.systimestamp() AT TIME ZONE 'UTC') $$;
CREATE FUNCTION "current_date_in_zone"() RETURNS oradate LANGUAGE sql STABLE AS $$ SELECT sys.oradate(sys.systimestamp()) $$;
CREATE FUNCTION sys_extract_utc(timestamptz) RETURNS timestamp LANGUAGE sql IMMUTABLE AS $$ SELECT $1 AT TIME ZONE 'UTC' $$;
CREATE FUNCTION from_tz(timestamp, text) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$ SELECT $1 AT TIME ZONE $2 $$;
CREATE FUNCTION numtodsinterval(numeric, text) RETURNS interval LANGUAGE sql IMMUTABLE AS
    $$ SELECT make_interval(secs => ($1 * CASE upper($2) WHEN 'SECOND' THEN 1 WHEN 'MINUTE' THEN 60 WHEN 'HOUR' THEN 3600 WHEN 'DAY' THEN 86400 END)::float8) $$;
CREATE FUNCTION numtoyminterval(numeric, text) RETURNS interval LANGUAGE sql IMMUTABLE AS
    $$ SELECT make_interval(months => ($1 * CASE upper($2) WHEN 'MONTH' THEN 1 WHEN 'YEAR' THEN 12 END)::int) $$;
CREATE FUNCTION add_months(oradate, numeric) RETURNS oradate LANGUAGE sql IMMUTABLE AS $$
    SELECT sys.oradate(CASE WHEN date_trunc('month', t) + interval '1 month -1 day' = date_trunc('day', t)
        THEN date_trunc('month', t) + make_interval(months => trunc($2)::int + 1) - interval '1 day' + (t - date_trunc('day', t))
        ELSE t + make_interval(months => trunc($2)::int) END) FROM (SELECT $1::timestamp AS t) d $$;
CREATE FUNCTION add_months(timestamp, numeric) RETURNS oradate LANGUAGE sql IMMUTABLE AS $$ SELECT sys.add_months(sys.oradate($1), $2) $$;
CREATE FUNCTION add_months(timestamptz, numeric) RETURNS oradate LANGUAGE sql STABLE AS $$ SELECT sys.add_months(sys.oradate($1), $2) $$;
CREATE FUNCTION months_between(timestamp, timestamp) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
    SELECT (extract(year FROM $1) - extract(year FROM $2)) * 12 + extract(month FROM $1) - extract(month FROM $2)
           + CASE WHEN extract(day FROM $1) = extract(day FROM $2) THEN 0
                  ELSE (extract(day FROM $1) - extract(day FROM $2) + (extract(epoch FROM $1::time) - extract(epoch FROM $2::time)) / 86400) / 31 END $$;
CREATE FUNCTION last_day(timestamp) RETURNS oradate LANGUAGE sql IMMUTABLE AS
    $$ SELECT sys.oradate(date_trunc('month', $1) + interval '1 month -1 day' + ($1 - date_trunc('day', $1))) $$;
CREATE FUNCTION trunc(timestamp) RETURNS oradate LANGUAGE sql IMMUTABLE AS $$ SELECT sys.oradate(date_trunc('day', $1)) $$;
CREATE FUNCTION trunc(timestamptz) RETURNS oradate LANGUAGE sql STABLE AS $$ SELECT sys.trunc($1::timestamp) $$;
CREATE FUNCTION trunc(timestamp, text) RETURNS oradate LANGUAGE sql IMMUTABLE AS $$
    SELECT sys.oradate(CASE upper($2)
        WHEN 'D' THEN date_trunc('week', $1 + interval '1 day') - interval '1 day'
        ELSE date_trunc(CASE upper($2) WHEN 'MM' THEN 'month' WHEN 'MON' THEN 'month' WHEN 'MONTH' THEN 'month' WHEN 'MI' THEN 'minute'
            WHEN 'HH' THEN 'hour' WHEN 'HH24' THEN 'hour' WHEN 'Q' THEN 'quarter' WHEN 'IW' THEN 'week' WHEN 'YYYY' THEN 'year'
            WHEN 'YY' THEN 'year' WHEN 'YEAR' THEN 'year' WHEN 'DDD' THEN 'day' WHEN 'DD' THEN 'day' WHEN 'J' THEN 'day' END, $1) END) $$;
CREATE FUNCTION trunc(timestamptz, text) RETURNS oradate LANGUAGE sql STABLE AS $$ SELECT sys.trunc($1::timestamp, $2) $$;
CREATE FUNCTION to_date(text, text) RETURNS oradate LANGUAGE sql STABLE AS $$ SELECT sys.oradate(pg_catalog.to_timestamp($1, $2)) $$;
CREATE FUNCTION to_timestamp_tz(text, text) RETURNS timestamptz LANGUAGE sql STABLE AS $$ SELECT pg_catalog.to_timestamp($1, regexp_replace($2, 'FF\d?', 'US', 'i')) $$;
CREATE FUNCTION to_timestamp(text, text) RETURNS timestamp LANGUAGE sql STABLE AS $$ SELECT sys.to_timestamp_tz($1, $2)::timestamp $$;

-- Text: '' is NULL, and NULL adds nothing to what it is joined with.

CREATE FUNCTION joined(VARIADIC text[]) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT nullif(array_to_string($1, ''), '') $$;
CREATE FUNCTION substr(text, numeric, numeric DEFAULT 2147483647) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT CASE WHEN $3 < 1 OR trunc($2) < -char_length($1) THEN NULL
        ELSE nullif(pg_catalog.substr($1, CASE WHEN $2 < 0 THEN char_length($1) + trunc($2)::int + 1 ELSE greatest(trunc($2)::int, 1) END,
                                      least(trunc($3), 1073741823)::int), '') END $$;
CREATE FUNCTION substrb(text, numeric, numeric DEFAULT 2147483647) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS
    $$ SELECT nullif(convert_from(pg_catalog.substr(convert_to($1, 'UTF8'), $2::int, least($3, 1073741823)::int), 'UTF8'), '') $$;
CREATE FUNCTION instr(text, text, numeric DEFAULT 1, numeric DEFAULT 1) RETURNS numeric LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE at int := $3 - 1; found int;
BEGIN
    IF $3 < 0 THEN
        found := strpos(reverse(left($1, char_length($1) + ($3::int + 1))), reverse($2));
        RETURN CASE found WHEN 0 THEN 0 ELSE char_length($1) + $3::int + 1 - found - char_length($2) + 2 END;
    END IF;
    FOR turn IN 1 .. $4 LOOP
        found := strpos(pg_catalog.substr($1, at + 1), $2);
        IF found = 0 THEN RETURN 0; END IF;
        at := at + found;
    END LOOP;
    RETURN at;
END $$;
CREATE FUNCTION lengthb(text) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT nullif(octet_length($1), 0) $$;
CREATE FUNCTION length(clob) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT nullif(char_length($1::text), 0) $$;
CREATE FUNCTION replace(text, text, text DEFAULT NULL) RETURNS text LANGUAGE sql IMMUTABLE AS
    $$ SELECT nullif(pg_catalog.replace($1, coalesce($2, ''), coalesce($3, '')), '') $$;
CREATE FUNCTION translate(text, text, text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT nullif(pg_catalog.translate($1, $2, $3), '') $$;
CREATE FUNCTION btrim(text, text DEFAULT ' ') RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT nullif(pg_catalog.btrim($1, $2), '') $$;
CREATE FUNCTION ltrim(text, text DEFAULT ' ') RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT nullif(pg_catalog.ltrim($1, $2), '') $$;
CREATE FUNCTION rtrim(text, text DEFAULT ' ') RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT nullif(pg_catalog.rtrim($1, $2), '') $$;
CREATE FUNCTION concat(text, text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT sys.joined($1, $2) $$;
CREATE FUNCTION current_user_name() RETURNS text LANGUAGE sql STABLE AS $$ SELECT upper(session_user) $$;
CREATE FUNCTION to_char(numeric) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT regexp_replace(regexp_replace(regexp_replace($1::text, '(\.\d*?)0+$', '\1'), '\.$', ''), '^(-?)0\.', '\1.') $$;
CREATE FUNCTION to_char(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT $1 $$;
CREATE FUNCTION to_clob(text) RETURNS clob LANGUAGE sql IMMUTABLE AS $$ SELECT $1::sys.clob $$;
CREATE FUNCTION to_number(text) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$ SELECT sys.text_as_number($1) $$;
CREATE FUNCTION rawtohex(bytea) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT upper(encode($1, 'hex')) $$;
CREATE FUNCTION hextoraw(text) RETURNS raw LANGUAGE sql IMMUTABLE AS $$ SELECT decode($1, 'hex')::sys.raw $$;
CREATE FUNCTION sys_guid() RETURNS raw LANGUAGE sql VOLATILE AS $$ SELECT decode(replace(gen_random_uuid()::text, '-', ''), 'hex')::sys.raw $$;
CREATE FUNCTION "json_value"(text, text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT nullif(jsonb_path_query_first($1::jsonb, $2::jsonpath) #>> '{}', '') $$;
CREATE FUNCTION mod(numeric, numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$ SELECT CASE $2 WHEN 0 THEN $1 ELSE pg_catalog.mod($1, $2) END $$;
CREATE FUNCTION sys_context(text, text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE upper($2) WHEN 'CURRENT_SCHEMA' THEN upper(current_schema()) WHEN 'SESSION_USER' THEN upper(session_user)
        WHEN 'CURRENT_USER' THEN upper(current_user) WHEN 'SERVICE_NAME' THEN 'FREEPDB1' WHEN 'DB_NAME' THEN 'FREEPDB1'
        WHEN 'SID' THEN current_setting('standin.sid', true) WHEN 'INSTANCE' THEN '1' END $$;

-- A table's VARCHAR2 is checked by calling this where it does not fit: a check's own failure would not tell the sizes.
CREATE FUNCTION too_large(owner text, tab text, col text, actual int, maximum int) RETURNS bool LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = '22001',
        MESSAGE = format('value too large for column "%s"."%s"."%s" (actual: %s, maximum: %s)', owner, tab, col, actual, maximum);
END $$;

-- MODIFY of a column: its old length no longer holds.
CREATE FUNCTION drop_length_check(tab regclass, col name) RETURNS void LANGUAGE plpgsql AS $$
DECLARE old name;
BEGIN
    SELECT c.conname INTO old FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
     WHERE c.conrelid = tab AND a.attname = col AND c.conname ~ '^(n?varchar2|raw)\(\d+ (byte|char)\) ';
    IF FOUND THEN EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', tab, old); END IF;
END $$;

CREATE SCHEMA dbms_lob;
GRANT USAGE ON SCHEMA dbms_lob TO PUBLIC;
CREATE FUNCTION dbms_lob.getlength(text) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$ SELECT char_length($1) $$;
CREATE FUNCTION dbms_lob.getlength(bytea) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$ SELECT octet_length($1) $$;
CREATE FUNCTION dbms_lob.substr(text, numeric DEFAULT 32767, numeric DEFAULT 1) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT sys.substr($1, $3, $2) $$;

-- Whether the mapping query is asked for many recipients at once.

ALTER TABLE DBIO ADD (MAPPING_BATCH NUMBER(1) DEFAULT 0 NOT NULL CHECK (MAPPING_BATCH IN (0, 1)));

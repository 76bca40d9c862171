-- Whether the mapping query is asked for many recipients at once.

ALTER TABLE DBIO ADD COLUMN MAPPING_BATCH INTEGER NOT NULL DEFAULT 0 CHECK (MAPPING_BATCH IN (0, 1));

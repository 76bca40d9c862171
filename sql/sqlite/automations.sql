-- Definitions and their schedules.

-- name: read_now
-- The database's clock.
SELECT UTC_NOW() AS MOMENT;

-- name: find_automation
-- By id, or by name; at most one.
SELECT AUTO_ID, NAME FROM AUTOMATION WHERE AUTO_ID = :auto_id OR NAME = :name;

-- name: read_automation
SELECT A.AUTO_ID, A.NAME, A.STATUS, A.POLICIES, A.OWNER_EMAIL, A.IS_RUNNING, A.LAST_RUN, A.NEXT_RUN, A.DBIO_ID, A.TEMPLATE_ID,
       D.SOURCE, D.TARGET_QUERY, D.MAPPING_QUERY, D.MAPPING_BATCH, D.UPDATE_QUERY, D.KEY_COLUMN, D.EMAIL_COLUMN, D.ATTACH_COLUMN,
       T.SUBJECT, T.HTML, T.TEXT
  FROM AUTOMATION A
  JOIN DBIO D ON D.DBIO_ID = A.DBIO_ID
  JOIN TEMPLATE T ON T.TEMPLATE_ID = A.TEMPLATE_ID
 WHERE A.AUTO_ID = :auto_id;

-- name: list_automations
SELECT AUTO_ID, NAME, STATUS, IS_RUNNING, LAST_RUN, NEXT_RUN, OWNER_EMAIL FROM AUTOMATION ORDER BY NAME;

-- name: list_schedules
SELECT SCHEDULE_ID, KIND, RULE, TIMEZONE, MISFIRE_GRACE, NEXT_RUN, LAST_RUN FROM SCHEDULE WHERE AUTO_ID = :auto_id ORDER BY SCHEDULE_ID;

-- name: insert_dbio
INSERT INTO DBIO (NAME, SOURCE, TARGET_QUERY, MAPPING_QUERY, MAPPING_BATCH, UPDATE_QUERY, KEY_COLUMN, EMAIL_COLUMN, ATTACH_COLUMN, CREATED_AT)
VALUES (:name, :source, :target_query, :mapping_query, :mapping_batch, :update_query, :key_column, :email_column, :attach_column, UTC_NOW());

-- name: insert_template
INSERT INTO TEMPLATE (NAME, SUBJECT, HTML, TEXT, CREATED_AT) VALUES (:name, :subject, :html, :text, UTC_NOW());

-- name: insert_automation
INSERT INTO AUTOMATION (NAME, STATUS, DBIO_ID, TEMPLATE_ID, POLICIES, OWNER_EMAIL, CHANGED_AT)
VALUES (:name, 'ACTIVE', :dbio_id, :template_id, :policies, :owner, UTC_NOW());

-- name: update_automation
UPDATE AUTOMATION
   SET DBIO_ID = :dbio_id, TEMPLATE_ID = :template_id, POLICIES = :policies, OWNER_EMAIL = :owner, CHANGED_AT = UTC_NOW()
 WHERE AUTO_ID = :auto_id;

-- name: set_automation_status
UPDATE AUTOMATION SET STATUS = :status, CHANGED_AT = UTC_NOW() WHERE AUTO_ID = :auto_id AND STATUS <> :status;

-- name: insert_schedule
INSERT INTO SCHEDULE (AUTO_ID, KIND, RULE, TIMEZONE, MISFIRE_GRACE, NEXT_RUN)
VALUES (:auto_id, :kind, :rule, :timezone, :misfire_grace, :next_run);

-- name: delete_schedule
DELETE FROM SCHEDULE WHERE SCHEDULE_ID = :schedule_id;

-- name: list_due_schedules
-- What a tick looks at, automation by automation. NEXT_RUN and LAST_RUN both NULL: saved by another program, and never run.
SELECT S.SCHEDULE_ID, S.AUTO_ID
  FROM SCHEDULE S JOIN AUTOMATION A ON A.AUTO_ID = S.AUTO_ID
 WHERE A.STATUS = 'ACTIVE'
   AND (S.NEXT_RUN <= UTC_NOW() OR S.NEXT_RUN IS NULL AND S.LAST_RUN IS NULL)
 ORDER BY S.NEXT_RUN, S.SCHEDULE_ID;

-- name: read_next_run
-- When the next schedule is due, beside the time now; IS_NEW: one that another program saved was never looked at.
SELECT MIN(S.NEXT_RUN) AS NEXT_RUN,
       MAX(CASE WHEN S.NEXT_RUN IS NULL AND S.LAST_RUN IS NULL THEN 1 ELSE 0 END) AS IS_NEW,
       UTC_NOW() AS MOMENT
  FROM SCHEDULE S JOIN AUTOMATION A ON A.AUTO_ID = S.AUTO_ID
 WHERE A.STATUS = 'ACTIVE';

-- name: lock_automation_if_free
-- The first lock of a fire. No row: another scheduler, or a person, holds it; try again in a second.
SELECT AUTO_ID, NAME, STATUS FROM AUTOMATION WHERE AUTO_ID = :auto_id;

-- name: read_schedule
-- Read again under the lock: another scheduler may have moved it on.
SELECT SCHEDULE_ID, AUTO_ID, KIND, RULE, TIMEZONE, MISFIRE_GRACE, NEXT_RUN, LAST_RUN FROM SCHEDULE WHERE SCHEDULE_ID = :schedule_id;

-- name: move_schedule
UPDATE SCHEDULE SET NEXT_RUN = :next_run, LAST_RUN = :last_run WHERE SCHEDULE_ID = :schedule_id;

-- name: note_run
-- What people see of the automation's times; NEXT_RUN is its schedules' earliest.
UPDATE AUTOMATION
   SET LAST_RUN = COALESCE(:last_run, LAST_RUN),
       NEXT_RUN = (SELECT MIN(S.NEXT_RUN) FROM SCHEDULE S WHERE S.AUTO_ID = AUTOMATION.AUTO_ID)
 WHERE AUTO_ID = :auto_id;

-- What happened: in a job, by a person; and who works.

-- name: insert_job_log
INSERT INTO JOB_LOG (JOB_ID, AUTO_ID, SEVERITY, CODE, MESSAGE, FIRST_AT, LAST_AT)
VALUES (:job_id, :auto_id, :severity, :code, :message, SYS_EXTRACT_UTC(SYSTIMESTAMP), SYS_EXTRACT_UTC(SYSTIMESTAMP));

-- name: repeat_job_log
-- The same once more: counted, not repeated. No row: it is the first.
UPDATE JOB_LOG SET TIMES = TIMES + 1, LAST_AT = SYS_EXTRACT_UTC(SYSTIMESTAMP)
 WHERE LOG_ID = (SELECT MAX(L.LOG_ID) FROM JOB_LOG L WHERE L.JOB_ID = :job_id AND L.CODE = :code);

-- name: repeat_automation_log
-- The same for what belongs to no job: a schedule that was skipped. Only within the last day, so that each day shows.
UPDATE JOB_LOG SET TIMES = TIMES + 1, LAST_AT = SYS_EXTRACT_UTC(SYSTIMESTAMP), MESSAGE = :message
 WHERE LOG_ID = (SELECT MAX(L.LOG_ID) FROM JOB_LOG L
                  WHERE L.AUTO_ID = :auto_id AND L.JOB_ID IS NULL AND L.CODE = :code AND L.FIRST_AT > SYS_EXTRACT_UTC(SYSTIMESTAMP) - INTERVAL '1' DAY);

-- name: list_job_log
SELECT SEVERITY, CODE, MESSAGE, TIMES, FIRST_AT, LAST_AT FROM JOB_LOG WHERE JOB_ID = :job_id ORDER BY LOG_ID;

-- name: list_automation_log
-- What the automation's schedules skipped, the latest first.
SELECT SEVERITY, CODE, MESSAGE, TIMES, FIRST_AT, LAST_AT FROM JOB_LOG WHERE AUTO_ID = :auto_id AND JOB_ID IS NULL ORDER BY LOG_ID DESC;

-- name: insert_audit
INSERT INTO AUDIT_LOG (DONE_AT, ACTOR, ACTION, DONE_TO, DETAILS) VALUES (SYS_EXTRACT_UTC(SYSTIMESTAMP), :actor, :action, :done_to, :details);

-- name: list_audit
SELECT DONE_AT, ACTOR, ACTION, DONE_TO, DETAILS FROM AUDIT_LOG ORDER BY AUDIT_ID;

-- name: insert_worker
INSERT INTO WORKER (WORKER_ID, HOST, PID, ROLE, VERSION, STARTED_AT, HEARTBEAT_AT)
VALUES (:worker_id, :host, :pid, :role, :version, SYS_EXTRACT_UTC(SYSTIMESTAMP), SYS_EXTRACT_UTC(SYSTIMESTAMP));

-- name: beat_worker
UPDATE WORKER SET HEARTBEAT_AT = SYS_EXTRACT_UTC(SYSTIMESTAMP) WHERE WORKER_ID = :worker_id;

-- name: delete_worker
DELETE FROM WORKER WHERE WORKER_ID = :worker_id;

-- name: delete_dead_workers
DELETE FROM WORKER WHERE HEARTBEAT_AT < SYS_EXTRACT_UTC(SYSTIMESTAMP) - INTERVAL '1' DAY;

-- name: list_live_workers
-- A process without workers beats a third as often.
SELECT WORKER_ID, HOST, PID, ROLE, VERSION, STARTED_AT, HEARTBEAT_AT FROM WORKER
 WHERE HEARTBEAT_AT > SYS_EXTRACT_UTC(SYSTIMESTAMP) - NUMTODSINTERVAL(:alive_seconds * CASE WHEN ROLE IN ('all', 'worker') THEN 1 ELSE 3 END, 'SECOND')
 ORDER BY WORKER_ID;

-- Jobs and batches: enqueue, claim, renew, give back, finish.

-- name: lock_automation
-- The first lock of every transaction that makes or ends a job. No row: there is no such automation.
SELECT AUTO_ID, NAME, STATUS FROM AUTOMATION WHERE AUTO_ID = :auto_id FOR UPDATE;

-- name: find_active_job
-- The job that keeps another of its automation from starting; at most one.
SELECT JOB_ID, STATUS FROM JOB_QUEUE
 WHERE CASE WHEN STATUS IN ('WAITING', 'RUNNING') THEN AUTO_ID END = :auto_id;

-- name: find_job_of_fire
-- Whether this fire of the schedule has its job already.
SELECT JOB_ID FROM JOB_QUEUE WHERE AUTO_ID = :auto_id AND SCHEDULE_ID = :schedule_id AND FIRE_AT = :fire_at;

-- name: insert_job
INSERT INTO JOB_QUEUE (AUTO_ID, SCHEDULE_ID, FIRE_AT, STATUS, RUN_AFTER, ACTOR, CREATED_AT)
VALUES (:auto_id, :schedule_id, :fire_at, 'WAITING', SYS_EXTRACT_UTC(SYSTIMESTAMP), :actor, SYS_EXTRACT_UTC(SYSTIMESTAMP))
RETURNING JOB_ID INTO :generated_key;

-- name: set_automation_running
UPDATE AUTOMATION SET IS_RUNNING = :is_running WHERE AUTO_ID = :auto_id;

-- name: look_for_work
-- What every poll of a process asks first: one read, which locks and writes nothing. Whether there may be a job to claim, one to
-- help with, something to settle in jobs that are over; each is then asked for by the statement that takes it.
SELECT CASE WHEN EXISTS (
           SELECT 1 FROM JOB_QUEUE Q
            WHERE CASE WHEN Q.STATUS IN ('WAITING', 'RUNNING') THEN Q.STATUS END = 'WAITING' AND Q.RUN_AFTER <= SYS_EXTRACT_UTC(SYSTIMESTAMP)
               OR CASE WHEN Q.STATUS IN ('WAITING', 'RUNNING') THEN Q.STATUS END = 'RUNNING' AND Q.LEASE_UNTIL <= SYS_EXTRACT_UTC(SYSTIMESTAMP))
       THEN 1 ELSE 0 END AS TO_CLAIM,
       CASE WHEN EXISTS (
           SELECT 1 FROM JOB_QUEUE Q JOIN JOB_BATCH B ON CASE WHEN B.STATUS = 'OPEN' THEN B.JOB_ID END = Q.JOB_ID
            WHERE CASE WHEN Q.STATUS IN ('WAITING', 'RUNNING') THEN Q.STATUS END = 'RUNNING'
              AND Q.LOADED_AT IS NOT NULL AND Q.STOPPING IS NULL
              AND (B.WORKER_ID IS NULL OR B.LEASE_UNTIL <= SYS_EXTRACT_UTC(SYSTIMESTAMP)))
       THEN 1 ELSE 0 END AS TO_JOIN,
       CASE WHEN EXISTS (
           SELECT 1 FROM DELIVERY D
             JOIN JOB_BATCH B ON B.JOB_ID = D.JOB_ID AND B.BATCH_NO = D.BATCH_NO
             JOIN JOB_QUEUE Q ON Q.JOB_ID = D.JOB_ID
            WHERE CASE WHEN D.STATUS IN ('SENDING', 'UNKNOWN') OR D.UPDATE_STATUS = 'DUE' THEN D.JOB_ID END IS NOT NULL
              AND (D.STATUS = 'SENDING' OR D.UPDATE_STATUS = 'DUE')
              AND B.STATUS = 'OPEN' AND (B.WORKER_ID IS NULL OR B.LEASE_UNTIL <= SYS_EXTRACT_UTC(SYSTIMESTAMP))
              AND (Q.STATUS IN ('DONE', 'FAIL', 'CANCELLED') OR Q.STOPPING IS NOT NULL))
       THEN 1 ELSE 0 END AS TO_SETTLE
  FROM DUAL;

-- name: list_waiting_jobs
-- Jobs that any worker may take, the longest waiting first.
SELECT Q.JOB_ID, Q.AUTO_ID, A.NAME, Q.FENCE, Q.LOADED_AT, Q.TAKEOVERS, Q.WORKER_ID, SYS_EXTRACT_UTC(SYSTIMESTAMP) AS START_AT
  FROM JOB_QUEUE Q JOIN AUTOMATION A ON A.AUTO_ID = Q.AUTO_ID
 WHERE CASE WHEN Q.STATUS IN ('WAITING', 'RUNNING') THEN Q.STATUS END = 'WAITING'
   AND Q.RUN_AFTER <= SYS_EXTRACT_UTC(SYSTIMESTAMP)
 ORDER BY Q.RUN_AFTER, Q.JOB_ID
   FOR UPDATE OF Q.STATUS SKIP LOCKED;

-- name: list_abandoned_jobs
-- Jobs whose holder gave them back, or did not renew its lease.
SELECT Q.JOB_ID, Q.AUTO_ID, A.NAME, Q.FENCE, Q.LOADED_AT, Q.TAKEOVERS, Q.WORKER_ID, Q.START_AT
  FROM JOB_QUEUE Q JOIN AUTOMATION A ON A.AUTO_ID = Q.AUTO_ID
 WHERE CASE WHEN Q.STATUS IN ('WAITING', 'RUNNING') THEN Q.STATUS END = 'RUNNING'
   AND Q.LEASE_UNTIL <= SYS_EXTRACT_UTC(SYSTIMESTAMP)
 ORDER BY Q.RUN_AFTER, Q.JOB_ID
   FOR UPDATE OF Q.STATUS SKIP LOCKED;

-- name: list_jobs_to_join
-- Loaded jobs that are being sent and have a batch that nobody holds.
SELECT Q.JOB_ID, Q.AUTO_ID, A.NAME, Q.FENCE, Q.LOADED_AT, Q.TAKEOVERS, Q.WORKER_ID, Q.START_AT, Q.POLICIES
  FROM JOB_QUEUE Q JOIN AUTOMATION A ON A.AUTO_ID = Q.AUTO_ID
 WHERE CASE WHEN Q.STATUS IN ('WAITING', 'RUNNING') THEN Q.STATUS END = 'RUNNING'
   AND Q.LOADED_AT IS NOT NULL AND Q.STOPPING IS NULL
   AND EXISTS (SELECT 1 FROM JOB_BATCH B
                WHERE CASE WHEN B.STATUS = 'OPEN' THEN B.JOB_ID END = Q.JOB_ID
                  AND (B.WORKER_ID IS NULL OR B.LEASE_UNTIL <= SYS_EXTRACT_UTC(SYSTIMESTAMP)))
 ORDER BY Q.RUN_AFTER, Q.JOB_ID;

-- name: claim_job
-- No row: another worker was first. A take-over counts while loading, and only from an owner that did not give back.
UPDATE JOB_QUEUE
   SET STATUS = 'RUNNING', WORKER_ID = :worker_id, LEASE_UNTIL = SYS_EXTRACT_UTC(SYSTIMESTAMP) + NUMTODSINTERVAL(:lease_seconds, 'SECOND'), FENCE = FENCE + 1,
       START_AT = CASE WHEN STATUS = 'WAITING' THEN :start_at ELSE START_AT END,
       TAKEOVERS = CASE WHEN LOADED_AT IS NULL AND STATUS = 'RUNNING' AND WORKER_ID IS NOT NULL THEN TAKEOVERS + 1 ELSE TAKEOVERS END
 WHERE JOB_ID = :job_id AND FENCE = :fence
   AND STATUS IN ('WAITING', 'RUNNING');

-- name: renew_job
-- The heartbeat of a job's holder. No row: taken over, or ended.
UPDATE JOB_QUEUE SET LEASE_UNTIL = SYS_EXTRACT_UTC(SYSTIMESTAMP) + NUMTODSINTERVAL(:lease_seconds, 'SECOND')
 WHERE JOB_ID = :job_id AND FENCE = :fence AND STATUS = 'RUNNING';

-- name: give_back_job
-- A clean stop: the next worker goes on at once, and its claim is no take-over.
UPDATE JOB_QUEUE SET WORKER_ID = NULL, LEASE_UNTIL = SYS_EXTRACT_UTC(SYSTIMESTAMP)
 WHERE JOB_ID = :job_id AND FENCE = :fence AND STATUS = 'RUNNING';

-- name: put_off_job
-- Nothing can be done for it yet: whoever looks then goes on with it, and that claim is no take-over.
UPDATE JOB_QUEUE SET WORKER_ID = NULL, LEASE_UNTIL = SYS_EXTRACT_UTC(SYSTIMESTAMP) + NUMTODSINTERVAL(:seconds, 'SECOND')
 WHERE JOB_ID = :job_id AND FENCE = :fence AND STATUS = 'RUNNING';

-- name: read_job_standing
SELECT STATUS, STOPPING, LOG, FENCE, LOADED_AT FROM JOB_QUEUE WHERE JOB_ID = :job_id;

-- name: mark_stopping
-- The first cause wins; no row: the job is not running, or stops already. One that was put off is looked at now.
UPDATE JOB_QUEUE SET STOPPING = :stopping, LOG = :log,
       LEASE_UNTIL = CASE WHEN WORKER_ID IS NULL THEN SYS_EXTRACT_UTC(SYSTIMESTAMP) ELSE LEASE_UNTIL END
 WHERE JOB_ID = :job_id AND STATUS = 'RUNNING' AND STOPPING IS NULL
   AND (:fence IS NULL OR FENCE = :fence)  -- NULL: a person's, whoever holds the job
;

-- name: end_waiting_job
-- Cancels a job that no worker has taken yet.
UPDATE JOB_QUEUE SET STATUS = 'CANCELLED', LOG = :log, END_AT = SYS_EXTRACT_UTC(SYSTIMESTAMP) WHERE JOB_ID = :job_id AND STATUS = 'WAITING';

-- name: end_job
-- Only the holder ends a job, and DONE is only what is loaded and not to stop. No row: neither, or taken over.
UPDATE JOB_QUEUE
   SET STATUS = :status, STOPPING = NULL, LOG = :log, END_AT = SYS_EXTRACT_UTC(SYSTIMESTAMP), WORKER_ID = NULL, LEASE_UNTIL = NULL, TAKEOVERS = 0
 WHERE JOB_ID = :job_id AND FENCE = :fence AND STATUS = 'RUNNING'
   AND (:status <> 'DONE' OR LOADED_AT IS NOT NULL AND STOPPING IS NULL);

-- name: reopen_job
-- `job retry`: the same job, once more. STOPPING is NULL since it ended.
UPDATE JOB_QUEUE SET STATUS = 'WAITING', RUN_AFTER = SYS_EXTRACT_UTC(SYSTIMESTAMP), END_AT = NULL, LOG = NULL, TAKEOVERS = 0
 WHERE JOB_ID = :job_id AND STATUS IN ('DONE', 'FAIL', 'CANCELLED');

-- name: count_what_keeps_a_job_open
-- What stands between a loaded job and DONE. UNKNOWN does not count where the policy leaves it so.
SELECT (SELECT COUNT(*) FROM JOB_BATCH B WHERE CASE WHEN B.STATUS = 'OPEN' THEN B.JOB_ID END = :job_id) AS OPEN_BATCHES,
       (SELECT COUNT(*) FROM DELIVERY D WHERE D.JOB_ID = :job_id AND D.STATUS = 'PENDING') AS PENDING,
       (SELECT COUNT(*) FROM DELIVERY D
         WHERE CASE WHEN D.STATUS IN ('SENDING', 'UNKNOWN') OR D.UPDATE_STATUS = 'DUE' THEN D.JOB_ID END = :job_id
           AND (D.STATUS = 'SENDING' OR D.UPDATE_STATUS = 'DUE')) AS UNDER_WAY,
       (SELECT COUNT(*) FROM DELIVERY D
         WHERE CASE WHEN D.STATUS IN ('SENDING', 'UNKNOWN') OR D.UPDATE_STATUS = 'DUE' THEN D.JOB_ID END = :job_id
           AND D.STATUS = 'UNKNOWN') AS UNKNOWN
  FROM DUAL;

-- name: insert_batch
INSERT INTO JOB_BATCH (JOB_ID, BATCH_NO, STATUS) VALUES (:job_id, :batch_no, 'OPEN');

-- name: list_free_batches
-- The job's open batches that nobody holds, the lowest first; with :may_take_over = 1 also those whose lease is over.
SELECT JOB_ID, BATCH_NO, FENCE, TAKEOVERS, WORKER_ID, 1 AS IS_FREE
  FROM JOB_BATCH
 WHERE CASE WHEN STATUS = 'OPEN' THEN JOB_ID END = :job_id
   AND (WORKER_ID IS NULL OR :may_take_over = 1 AND LEASE_UNTIL <= SYS_EXTRACT_UTC(SYSTIMESTAMP))
 ORDER BY BATCH_NO
   FOR UPDATE SKIP LOCKED;

-- name: lock_lowest_open_batch
-- The one batch that may be taken where the order counts: waited for while somebody writes it, where SKIP LOCKED would pass to the next.
-- No row: none is open, or it was closed meanwhile.
SELECT JOB_ID, BATCH_NO, FENCE, TAKEOVERS, WORKER_ID,
       CASE WHEN WORKER_ID IS NULL OR LEASE_UNTIL <= SYS_EXTRACT_UTC(SYSTIMESTAMP) THEN 1 ELSE 0 END AS IS_FREE
  FROM JOB_BATCH
 WHERE JOB_ID = :job_id AND STATUS = 'OPEN'
   AND BATCH_NO = (SELECT MIN(B.BATCH_NO) FROM JOB_BATCH B WHERE CASE WHEN B.STATUS = 'OPEN' THEN B.JOB_ID END = :job_id)
   FOR UPDATE;

-- name: list_batches_left_over
-- Free open batches of jobs that are over, or stop, with something that must still be settled there: SENDING, or an update
-- query that is due. Of one job, or all.
SELECT B.JOB_ID, B.BATCH_NO, B.FENCE, B.TAKEOVERS, B.WORKER_ID
  FROM DELIVERY D
  JOIN JOB_BATCH B ON B.JOB_ID = D.JOB_ID AND B.BATCH_NO = D.BATCH_NO
  JOIN JOB_QUEUE Q ON Q.JOB_ID = D.JOB_ID
 WHERE CASE WHEN D.STATUS IN ('SENDING', 'UNKNOWN') OR D.UPDATE_STATUS = 'DUE' THEN D.JOB_ID END IS NOT NULL
   AND (D.STATUS = 'SENDING' OR D.UPDATE_STATUS = 'DUE')
   AND B.STATUS = 'OPEN' AND (B.WORKER_ID IS NULL OR B.LEASE_UNTIL <= SYS_EXTRACT_UTC(SYSTIMESTAMP))
   AND (Q.STATUS IN ('DONE', 'FAIL', 'CANCELLED') OR Q.STOPPING IS NOT NULL)
   AND (:job_id IS NULL OR D.JOB_ID = :job_id)
   FOR UPDATE OF B.STATUS SKIP LOCKED;

-- name: claim_batch
-- No row: another worker was first. A take-over counts only from an owner that did not give back.
UPDATE JOB_BATCH
   SET WORKER_ID = :worker_id, LEASE_UNTIL = SYS_EXTRACT_UTC(SYSTIMESTAMP) + NUMTODSINTERVAL(:lease_seconds, 'SECOND'), FENCE = FENCE + 1,
       TAKEOVERS = CASE WHEN WORKER_ID IS NOT NULL THEN TAKEOVERS + 1 ELSE TAKEOVERS END
 WHERE JOB_ID = :job_id AND BATCH_NO = :batch_no AND FENCE = :fence AND STATUS = 'OPEN';

-- name: carry_batch_fence
-- Before a group marks rows SENDING: proves the claim on their batch and renews it; progress ends the count of take-overs.
-- No row: taken over; send no more of it (answers in hand are still written).
UPDATE JOB_BATCH SET LEASE_UNTIL = SYS_EXTRACT_UTC(SYSTIMESTAMP) + NUMTODSINTERVAL(:lease_seconds, 'SECOND'), TAKEOVERS = 0
 WHERE JOB_ID = :job_id AND BATCH_NO = :batch_no AND FENCE = :fence AND STATUS = 'OPEN';

-- name: renew_batch
-- The heartbeat of a batch's holder, where no group has carried the fence lately. No row: taken over.
UPDATE JOB_BATCH SET LEASE_UNTIL = SYS_EXTRACT_UTC(SYSTIMESTAMP) + NUMTODSINTERVAL(:lease_seconds, 'SECOND')
 WHERE JOB_ID = :job_id AND BATCH_NO = :batch_no AND FENCE = :fence AND STATUS = 'OPEN';

-- name: give_back_batch
UPDATE JOB_BATCH SET WORKER_ID = NULL, LEASE_UNTIL = NULL
 WHERE JOB_ID = :job_id AND BATCH_NO = :batch_no AND FENCE = :fence AND STATUS = 'OPEN';

-- name: close_batch
-- No row: taken over, or something of it is still PENDING, SENDING or due.
UPDATE JOB_BATCH SET STATUS = 'CLOSED', WORKER_ID = NULL, LEASE_UNTIL = NULL, TAKEOVERS = 0
 WHERE JOB_ID = :job_id AND BATCH_NO = :batch_no AND FENCE = :fence AND STATUS = 'OPEN'
   AND NOT EXISTS (SELECT 1 FROM DELIVERY D
                    WHERE D.JOB_ID = :job_id AND D.BATCH_NO = :batch_no
                      AND (D.STATUS IN ('PENDING', 'SENDING') OR D.UPDATE_STATUS = 'DUE'));

-- name: open_batch
-- Whatever makes a row PENDING or due opens its batch in the same transaction. One that is open is written too: whoever is about
-- to close it waits, and then sees the row.
UPDATE JOB_BATCH SET STATUS = 'OPEN' WHERE JOB_ID = :job_id AND BATCH_NO = :batch_no;

-- name: open_batches_with_work
-- The same for a whole job: opens each closed batch that has a row PENDING or due.
UPDATE JOB_BATCH SET STATUS = 'OPEN'
 WHERE JOB_ID = :job_id AND STATUS = 'CLOSED'
   AND EXISTS (SELECT 1 FROM DELIVERY D
                WHERE D.JOB_ID = JOB_BATCH.JOB_ID AND D.BATCH_NO = JOB_BATCH.BATCH_NO
                  AND (D.STATUS = 'PENDING' OR D.UPDATE_STATUS = 'DUE'));

-- name: fence_off_batches
-- A job that stops: every open batch is taken from its holder, so this waits for the groups that they have open. A retry
-- counts take-overs anew.
UPDATE JOB_BATCH SET FENCE = FENCE + 1, WORKER_ID = NULL, LEASE_UNTIL = NULL, TAKEOVERS = 0
 WHERE CASE WHEN STATUS = 'OPEN' THEN JOB_ID END = :job_id;

-- name: delete_batches
DELETE FROM JOB_BATCH WHERE JOB_ID = :job_id;

-- name: count_idle_work
-- Whether anything is waiting or running, for `run --until-idle`.
SELECT COUNT(*) AS ACTIVE FROM JOB_QUEUE
 WHERE CASE WHEN STATUS IN ('WAITING', 'RUNNING') THEN STATUS END IN ('WAITING', 'RUNNING');

-- name: list_jobs
SELECT Q.JOB_ID, A.NAME, Q.STATUS, Q.STOPPING, Q.FIRE_AT, Q.START_AT, Q.END_AT, Q.LOG
  FROM JOB_QUEUE Q JOIN AUTOMATION A ON A.AUTO_ID = Q.AUTO_ID
 WHERE (:auto_id IS NULL OR Q.AUTO_ID = :auto_id)
   AND (:status IS NULL OR Q.STATUS = :status)
 ORDER BY Q.JOB_ID DESC;

-- name: read_job
SELECT Q.JOB_ID, Q.AUTO_ID, A.NAME, Q.STATUS, Q.STOPPING, Q.FIRE_AT, Q.START_AT, Q.LOADED_AT, Q.END_AT, Q.LOG,
       Q.DBIO_ID, Q.TEMPLATE_ID, Q.POLICIES, Q.ACTOR, Q.WORKER_ID
  FROM JOB_QUEUE Q JOIN AUTOMATION A ON A.AUTO_ID = Q.AUTO_ID
 WHERE Q.JOB_ID = :job_id;

-- name: freeze_definition
-- The job keeps the automation's definition as it stands now. No row: taken over.
UPDATE JOB_QUEUE
   SET DBIO_ID = (SELECT A.DBIO_ID FROM AUTOMATION A WHERE A.AUTO_ID = JOB_QUEUE.AUTO_ID),
       TEMPLATE_ID = (SELECT A.TEMPLATE_ID FROM AUTOMATION A WHERE A.AUTO_ID = JOB_QUEUE.AUTO_ID),
       POLICIES = (SELECT A.POLICIES FROM AUTOMATION A WHERE A.AUTO_ID = JOB_QUEUE.AUTO_ID)
 WHERE JOB_ID = :job_id AND FENCE = :fence AND STATUS = 'RUNNING';

-- name: read_frozen_definition
SELECT A.NAME, A.OWNER_EMAIL, Q.POLICIES,
       D.SOURCE, D.TARGET_QUERY, D.MAPPING_QUERY, D.MAPPING_BATCH, D.UPDATE_QUERY, D.KEY_COLUMN, D.EMAIL_COLUMN, D.ATTACH_COLUMN,
       T.SUBJECT, T.HTML, T.TEXT
  FROM JOB_QUEUE Q
  JOIN AUTOMATION A ON A.AUTO_ID = Q.AUTO_ID
  JOIN DBIO D ON D.DBIO_ID = Q.DBIO_ID
  JOIN TEMPLATE T ON T.TEMPLATE_ID = Q.TEMPLATE_ID
 WHERE Q.JOB_ID = :job_id;

-- Deliveries: load the list, hand out a batch, record every change, count.

-- name: carry_job_fence
-- Begins each slice of the list: proves that the loader still holds the job, and renews its lease. No row: stop loading.
UPDATE JOB_QUEUE SET LEASE_UNTIL = UTC_AFTER(:lease_seconds)
 WHERE JOB_ID = :job_id AND FENCE = :fence AND STATUS = 'RUNNING'
   AND LOADED_AT IS NULL
   AND STOPPING IS NULL  -- turns away a loader whose job was cancelled
;

-- name: insert_delivery
INSERT INTO DELIVERY (JOB_ID, BATCH_NO, ROW_NO, RECIPIENT_KEY, EMAIL, ROW_DATA, STATUS, TOKEN, ERROR_CODE, ERROR, CHANGED_AT, DONE_AT)
VALUES (:job_id, :batch_no, :row_no, :recipient_key, :email, :row_data, :status, :token, :error_code, :error, UTC_NOW(),
        CASE WHEN :status = 'PENDING' THEN NULL ELSE UTC_NOW() END);

-- name: delete_slice_of_list
-- A partial list that a loader left: nothing of it was sent. Repeated until no row is touched.
DELETE FROM DELIVERY
 WHERE JOB_ID = :job_id AND ROW_NO < (SELECT MIN(ROW_NO) FROM DELIVERY WHERE JOB_ID = :job_id) + :row_count;

-- name: find_last_batch
-- How far the list goes; NULL: it has no row.
SELECT MAX(BATCH_NO) AS BATCH_NO FROM JOB_BATCH WHERE JOB_ID = :job_id;

-- name: skip_repeated_keys
-- The first row of a key is the one that counts, whatever became of it, and in whichever batch.
UPDATE DELIVERY
   SET STATUS = 'SKIPPED', ERROR_CODE = 'repeated key', DONE_AT = UTC_NOW(), CHANGED_AT = UTC_NOW(),
       ERROR = 'repeated key: row ' || (SELECT MIN(F.ROW_NO) FROM DELIVERY F
                                         WHERE F.RECIPIENT_KEY = DELIVERY.RECIPIENT_KEY AND F.JOB_ID = DELIVERY.JOB_ID) || ' has it first'
 WHERE JOB_ID = :job_id AND STATUS = 'PENDING' AND BATCH_NO BETWEEN :first_batch AND :last_batch
   AND EXISTS (SELECT 1 FROM DELIVERY F
                WHERE F.RECIPIENT_KEY = DELIVERY.RECIPIENT_KEY AND F.JOB_ID = DELIVERY.JOB_ID AND F.ROW_NO < DELIVERY.ROW_NO);

-- name: skip_held_back_keys
-- A key whose earlier mail or update query is still open in another job of the automation, or was settled only after this job
-- had begun: its target query may not have seen it. Only jobs begun within the automation's hold_back count:
-- the oldest of them is looked for first, so that years of earlier mails to a key cost nothing.
UPDATE DELIVERY
   SET STATUS = 'SKIPPED', ERROR_CODE = 'held back', DONE_AT = UTC_NOW(), CHANGED_AT = UTC_NOW(),
       ERROR = 'held back: job ' || (
           SELECT MAX(O.JOB_ID) FROM DELIVERY O JOIN JOB_QUEUE Q ON Q.JOB_ID = O.JOB_ID
            WHERE O.RECIPIENT_KEY = DELIVERY.RECIPIENT_KEY AND O.JOB_ID <> DELIVERY.JOB_ID
              AND Q.AUTO_ID = :auto_id AND Q.START_AT > UTC_AFTER(-:hold_back_seconds)
              AND O.JOB_ID >= (SELECT MIN(R.JOB_ID) FROM JOB_QUEUE R WHERE R.AUTO_ID = :auto_id AND R.START_AT > UTC_AFTER(-:hold_back_seconds))
              AND (O.STATUS IN ('SENDING', 'UNKNOWN')
                   OR O.STATUS = 'SENT' AND (O.UPDATE_STATUS IN ('DUE', 'FAILED') OR O.UPDATE_ROWS = 0)
                   OR O.STATUS = 'SENT' AND O.CHANGED_AT > :start_at)
           ) || ' has not settled this key'
 WHERE JOB_ID = :job_id AND STATUS = 'PENDING' AND BATCH_NO BETWEEN :first_batch AND :last_batch
   AND EXISTS (
           SELECT 1 FROM DELIVERY O JOIN JOB_QUEUE Q ON Q.JOB_ID = O.JOB_ID
            WHERE O.RECIPIENT_KEY = DELIVERY.RECIPIENT_KEY AND O.JOB_ID <> DELIVERY.JOB_ID
              AND Q.AUTO_ID = :auto_id AND Q.START_AT > UTC_AFTER(-:hold_back_seconds)
              AND O.JOB_ID >= (SELECT MIN(R.JOB_ID) FROM JOB_QUEUE R WHERE R.AUTO_ID = :auto_id AND R.START_AT > UTC_AFTER(-:hold_back_seconds))
              AND (O.STATUS IN ('SENDING', 'UNKNOWN')
                   OR O.STATUS = 'SENT' AND (O.UPDATE_STATUS IN ('DUE', 'FAILED') OR O.UPDATE_ROWS = 0)
                   OR O.STATUS = 'SENT' AND O.CHANGED_AT > :start_at));

-- name: skip_keys_sent_by_later_jobs
-- A job that is retried, or loaded anew, after a later one has mailed the same key.
UPDATE DELIVERY
   SET STATUS = 'SKIPPED', ERROR_CODE = 'sent since', DONE_AT = UTC_NOW(), CHANGED_AT = UTC_NOW(),
       ERROR = 'a later job has sent to this key meanwhile'
 WHERE JOB_ID = :job_id AND STATUS = 'PENDING' AND BATCH_NO BETWEEN :first_batch AND :last_batch
   AND EXISTS (SELECT 1 FROM DELIVERY O JOIN JOB_QUEUE Q ON Q.JOB_ID = O.JOB_ID
                WHERE O.RECIPIENT_KEY = DELIVERY.RECIPIENT_KEY AND O.JOB_ID > DELIVERY.JOB_ID
                  AND Q.AUTO_ID = :auto_id AND O.STATUS = 'SENT');

-- name: skip_suppressed_addresses
UPDATE DELIVERY
   SET STATUS = 'SKIPPED', ERROR_CODE = 'suppressed', ERROR = 'suppressed address', DONE_AT = UTC_NOW(), CHANGED_AT = UTC_NOW()
 WHERE JOB_ID = :job_id AND STATUS = 'PENDING' AND BATCH_NO BETWEEN :first_batch AND :last_batch
   AND LOWER(EMAIL) IN (SELECT EMAIL FROM SUPPRESSION);

-- name: set_loaded
-- The loader's last commit: from here on the list may be sent. No row: taken over, or stopping.
UPDATE JOB_QUEUE SET LOADED_AT = UTC_NOW(), TAKEOVERS = 0
 WHERE JOB_ID = :job_id AND FENCE = :fence AND STATUS = 'RUNNING' AND LOADED_AT IS NULL AND STOPPING IS NULL;

-- name: count_loaded_list
-- The one count of DELIVERY: what a fresh list adds to JOB_MINUTE.
SELECT STATUS, COUNT(*) AS N FROM DELIVERY WHERE JOB_ID = :job_id GROUP BY STATUS;

-- name: list_first_pending
-- The rows that are tried out before the list counts as loaded.
SELECT DELIVERY_ID, JOB_ID, BATCH_NO, ROW_NO, RECIPIENT_KEY, EMAIL, ROW_DATA, TOKEN, STATUS, ATTEMPT, TRIES, UPDATE_STATUS, MESSAGE_ID
  FROM DELIVERY WHERE JOB_ID = :job_id AND STATUS = 'PENDING' ORDER BY ROW_NO;

-- name: list_batch_work
-- What a claimed batch still asks for: mails to send and update queries to run, in the target query's order. +ROW_NO: sorted
-- after the batch's own index; without the + the whole job is read in that order (100,000 rows: 42 ms a batch, not 0.6).
SELECT DELIVERY_ID, JOB_ID, BATCH_NO, ROW_NO, RECIPIENT_KEY, EMAIL, ROW_DATA, TOKEN, STATUS, ATTEMPT, TRIES, UPDATE_STATUS, MESSAGE_ID
  FROM DELIVERY
 WHERE JOB_ID = :job_id AND BATCH_NO = :batch_no AND (STATUS = 'PENDING' OR UPDATE_STATUS = 'DUE')
 ORDER BY +ROW_NO;

-- name: mark_batch_unknown
-- Part of claiming a batch: what its last owner left SENDING, nobody knows what became of these calls.
UPDATE DELIVERY
   SET STATUS = 'UNKNOWN', ERROR_CODE = 'no answer', ERROR = 'the worker that sent it ended before an answer was written',
       CHANGED_AT = UTC_NOW(), DONE_AT = UTC_NOW()
 WHERE JOB_ID = :job_id AND BATCH_NO = :batch_no AND STATUS = 'SENDING';

-- name: record_change
-- Every change of a delivery; :moment is the database's time, read once for the group. No row: it no longer stands where the change says, or its job may not send any more.
UPDATE DELIVERY
   SET STATUS = :status, ATTEMPT = :attempt, TRIES = :tries, UPDATE_STATUS = :update_status,
       MESSAGE_ID = COALESCE(:message_id, MESSAGE_ID), ERROR_CODE = :error_code, ERROR = :error,
       UPDATE_ROWS = COALESCE(:update_rows, UPDATE_ROWS),
       SENDING_AT = CASE WHEN :status = 'SENDING' THEN :moment ELSE SENDING_AT END,
       SENT_AT = CASE WHEN :status = 'SENT' AND SENT_AT IS NULL THEN :moment ELSE SENT_AT END,
       CHANGED_AT = :moment,
       DONE_AT = CASE WHEN :status IN ('PENDING', 'SENDING') OR :update_status = 'DUE' THEN NULL ELSE :moment END
 WHERE DELIVERY_ID = :delivery_id
   AND STATUS = :was_status AND ATTEMPT = :was_attempt AND UPDATE_STATUS = :was_update_status
   AND (:status <> 'SENDING'
        OR EXISTS (SELECT 1 FROM JOB_QUEUE Q WHERE Q.JOB_ID = :job_id AND Q.STATUS = 'RUNNING' AND Q.STOPPING IS NULL));

-- name: read_standing
-- Locks the row, for an answer that does not find it as it was left.
SELECT STATUS, ATTEMPT, UPDATE_STATUS FROM DELIVERY WHERE DELIVERY_ID = :delivery_id;

-- name: read_send_facts
-- What an update query is told of the mail.
SELECT MESSAGE_ID, SENT_AT FROM DELIVERY WHERE DELIVERY_ID = :delivery_id;

-- name: add_to_minute
-- A writer adds to rows of its own: no two processes wait for each other here.
INSERT INTO JOB_MINUTE (JOB_ID, WRITER, MINUTE, STATE, N)
VALUES (:job_id, :writer, SUBSTR(UTC_NOW(), 1, 16) || ':00.000000', :state, :n)
ON CONFLICT (JOB_ID, WRITER, MINUTE, STATE) DO UPDATE SET N = N + EXCLUDED.N;

-- name: delete_minutes
DELETE FROM JOB_MINUTE WHERE JOB_ID = :job_id;

-- name: sum_minutes
-- A job's counts by state; once its list is loaded they add up to its length.
SELECT STATE, SUM(N) AS N FROM JOB_MINUTE WHERE JOB_ID = :job_id GROUP BY STATE;

-- name: count_held_back
SELECT COUNT(*) AS N FROM DELIVERY WHERE JOB_ID = :job_id AND STATUS = 'SKIPPED' AND ERROR_CODE = 'held back';

-- name: list_waiting_for
-- Who is held back and still waits, by the job that they wait for (the latest, where there are several): of one job, or of all of
-- an automation that began within its hold_back.
SELECT W.FOR_JOB, COUNT(*) AS N
  FROM (SELECT D.RECIPIENT_KEY, MAX(O.JOB_ID) AS FOR_JOB
          FROM JOB_QUEUE H
          JOIN DELIVERY D ON D.JOB_ID = H.JOB_ID AND D.STATUS = 'SKIPPED' AND D.ERROR_CODE = 'held back'
          JOIN DELIVERY O ON O.RECIPIENT_KEY = D.RECIPIENT_KEY AND O.JOB_ID <> D.JOB_ID
          JOIN JOB_QUEUE Q ON Q.JOB_ID = O.JOB_ID
         WHERE H.AUTO_ID = :auto_id AND Q.AUTO_ID = :auto_id AND (:job_id IS NULL OR H.JOB_ID = :job_id)
           AND H.START_AT > UTC_AFTER(-:hold_back_seconds)
           AND Q.START_AT > UTC_AFTER(-:hold_back_seconds)
           AND (O.STATUS IN ('SENDING', 'UNKNOWN')
                OR O.STATUS = 'SENT' AND (O.UPDATE_STATUS IN ('DUE', 'FAILED') OR O.UPDATE_ROWS = 0))
         GROUP BY D.RECIPIENT_KEY) W
 GROUP BY W.FOR_JOB
 ORDER BY W.FOR_JOB;

-- name: retry_failed
-- What may go better the next time.
UPDATE DELIVERY SET STATUS = 'PENDING', TRIES = 0, ERROR_CODE = NULL, ERROR = NULL, CHANGED_AT = UTC_NOW(), DONE_AT = NULL
 WHERE JOB_ID = :job_id AND STATUS = 'FAILED'
   -- The frozen row can't get better.
   AND COALESCE(ERROR_CODE, '-') NOT IN ('no key', 'key too long', 'no address', 'malformed address', 'several addresses');

-- name: retry_pending
UPDATE DELIVERY SET TRIES = 0 WHERE JOB_ID = :job_id AND STATUS = 'PENDING' AND TRIES > 0;

-- name: retry_updates
-- Update queries that failed or touched no row.
UPDATE DELIVERY SET UPDATE_STATUS = 'DUE', UPDATE_ROWS = NULL, ERROR_CODE = NULL, ERROR = NULL, CHANGED_AT = UTC_NOW(), DONE_AT = NULL
 WHERE JOB_ID = :job_id AND STATUS = 'SENT' AND UPDATE_STATUS = :update_status
   AND (UPDATE_STATUS = 'FAILED' OR UPDATE_STATUS = 'DONE' AND UPDATE_ROWS = 0);

-- name: find_batches_of_unknown
-- Which batches are to be locked before their UNKNOWN rows are.
SELECT DISTINCT BATCH_NO
  FROM DELIVERY
 WHERE JOB_ID = :job_id AND STATUS = 'UNKNOWN' AND (:recipient_key IS NULL OR RECIPIENT_KEY = :recipient_key)
   AND CHANGED_AT <= UTC_AFTER(-:older_than_seconds);

-- name: list_unknown
-- UNKNOWN rows that a person, or the automation's policy, may decide; of one key, or all.
SELECT DELIVERY_ID, JOB_ID, BATCH_NO, STATUS, ATTEMPT, TRIES, UPDATE_STATUS
  FROM DELIVERY
 WHERE JOB_ID = :job_id AND STATUS = 'UNKNOWN' AND (:recipient_key IS NULL OR RECIPIENT_KEY = :recipient_key)
   AND CHANGED_AT <= UTC_AFTER(-:older_than_seconds)
 ORDER BY DELIVERY_ID;

-- name: find_delivery_by_key
SELECT DELIVERY_ID, STATUS FROM DELIVERY WHERE JOB_ID = :job_id AND RECIPIENT_KEY = :recipient_key ORDER BY ROW_NO;

-- name: list_deliveries
-- The ledger for people: `job deliveries`.
SELECT ROW_NO, RECIPIENT_KEY, EMAIL, STATUS, ATTEMPT, MESSAGE_ID, ERROR_CODE, ERROR, UPDATE_STATUS, FEEDBACK, SENDING_AT, DONE_AT
  FROM DELIVERY
 WHERE JOB_ID = :job_id
   AND (:statuses IS NULL OR INSTR(:statuses, STATUS) > 0)
 ORDER BY ROW_NO;

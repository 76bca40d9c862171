-- SES's events, and the addresses that they, or people, suppress.

-- name: find_delivery_by_token
-- Where the delivery of an event stands, before anything is locked: which batches to lock first.
SELECT JOB_ID, BATCH_NO, STATUS, ATTEMPT, UPDATE_STATUS FROM DELIVERY WHERE DELIVERY_ID = :delivery_id AND TOKEN = :token;

-- name: lock_batch
-- Whoever makes an update query due waits for whoever closes the batch, and the other way round.
SELECT STATUS FROM JOB_BATCH WHERE JOB_ID = :job_id AND BATCH_NO = :batch_no FOR UPDATE;

-- name: lock_delivery_by_token
-- The delivery that an event is of. No row: not ours, or of a database that was restored since: ids are given out again, tokens are not.
-- A job that was purged has no row data any more for an update query to be run with.
SELECT D.DELIVERY_ID, D.JOB_ID, D.BATCH_NO, D.EMAIL, D.STATUS, D.ATTEMPT, D.TRIES, D.UPDATE_STATUS, D.MESSAGE_ID, D.FEEDBACK, D.SENDING_AT,
       (SELECT 1 FROM JOB_QUEUE Q JOIN DBIO B ON B.DBIO_ID = Q.DBIO_ID
         WHERE Q.JOB_ID = D.JOB_ID AND B.UPDATE_QUERY IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM JOB_LOG L WHERE L.JOB_ID = D.JOB_ID AND L.CODE = 'purged')) AS HAS_UPDATE
  FROM DELIVERY D WHERE D.DELIVERY_ID = :delivery_id AND D.TOKEN = :token FOR UPDATE OF D.STATUS;

-- name: note_feedback
UPDATE DELIVERY SET FEEDBACK = :feedback, MESSAGE_ID = COALESCE(MESSAGE_ID, :message_id) WHERE DELIVERY_ID = :delivery_id;

-- name: note_event_flow
-- The latest mail of which an event has come: absence of an event says nothing of mails sent after it.
UPDATE ACCOUNT SET EVENTS_TO = GREATEST(NVL(EVENTS_TO, :sending_at), :sending_at) WHERE ACCOUNT = :account;

-- name: list_unknown_without_event
-- UNKNOWN rows whose event should have come: the grace time is over, and an event of a later mail was consumed.
SELECT D.DELIVERY_ID, D.JOB_ID, D.BATCH_NO, D.STATUS, D.ATTEMPT, D.TRIES, D.UPDATE_STATUS
  FROM DELIVERY D
 WHERE D.JOB_ID = :job_id AND D.STATUS = 'UNKNOWN'
   AND D.CHANGED_AT <= SYS_EXTRACT_UTC(SYSTIMESTAMP) - NUMTODSINTERVAL(:older_than_seconds, 'SECOND')
   AND D.SENDING_AT < (SELECT A.EVENTS_TO FROM ACCOUNT A WHERE A.ACCOUNT = :account)
 ORDER BY D.DELIVERY_ID
   FOR UPDATE;

-- name: count_unknown_within
-- UNKNOWN rows that an event may still settle.
SELECT COUNT(*) AS N FROM DELIVERY
 WHERE JOB_ID = :job_id AND STATUS = 'UNKNOWN'
   AND CHANGED_AT > SYS_EXTRACT_UTC(SYSTIMESTAMP) - NUMTODSINTERVAL(:seconds, 'SECOND');

-- name: insert_suppression
-- No row: the address is there already, and keeps its reason.
MERGE INTO SUPPRESSION S
USING (SELECT :email AS EMAIL, :reason AS REASON FROM DUAL) N
   ON (S.EMAIL = N.EMAIL)
 WHEN NOT MATCHED THEN INSERT (EMAIL, REASON, SINCE) VALUES (N.EMAIL, N.REASON, SYS_EXTRACT_UTC(SYSTIMESTAMP));

-- name: delete_suppression
DELETE FROM SUPPRESSION WHERE EMAIL = :email;

-- name: list_suppressions
SELECT EMAIL, REASON, SINCE FROM SUPPRESSION ORDER BY EMAIL;

-- name: count_suppressions
SELECT COUNT(*) AS N FROM SUPPRESSION;

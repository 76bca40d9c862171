-- The one row of an SES account and region, or of the outbox, that all processes share.

-- name: insert_account
INSERT INTO ACCOUNT (ACCOUNT) VALUES (:account);

-- name: read_account
SELECT ACCOUNT, MAX_RATE, RATE, RATE_AT, QUOTA, POLLED_AT, PAUSED_UNTIL, WHY, SYS_EXTRACT_UTC(SYSTIMESTAMP) AS MOMENT
  FROM ACCOUNT WHERE ACCOUNT = :account;

-- name: reserve_slots
-- A block of slots, one after the other from the old NEXT_SLOT (or now, where that is past) to the new; in the database's time.
-- Committed with the statement: the row is locked for one round trip, whoever freezes after it.
UPDATE ACCOUNT
   SET NEXT_SLOT = GREATEST(NVL(NEXT_SLOT, SYS_EXTRACT_UTC(SYSTIMESTAMP)), SYS_EXTRACT_UTC(SYSTIMESTAMP)) + NUMTODSINTERVAL(:block_seconds, 'SECOND')
 WHERE ACCOUNT = :account
RETURNING NEXT_SLOT, SYS_EXTRACT_UTC(SYSTIMESTAMP) INTO :next_slot, :moment;

-- name: lower_rate
-- Throttled: a share of the rate that was in force. No row: another process has seen the same throttling within the second.
UPDATE ACCOUNT SET RATE = :rate, RATE_AT = SYS_EXTRACT_UTC(SYSTIMESTAMP)
 WHERE ACCOUNT = :account AND (RATE_AT IS NULL OR RATE_AT <= SYS_EXTRACT_UTC(SYSTIMESTAMP) - INTERVAL '1' SECOND);

-- name: claim_account_poll
-- One process asks SES, once in a while. No row: another has asked lately.
UPDATE ACCOUNT SET POLLED_AT = SYS_EXTRACT_UTC(SYSTIMESTAMP)
 WHERE ACCOUNT = :account AND (POLLED_AT IS NULL OR POLLED_AT <= SYS_EXTRACT_UTC(SYSTIMESTAMP) - NUMTODSINTERVAL(:every_seconds, 'SECOND'));

-- name: note_account
-- What SES said of the account; what it did not say stays.
UPDATE ACCOUNT SET MAX_RATE = COALESCE(:max_rate, MAX_RATE), QUOTA = COALESCE(:quota, QUOTA) WHERE ACCOUNT = :account;

-- name: pause_account
-- No row: a longer pause is there already.
UPDATE ACCOUNT SET PAUSED_UNTIL = SYS_EXTRACT_UTC(SYSTIMESTAMP) + NUMTODSINTERVAL(:seconds, 'SECOND'), WHY = :why
 WHERE ACCOUNT = :account AND (PAUSED_UNTIL IS NULL OR PAUSED_UNTIL <= SYS_EXTRACT_UTC(SYSTIMESTAMP) + NUMTODSINTERVAL(:seconds, 'SECOND'));

-- name: resume_account
-- Of that cause alone, or of any.
UPDATE ACCOUNT SET PAUSED_UNTIL = NULL, WHY = NULL WHERE ACCOUNT = :account AND WHY IS NOT NULL AND (:why IS NULL OR WHY = :why);

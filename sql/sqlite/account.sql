-- The one row of an SES account and region, or of the outbox, that all processes share.

-- name: insert_account
INSERT INTO ACCOUNT (ACCOUNT) VALUES (:account);

-- name: read_account
SELECT ACCOUNT, MAX_RATE, RATE, RATE_AT, QUOTA, POLLED_AT, PAUSED_UNTIL, WHY, UTC_NOW() AS MOMENT
  FROM ACCOUNT WHERE ACCOUNT = :account;

-- name: reserve_slots
-- A block of slots, one after the other from the old NEXT_SLOT (or now, where that is past) to the new; in the database's time.
-- Committed with the statement: the row is locked for one round trip, whoever freezes after it.
UPDATE ACCOUNT
   SET NEXT_SLOT = TIME_PLUS(MAX(COALESCE(NEXT_SLOT, UTC_NOW()), UTC_NOW()), :block_seconds)
 WHERE ACCOUNT = :account
RETURNING NEXT_SLOT, UTC_NOW() AS MOMENT;

-- name: lower_rate
-- Throttled: a share of the rate that was in force. No row: another process has seen the same throttling within the second.
UPDATE ACCOUNT SET RATE = :rate, RATE_AT = UTC_NOW()
 WHERE ACCOUNT = :account AND (RATE_AT IS NULL OR RATE_AT <= UTC_AFTER(-1));

-- name: claim_account_poll
-- One process asks SES, once in a while. No row: another has asked lately.
UPDATE ACCOUNT SET POLLED_AT = UTC_NOW()
 WHERE ACCOUNT = :account AND (POLLED_AT IS NULL OR POLLED_AT <= UTC_AFTER(-:every_seconds));

-- name: note_account
-- What SES said of the account; what it did not say stays.
UPDATE ACCOUNT SET MAX_RATE = COALESCE(:max_rate, MAX_RATE), QUOTA = COALESCE(:quota, QUOTA) WHERE ACCOUNT = :account;

-- name: pause_account
-- No row: a longer pause is there already.
UPDATE ACCOUNT SET PAUSED_UNTIL = UTC_AFTER(:seconds), WHY = :why
 WHERE ACCOUNT = :account AND (PAUSED_UNTIL IS NULL OR PAUSED_UNTIL <= UTC_AFTER(:seconds));

-- name: resume_account
-- Of that cause alone, or of any.
UPDATE ACCOUNT SET PAUSED_UNTIL = NULL, WHY = NULL WHERE ACCOUNT = :account AND WHY IS NOT NULL AND (:why IS NULL OR WHY = :why);

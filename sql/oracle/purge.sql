-- `mailer purge`: what is kept of a job once it has been over for long. Its row, its mark in JOB_LOG and AUDIT_LOG stay.

-- name: list_jobs_to_purge
-- Jobs of which something is left to be dropped, by automation, the oldest first; of one, or all. IS_OVER: it ended before then, and
-- nothing of it is open: no call, no update query, no UNKNOWN that an event may still settle. A job without the mark can be retried,
-- and then needs to know whom later jobs of its automation have mailed.
SELECT Q.JOB_ID, Q.AUTO_ID, Q.START_AT, A.POLICIES, SYS_EXTRACT_UTC(SYSTIMESTAMP) AS MOMENT,
       CASE WHEN EXISTS (SELECT 1 FROM JOB_LOG L WHERE L.JOB_ID = Q.JOB_ID AND L.CODE = 'purged') THEN 1 ELSE 0 END AS IS_MARKED,
       CASE WHEN EXISTS (SELECT 1 FROM JOB_LOG L WHERE L.JOB_ID = Q.JOB_ID AND L.CODE = 'row data dropped') THEN 0 ELSE 1 END AS HAS_ROW_DATA,
       CASE WHEN Q.STATUS IN ('DONE', 'FAIL', 'CANCELLED') AND Q.END_AT <= SYS_EXTRACT_UTC(SYSTIMESTAMP) - NUMTODSINTERVAL(:older_than_seconds, 'SECOND')
             AND NOT EXISTS (SELECT 1 FROM DELIVERY D
                              WHERE CASE WHEN D.STATUS IN ('SENDING', 'UNKNOWN') OR D.UPDATE_STATUS = 'DUE' THEN D.JOB_ID END = Q.JOB_ID
                                AND (D.STATUS = 'SENDING' OR D.UPDATE_STATUS = 'DUE'
                                     OR D.CHANGED_AT > SYS_EXTRACT_UTC(SYSTIMESTAMP) - NUMTODSINTERVAL(:grace_seconds, 'SECOND')))
            THEN 1 ELSE 0 END AS IS_OVER
  FROM JOB_QUEUE Q JOIN AUTOMATION A ON A.AUTO_ID = Q.AUTO_ID
 WHERE (:job_id IS NULL OR Q.JOB_ID = :job_id)
   AND (EXISTS (SELECT 1 FROM DELIVERY D WHERE D.JOB_ID = Q.JOB_ID)
        OR EXISTS (SELECT 1 FROM JOB_BATCH B WHERE B.JOB_ID = Q.JOB_ID)
        OR EXISTS (SELECT 1 FROM JOB_MINUTE M WHERE M.JOB_ID = Q.JOB_ID)
        OR EXISTS (SELECT 1 FROM JOB_LOG L WHERE L.JOB_ID = Q.JOB_ID AND L.CODE NOT IN ('purged', 'row data dropped', 'deliveries dropped'))
        OR Q.LOADED_AT IS NULL AND NOT EXISTS (SELECT 1 FROM JOB_LOG L WHERE L.JOB_ID = Q.JOB_ID AND L.CODE = 'purged'))
 ORDER BY Q.AUTO_ID, Q.JOB_ID;

-- name: list_active_policies
-- The definitions that jobs run by now: their hold_back may be longer than the automation's own has become.
SELECT Q.AUTO_ID, Q.POLICIES FROM JOB_QUEUE Q
 WHERE CASE WHEN Q.STATUS IN ('WAITING', 'RUNNING') THEN Q.STATUS END IN ('WAITING', 'RUNNING') AND Q.POLICIES IS NOT NULL;

-- name: find_purge_mark
-- One row where the job can't be retried or settled any more.
SELECT FIRST_AT FROM JOB_LOG WHERE JOB_ID = :job_id AND CODE = 'purged';

-- name: read_list_size
-- How many rows there are, and the number of the last: slices go by it.
SELECT COUNT(*) AS N, COALESCE(MAX(ROW_NO), 0) AS LAST_ROW FROM DELIVERY WHERE JOB_ID = :job_id;

-- name: drop_row_data
UPDATE DELIVERY SET ROW_DATA = '{}' WHERE JOB_ID = :job_id AND ROW_NO BETWEEN :first_row AND :last_row;

-- name: drop_deliveries
DELETE FROM DELIVERY WHERE JOB_ID = :job_id AND ROW_NO BETWEEN :first_row AND :last_row;

-- name: drop_job_log
DELETE FROM JOB_LOG WHERE JOB_ID = :job_id AND CODE NOT IN ('purged', 'row data dropped', 'deliveries dropped');

-- name: count_old_automation_log
SELECT COUNT(*) AS N FROM JOB_LOG WHERE JOB_ID IS NULL AND LAST_AT <= SYS_EXTRACT_UTC(SYSTIMESTAMP) - NUMTODSINTERVAL(:older_than_seconds, 'SECOND');

-- name: drop_automation_log
-- What schedules skipped: a line a day and cause.
DELETE FROM JOB_LOG WHERE JOB_ID IS NULL AND LAST_AT <= SYS_EXTRACT_UTC(SYSTIMESTAMP) - NUMTODSINTERVAL(:older_than_seconds, 'SECOND');

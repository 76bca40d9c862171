-- Jobs in a person's hands: retry and settle.

-- name: lock_job
-- The second lock, after AUTOMATION's, of a verb that changes a job's deliveries.
SELECT JOB_ID, AUTO_ID, STATUS, STOPPING, LOADED_AT, DBIO_ID, TEMPLATE_ID, POLICIES FROM JOB_QUEUE WHERE JOB_ID = :job_id;

-- name: lock_batches
-- The third: all of a job, before a statement that changes rows of any of them.
SELECT BATCH_NO FROM JOB_BATCH WHERE JOB_ID = :job_id ORDER BY BATCH_NO;

-- name: take_current_definition
-- `job retry --with-current`: what remains is sent by the automation as it stands now.
UPDATE JOB_QUEUE
   SET DBIO_ID = (SELECT A.DBIO_ID FROM AUTOMATION A WHERE A.AUTO_ID = JOB_QUEUE.AUTO_ID),
       TEMPLATE_ID = (SELECT A.TEMPLATE_ID FROM AUTOMATION A WHERE A.AUTO_ID = JOB_QUEUE.AUTO_ID),
       POLICIES = (SELECT A.POLICIES FROM AUTOMATION A WHERE A.AUTO_ID = JOB_QUEUE.AUTO_ID)
 WHERE JOB_ID = :job_id;

-- name: compare_definitions
-- What the job was loaded with (all NULL: nothing yet), beside what the automation is now.
SELECT Q.DBIO_ID AS JOB_DBIO_ID, Q.TEMPLATE_ID AS JOB_TEMPLATE_ID, Q.POLICIES AS JOB_POLICIES, A.DBIO_ID, A.TEMPLATE_ID, A.POLICIES
  FROM JOB_QUEUE Q JOIN AUTOMATION A ON A.AUTO_ID = Q.AUTO_ID
 WHERE Q.JOB_ID = :job_id;

-- name: count_pending
SELECT COUNT(*) AS N FROM DELIVERY WHERE JOB_ID = :job_id AND STATUS = 'PENDING';

-- name: has_update_query
-- One row where the job's frozen definition has an update query.
SELECT D.DBIO_ID FROM JOB_QUEUE Q JOIN DBIO D ON D.DBIO_ID = Q.DBIO_ID WHERE Q.JOB_ID = :job_id AND D.UPDATE_QUERY IS NOT NULL;

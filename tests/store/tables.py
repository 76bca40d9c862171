"""What stands in the tables, read behind the store's back."""

from collections import Counter
from dataclasses import dataclass

from mailer.db.record import Record
from mailer.model.delivery import Standing, Status, UpdateStatus
from mailer.model.job import JobStatus
from tests.store.engines import Engine, Rows


@dataclass(frozen=True)
class Tables:
    """Looks into one engine."""

    engine: Engine

    async def job(self, job_id: int) -> Record:
        return (await self.engine.run_sql("SELECT * FROM JOB_QUEUE WHERE JOB_ID = :job_id", {"job_id": job_id}))[0]

    async def job_status(self, job_id: int) -> JobStatus:
        return JobStatus((await self.job(job_id)).text("STATUS"))

    async def is_running(self, auto_id: int) -> bool:
        """AUTOMATION.IS_RUNNING."""
        return bool((await self.automation(auto_id)).integer("IS_RUNNING"))

    async def automation(self, auto_id: int) -> Record:
        rows = await self.engine.run_sql("SELECT * FROM AUTOMATION WHERE AUTO_ID = :auto_id", {"auto_id": auto_id})
        return rows[0]

    async def schedules(self, auto_id: int) -> Rows:
        return await self.engine.run_sql(
            "SELECT * FROM SCHEDULE WHERE AUTO_ID = :auto_id ORDER BY SCHEDULE_ID", {"auto_id": auto_id}
        )

    async def jobs(self, auto_id: int) -> Rows:
        return await self.engine.run_sql(
            "SELECT * FROM JOB_QUEUE WHERE AUTO_ID = :auto_id ORDER BY JOB_ID", {"auto_id": auto_id}
        )

    async def batch(self, job_id: int, batch_no: int = 1) -> Record:
        rows = await self.engine.run_sql(
            "SELECT * FROM JOB_BATCH WHERE JOB_ID = :job_id AND BATCH_NO = :batch_no",
            {"job_id": job_id, "batch_no": batch_no},
        )
        return rows[0]

    async def batches(self, job_id: int) -> dict[int, str]:
        """BATCH_NO to STATUS."""
        rows = await self.engine.run_sql(
            "SELECT BATCH_NO, STATUS FROM JOB_BATCH WHERE JOB_ID = :job_id ORDER BY BATCH_NO", {"job_id": job_id}
        )
        return {row.integer("BATCH_NO"): row.text("STATUS") for row in rows}

    async def deliveries(self, job_id: int) -> Rows:
        return await self.engine.run_sql(
            "SELECT * FROM DELIVERY WHERE JOB_ID = :job_id ORDER BY ROW_NO", {"job_id": job_id}
        )

    async def delivery(self, job_id: int, row_no: int = 1) -> Record:
        return (await self.deliveries(job_id))[row_no - 1]

    async def standing(self, job_id: int, row_no: int = 1) -> Standing:
        return standing_of(await self.delivery(job_id, row_no))

    async def statuses(self, job_id: int) -> list[Status]:
        """In the list's order."""
        return [Status(row.text("STATUS")) for row in await self.deliveries(job_id)]

    async def reasons(self, job_id: int) -> dict[str, str | None]:
        """RECIPIENT_KEY to ERROR_CODE of what is SKIPPED."""
        rows = await self.deliveries(job_id)
        skipped = (row for row in rows if row.text("STATUS") == "SKIPPED")
        return {row.text("RECIPIENT_KEY"): row.maybe_text("ERROR_CODE") for row in skipped}

    async def job_log(self, job_id: int | None) -> list[tuple[str, int]]:
        """CODE and TIMES of each line of the job; None: of what belongs to no job."""
        which = "JOB_ID IS NULL" if job_id is None else f"JOB_ID = {job_id}"
        rows = await self.engine.run_sql(f"SELECT CODE, TIMES FROM JOB_LOG WHERE {which} ORDER BY LOG_ID")
        return [(row.text("CODE"), row.integer("TIMES")) for row in rows]

    async def audit(self) -> list[tuple[str, str, str]]:
        """ACTOR, ACTION and DONE_TO of each row, in order."""
        rows = await self.engine.run_sql("SELECT ACTOR, ACTION, DONE_TO FROM AUDIT_LOG ORDER BY AUDIT_ID")
        return [(row.text("ACTOR"), row.text("ACTION"), row.text("DONE_TO")) for row in rows]

    async def suppress(self, email: str) -> None:
        """As the consumer of SES's events will."""
        await self.engine.run_sql(
            "INSERT INTO SUPPRESSION (EMAIL, REASON, SINCE) VALUES (:email, 'bounced', '2026-11-01 00:00:00.000000')",
            {"email": email},
        )

    async def suppressed(self) -> dict[str, str]:
        """EMAIL to REASON."""
        rows = await self.engine.run_sql("SELECT EMAIL, REASON FROM SUPPRESSION")
        return {row.text("EMAIL"): row.text("REASON") for row in rows}

    async def require_sums(self) -> None:
        """The sums of JOB_MINUTE are the ledger's, for each job whose list is loaded; nothing is counted before."""
        rows = await self.engine.run_sql("SELECT JOB_ID, LOADED_AT FROM JOB_QUEUE")
        for row in rows:
            job_id = row.integer("JOB_ID")
            expected = await self._counted(job_id) if row["LOADED_AT"] is not None else {}
            assert await self._sums(job_id) == expected, f"job {job_id}"

    async def _sums(self, job_id: int) -> dict[str, int]:
        rows = await self.engine.run_sql(
            "SELECT STATE, SUM(N) AS N FROM JOB_MINUTE WHERE JOB_ID = :job_id GROUP BY STATE", {"job_id": job_id}
        )
        return {row.text("STATE"): row.integer("N") for row in rows if row.integer("N")}

    async def _counted(self, job_id: int) -> dict[str, int]:
        counted: Counter[str] = Counter()
        for row in await self.deliveries(job_id):
            counted[row.text("STATUS")] += 1
            if row.text("UPDATE_STATUS") != "NONE":
                counted[f"UPDATE {row.text('UPDATE_STATUS')}"] += 1
        return dict(counted)


def standing_of(row: Record) -> Standing:
    """STATUS, ATTEMPT and UPDATE_STATUS of a row of DELIVERY."""
    return Standing(Status(row.text("STATUS")), row.integer("ATTEMPT"), UpdateStatus(row.text("UPDATE_STATUS")))

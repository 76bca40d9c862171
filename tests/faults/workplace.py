"""A workplace that goes through faults: the customer's tables, mailer's own, the double of SES, and processes."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import anyio

from mailer.clock import SystemClock
from mailer.db.database import Database
from mailer.db.migrations import migrate
from mailer.db.sqlite import SqliteDatabase
from mailer.model.automation import Automation, Dbio, Policies, Schedule, Template
from mailer.model.delivery import Status
from mailer.model.job import JobStatus
from mailer.store.automations import Automations
from mailer.store.fires import Fires
from tests.doubles.ses_process import SesProcess
from tests.doubles.ses_record import Mail
from tests.e2e.commands import Ran, look, run_mailer
from tests.faults.invariants import LedgerRow, Verdict, judge
from tests.faults.processes import MailerProcess
from tests.faults.waiting import until

ACTOR = "kim"
LEASE = 3.0
"""Seconds; the shortest that mailer takes."""
TARGET = "SELECT CUST_ID, CUST_NAME, EMAIL FROM CUSTOMER WHERE CUST_ID <= 1000000 ORDER BY CUST_ID"
UPDATE = (
    "UPDATE CUSTOMER SET MAILED_AT = :SENT_AT, MAIL_ID = :MESSAGE_ID, UPDATES = UPDATES + 1 WHERE CUST_ID = :CUST_ID"
)
_CUSTOMERS = """
CREATE TABLE CUSTOMER (
    CUST_ID INTEGER PRIMARY KEY, CUST_NAME TEXT, EMAIL TEXT, ATTACH_NAME TEXT,
    MAILED_AT TEXT, MAIL_ID TEXT, UPDATES INTEGER NOT NULL DEFAULT 0
)
"""


def statement(
    name: str = "월간 명세서",
    *,
    target: str = TARGET,
    mapping: str | None = None,
    update: str | None = UPDATE,
    html: str = "<p>$(CUST_NAME)님, 11월 명세서입니다.</p>",
    attachment: str | None = None,
    schedules: tuple[Schedule, ...] = (),
    **policies: Any,
) -> Automation:
    """An automation over the workplace's customers; `policies` as in `Policies`."""
    return Automation(
        name=name,
        dbio=Dbio("crm", target, "CUST_ID", "EMAIL", mapping=mapping, update=update, attachment=attachment),
        template=Template("$(CUST_NAME)님, 명세서", html, "$(CUST_NAME)님, 명세서입니다."),
        policies=Policies("고객센터 <billing@example.co.kr>", **policies),
        schedules=schedules,
    )


def address(cust_id: int) -> str:
    return f"cust{cust_id}@example.co.kr"


class Workplace:
    """One folder. Everything in it is read behind mailer's back."""

    def __init__(self, folder: Path, ses: SesProcess, printed: Path) -> None:
        self.folder = folder
        self.ses = ses
        self.database = folder / "mailer.db"
        self.processes: list[MailerProcess] = []
        self._printed = printed
        self._earlier_posts: int = ses.stats()["posts"]
        self.environment: dict[str, str] = {
            **ses.environment,
            "PYTHONDONTWRITEBYTECODE": "",  # where it is set every process would compile all of mailer
            "MAILER_TRANSPORT": "ses",
            "MAILER_LEASE": f"{LEASE:g}s",
            "MAILER_SES_RATE": "400",
            "MAILER_LOG_FORMAT": "json",
        }

    # What is there before the fault.

    def add_customers(self, count: int) -> None:
        """Customers 1 to `count`, each with a name and an address."""
        with self.crm() as crm:
            crm.execute("PRAGMA journal_mode = WAL")
            crm.execute(_CUSTOMERS)
            rows = [(number, f"고객 {number}", address(number)) for number in range(1, count + 1)]
            crm.executemany("INSERT INTO CUSTOMER (CUST_ID, CUST_NAME, EMAIL) VALUES (?, ?, ?)", rows)

    def move_database(self, folder: Path) -> None:
        """mailer's own database is to be there."""
        self.database = folder / "mailer.db"
        self.environment["MAILER_DATABASE"] = str(self.database)

    def save(self, automation: Automation) -> int:
        """As `automation apply`; its AUTO_ID. Makes mailer's database where there is none."""

        async def save() -> int:
            async with self._open() as database:
                await migrate(database)
                return (await Automations(database).save(automation, ACTOR)).auto_id

        return anyio.run(save)

    def save_all(self, automations: Iterable[Automation]) -> None:
        """Many at once."""

        async def save() -> None:
            async with self._open() as database:
                await migrate(database)
                for automation in automations:
                    await Automations(database).save(automation, ACTOR)

        anyio.run(save)

    def enqueue(self, auto_id: int) -> int:
        """As `enqueue`; the JOB_ID."""

        async def enqueue() -> int:
            async with self._open() as database:
                return await Fires(database).enqueue(auto_id, ACTOR)

        return anyio.run(enqueue)

    def new_job(self, automation: Automation) -> int:
        """Saves and enqueues; the JOB_ID."""
        return self.enqueue(self.save(automation))

    # Processes.

    def start(self, *arguments: str, env: Mapping[str, str] | None = None) -> MailerProcess:
        """`mailer …`, beside the test."""
        printed = self._printed / f"process-{len(self.processes)}"
        self.processes.append(MailerProcess(self.folder, printed, arguments, self.environment | dict(env or {})))
        return self.processes[-1]

    def run(self, *arguments: str, env: Mapping[str, str] | None = None) -> Ran:
        """`mailer …`, to its end."""
        return run_mailer(self.folder, *arguments, env=self.environment | dict(env or {}))

    def run_until_idle(self, env: Mapping[str, str] | None = None) -> None:
        """A healthy process goes on with whatever there is, to the end."""
        ran = self.start("run", "--until-idle", env=env).wait()
        assert ran.code == 0, ran.stderr

    def look(self, *arguments: str) -> Ran:
        """`mailer …` in the test's own process: for what only reads, or changes a row."""
        return look(self.folder, *arguments, env=self.environment)

    def kill_all(self) -> None:
        for process in self.processes:
            process.kill()

    # What can be seen.

    def query(self, sql: str, *binds: object) -> list[sqlite3.Row]:
        """Rows of mailer's own database."""
        with closing(sqlite3.connect(self.database, timeout=30)) as connection:
            connection.row_factory = sqlite3.Row
            return connection.execute(sql, binds).fetchall()

    def execute(self, sql: str, *binds: object) -> None:
        """As another program that writes into mailer's own database."""
        with closing(sqlite3.connect(self.database, timeout=30)) as connection, connection:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute(sql, binds)

    def earlier(self, column: str, seconds: float) -> str:
        """The expression for a column's time, so much earlier."""
        return f"STRFTIME('%Y-%m-%d %H:%M:%f000', {column}, '-{seconds} seconds')"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Another program writes into mailer's own database, and takes its time."""
        with closing(sqlite3.connect(self.database, timeout=30)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.rollback()

    @contextmanager
    def crm(self) -> Iterator[sqlite3.Connection]:
        """The customer's database; committed at the end."""
        with closing(sqlite3.connect(self.folder / "crm.db", timeout=30)) as connection, connection:
            yield connection

    def job_status(self, job_id: int) -> JobStatus:
        return JobStatus(self.query("SELECT STATUS FROM JOB_QUEUE WHERE JOB_ID = ?", job_id)[0][0])

    def job_log(self, job_id: int) -> str:
        """JOB_QUEUE.LOG."""
        return str(self.query("SELECT LOG FROM JOB_QUEUE WHERE JOB_ID = ?", job_id)[0][0])

    def wait_for_job(self, job_id: int, *statuses: JobStatus) -> JobStatus:
        """Until it is in one of the states; by default one in which it is over."""
        wanted = statuses or (JobStatus.DONE, JobStatus.FAIL, JobStatus.CANCELLED)
        until(lambda: self.job_status(job_id) in wanted, f"job {job_id} is {' or '.join(wanted)}")
        return self.job_status(job_id)

    def wait_for_mails(self, job_id: int, count: int) -> None:
        """Until SES has accepted so many of the job, or more."""
        until(lambda: len(self.mails(job_id)) >= count, f"{count} mails of job {job_id} are accepted")

    def rows(self, job_id: int) -> list[LedgerRow]:
        found = self.query("SELECT EMAIL, STATUS, MESSAGE_ID FROM DELIVERY WHERE JOB_ID = ? ORDER BY ROW_NO", job_id)
        return [LedgerRow(email, Status(status), message_id) for email, status, message_id in found]

    @property
    def posts(self) -> int:
        """Calls of SES that came, whatever became of them."""
        return int(self.ses.stats()["posts"]) - self._earlier_posts

    def mails(self, job_id: int) -> list[Mail]:
        """What SES has accepted of the job."""
        return [mail for mail in self.ses.mails() if mail.tags.get("job") == str(job_id)]

    def judge(self, job_id: int, customers: int) -> Verdict:
        """The job's ledger beside SES's own record; customers 1 to `customers` are to be in its list."""
        recipients = [address(number) for number in range(1, customers + 1)]
        return judge(self.rows(job_id), self.mails(job_id), recipients)

    def require_all_sent(self, job_id: int, customers: int, *, unknown: int = 0) -> Verdict:
        """DONE, nothing lost or twice, no more UNKNOWN than that; every update query has run; the counts agree."""
        assert self.job_status(job_id) is JobStatus.DONE, self.job_log(job_id)
        verdict = self.judge(job_id, customers)
        assert (verdict.lost, verdict.twice, verdict.denied, verdict.unfinished) == ([], [], [], [])
        assert len(verdict.unknown) <= unknown
        assert len(self.mails(job_id)) >= customers - unknown
        self.require_updates(job_id)
        self.require_counts(job_id)
        return verdict

    def require_updates(self, job_id: int) -> None:
        """Each mail's update query, where there is one, has written what the ledger says, and none of another mail."""
        sent = self.query(
            "SELECT RECIPIENT_KEY, MESSAGE_ID, UPDATE_STATUS FROM DELIVERY"
            " WHERE JOB_ID = ? AND STATUS = 'SENT' AND UPDATE_STATUS <> 'NONE'",
            job_id,
        )
        with self.crm() as crm:
            written = dict(crm.execute("SELECT CUST_ID, MAIL_ID FROM CUSTOMER WHERE UPDATES > 0").fetchall())
        assert {int(row["RECIPIENT_KEY"]): row["MESSAGE_ID"] for row in sent} == written
        assert {row["UPDATE_STATUS"] for row in sent} <= {"DONE"}

    def require_counts(self, job_id: int) -> None:
        """JOB_MINUTE says what the ledger says."""
        counted = self.query(
            "SELECT STATUS, COUNT(*) FROM DELIVERY WHERE JOB_ID = ? GROUP BY STATUS ORDER BY 1", job_id
        )
        summed = self.query(
            "SELECT STATE, SUM(N) FROM JOB_MINUTE WHERE JOB_ID = ? AND STATE NOT LIKE 'UPDATE %'"
            " GROUP BY STATE HAVING SUM(N) <> 0 ORDER BY 1",
            job_id,
        )
        assert [tuple(row) for row in summed] == [tuple(row) for row in counted]

    def _open(self) -> Database:
        return SqliteDatabase(self.database, SystemClock(), create=True)

"""Jobs in every state in a database of mailer's own, made by the store's verbs, and commands that are run on them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from mailer.assembly import open_database
from mailer.cli import session
from mailer.cli.app import main
from mailer.db.database import Database
from mailer.model.automation import Automation, Dbio, Policies, Template
from mailer.model.delivery import Change, NewDelivery, Standing, Status, UpdateStatus
from mailer.model.job import JobStatus, Stopping
from mailer.settings import Settings
from mailer.store.automations import Automations
from mailer.store.changes import write_changes
from mailer.store.fires import Fires
from mailer.store.jobs import Jobs
from mailer.store.minutes import Minutes
from mailer.store.queue import Queue
from mailer.store.target_lists import TargetLists

T = TypeVar("T")

LEASE = timedelta(seconds=60)
WRITER = "test-worker"

AUTOMATION = Automation(
    name="월간-명세서",
    dbio=Dbio(source="crm", target="SELECT 1 AS ID, 'a@example.com' AS EMAIL", key="ID", email="EMAIL"),
    template=Template("명세서", "<p>명세서</p>"),
    policies=Policies(sender="고객센터 <billing@example.co.kr>"),
)


def new(row_no: int, status: Status, *, code: str | None = None, error: str | None = None) -> NewDelivery:
    """A delivery of key K<row_no>."""
    return NewDelivery(row_no, f"K{row_no}", f"kim{row_no}@example.com", {}, f"t{row_no}", status, code, error)


async def enqueue(database: Database, automation: Automation = AUTOMATION) -> int:
    """A job that waits; the automation is saved first."""
    saved = await Automations(database).save(automation, "somebody")
    return await Fires(database).enqueue(saved.auto_id, "somebody")


async def load(database: Database, rows: Sequence[NewDelivery], automation: Automation = AUTOMATION) -> int:
    """A job that runs, with that list."""
    job_id = await enqueue(database, automation)
    claim = await Queue(database, WRITER, LEASE).claim_job()
    assert claim is not None
    assert claim.job_id == job_id
    await Jobs(database).freeze(claim)
    lists = TargetLists(database, WRITER, LEASE)
    await lists.add_slice(claim, 1, rows)
    await lists.set_loaded(claim)
    return job_id


async def end(database: Database, job_id: int, status: JobStatus, log: str = "끝났습니다") -> None:
    """Ends a job that runs."""
    queue = Queue(database, WRITER, timedelta(0))
    (row,) = await database.fetch("read_job_standing", {"job_id": job_id})
    auto_id, fence = await Jobs(database).automation_id(job_id), row.integer("FENCE")
    if status is not JobStatus.DONE:
        await queue.mark_stopping(job_id, Stopping(status.value), log)
    await database.execute("end_job", {"job_id": job_id, "fence": fence, "status": status.value, "log": log})
    await database.execute("set_automation_running", {"auto_id": auto_id, "is_running": 0})


async def set_update(database: Database, job_id: int, key: str, status: UpdateStatus, rows: int | None) -> None:
    """What became of the update query of a delivery that is SENT."""
    deliveries = await database.fetch("find_delivery_by_key", {"job_id": job_id, "recipient_key": key})
    (delivery_id,) = [row.integer("DELIVERY_ID") for row in deliveries]
    code, error = ("update failed", "데이터 소스가 거절했습니다") if status is UpdateStatus.FAILED else (None, None)
    before = Standing(Status.SENT, 0, UpdateStatus.NONE)
    after = Standing(Status.SENT, 0, status)
    change = Change(delivery_id, job_id, 1, before, after, 0, error_code=code, error=error, update_rows=rows)
    async with database.transaction() as transaction:
        await write_changes(transaction, Minutes(WRITER), [change])


@dataclass(frozen=True, slots=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


class Desk:
    """A folder with a migrated database, where commands are run in this process."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys
        self.settings = Settings(database=str(folder / "mailer.db"))

    def given(self, work: Callable[[Database], Awaitable[T]]) -> T:
        """Lets a coroutine function work on the database."""

        async def run() -> T:
            async with open_database(self.settings, session.CLOCK, may_migrate=True) as database:
                return await work(database)

        return session.run_async(run)

    def mailer(self, *arguments: str) -> Said:
        """Runs the command in this process."""
        self._capsys.readouterr()
        code: object = 0
        try:
            main(arguments)
        except SystemExit as exit_:
            code = exit_.code or 0
        printed = self._capsys.readouterr()
        assert isinstance(code, int)
        return Said(code, printed.out, printed.err)

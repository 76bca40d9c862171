"""JOB_LOG: what happened in a job, in order; repeats are counted, not repeated."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mailer.db.database import Binds, Database, Session
from mailer.db.record import Record
from mailer.model.stored_text import storable
from mailer.store.undone import again_if_undone

MESSAGE_LIMIT = 1000
"""Characters of a message that are kept."""


class Level(StrEnum):
    """How much a line matters."""

    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line; `times` how often it was said between `first_at` and `last_at`."""

    level: Level
    code: str
    message: str
    times: int
    first_at: datetime
    last_at: datetime


@again_if_undone
async def log_once(database: Database, auto_id: int, job_id: int, level: Level, code: str, message: str) -> bool:
    """Adds a line, or counts it where the job has one with this code already; True where it is the first."""
    async with database.transaction() as transaction:
        if await transaction.execute("repeat_job_log", {"job_id": job_id, "code": code}):
            return False
        await _insert(transaction, auto_id, job_id, level, code, message)
    return True


async def log_always(session: Session, auto_id: int, job_id: int, level: Level, code: str, message: str) -> None:
    """Adds a line, whatever the job has already."""
    await _insert(session, auto_id, job_id, level, code, message)


async def log_skipped_fire(session: Session, auto_id: int, code: str, message: str) -> None:
    """A fire that made no job: one line a day for each cause, counted; its message is the latest."""
    repeated: Binds = {"auto_id": auto_id, "code": code, "message": storable(message, MESSAGE_LIMIT)}
    if not await session.execute("repeat_automation_log", repeated):
        await _insert(session, auto_id, None, Level.INFO, code, message)


async def read_job_log(database: Database, job_id: int) -> list[LogLine]:
    """The job's story."""
    return [_line(row) for row in await database.fetch("list_job_log", {"job_id": job_id})]


async def read_automation_log(database: Database, auto_id: int, at_most: int) -> list[LogLine]:
    """What the automation's schedules skipped, the latest first."""
    return [_line(row) for row in await database.fetch("list_automation_log", {"auto_id": auto_id}, at_most=at_most)]


async def _insert(session: Session, auto_id: int, job_id: int | None, level: Level, code: str, message: str) -> None:
    await session.execute(
        "insert_job_log",
        {
            "auto_id": auto_id,
            "job_id": job_id,
            "severity": level.value,
            "code": code,
            "message": storable(message, MESSAGE_LIMIT),
        },
    )


def _line(row: Record) -> LogLine:
    return LogLine(
        Level(row.text("SEVERITY")),
        row.text("CODE"),
        row.text("MESSAGE"),
        row.integer("TIMES"),
        row.moment("FIRST_AT"),
        row.moment("LAST_AT"),
    )

"""WORKER: the processes at work, as their heartbeats tell."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from mailer.db.database import Database
from mailer.store.undone import again_if_undone


@dataclass(frozen=True, slots=True)
class WorkerProcess:
    """One process."""

    worker_id: str
    host: str
    pid: int
    role: str
    version: str
    heartbeat_at: datetime


class Workers:
    """The register of processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @again_if_undone
    async def enter(self, worker_id: str, host: str, pid: int, role: str, version: str) -> None:
        """Signs this process in; forgets those that have been silent for a day."""
        async with self._database.transaction() as transaction:
            await transaction.execute("delete_dead_workers")
            await transaction.execute(
                "insert_worker",
                {"worker_id": worker_id, "host": host, "pid": pid, "role": role, "version": version},
            )

    async def beat(self, worker_id: str) -> None:
        """The process is alive."""
        await self._database.execute("beat_worker", {"worker_id": worker_id})

    async def leave(self, worker_id: str) -> None:
        """Signs it out."""
        await self._database.execute("delete_worker", {"worker_id": worker_id})

    async def alive(self, within: timedelta) -> list[WorkerProcess]:
        """The processes whose last heartbeat is not older than that (three times that for one without workers)."""
        rows = await self._database.fetch("list_live_workers", {"alive_seconds": within.total_seconds()})
        return [
            WorkerProcess(
                row.text("WORKER_ID"),
                row.text("HOST"),
                row.integer("PID"),
                row.text("ROLE"),
                row.text("VERSION"),
                row.moment("HEARTBEAT_AT"),
            )
            for row in rows
        ]

"""`python -m tests.faults.pacing URL RATE STAMPS`: a process that calls at its slots and does nothing else.

Each call's moment, on the machine's monotonic clock, is a line of the file STAMPS: when a mail leaves, not when a busy
double of SES comes to read it.
"""

import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import anyio

from mailer.clock import SystemClock
from mailer.db.database import Database
from mailer.db.oracle import OracleDatabase
from mailer.db.sqlite import SqliteDatabase
from mailer.model.database_url import OracleService
from mailer.model.message import Message
from mailer.model.outcome import Accepted, Outcome
from mailer.pacer import AccountSlots, Pacer
from mailer.store.account import Account
from mailer.worker.calling import call, near_slot
from mailer.worker.in_flight import InFlight
from mailer.worker.lease import Lease
from mailer.worker.resources import Resources

ACCOUNT = "default"
IN_FLIGHT = 20
LATENCY = 0.02
MAIL = Message(label="1", sender="a@example.co.kr", to="b@example.co.kr", subject="", html="", text="")


def database_at(url: str, *, create: bool = False) -> Database:
    """An SQLite file's, or `user/password@dsn` of the stand-in for Oracle."""
    login, at, dsn = url.rpartition("@")
    if not at:
        return SqliteDatabase(Path(url), SystemClock(), create=create)
    user, _, password = login.partition("/")
    return OracleDatabase(OracleService(dsn, user, password), SystemClock(), patience=30)


class Stamping:
    """A transport that notes when it was called."""

    def __init__(self, stamps: int) -> None:
        self._stamps = stamps

    async def ready(self) -> None:
        """It has nothing to renew."""

    async def send(self, message: Message, *, timeout: float) -> Outcome:
        os.write(self._stamps, b"%.6f\n" % time.monotonic())
        await anyio.sleep(LATENCY)
        return Accepted("1")


async def pace(url: str, rate: float, stamps: Path) -> None:
    clock = SystemClock()
    async with database_at(url) as database:
        resources = cast(
            "Resources",
            SimpleNamespace(
                pacer=Pacer(AccountSlots(Account(database, ACCOUNT), rate, clock), clock),
                in_flight=InFlight(),
                transport=Stamping(os.open(stamps, os.O_WRONLY | os.O_APPEND | os.O_CREAT)),
                limits=SimpleNamespace(send_timeout=1.0),
            ),
        )
        lease = Lease(10_000.0, clock, clock.monotonic())

        async def deliver() -> None:
            while True:
                slot = await near_slot(resources)
                await database.execute("beat_worker", {"worker_id": "nobody"})  # as SENDING is committed
                await call(resources, lease, slot, MAIL)

        async with anyio.create_task_group() as group:
            for _ in range(IN_FLIGHT):
                group.start_soon(deliver)


if __name__ == "__main__":
    anyio.run(pace, sys.argv[1], float(sys.argv[2]), Path(sys.argv[3]), backend_options={"use_uvloop": True})

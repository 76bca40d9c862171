"""Loading the list: rows a second into the ledger, against a bare executemany of the same rows."""

import re
import sqlite3
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import anyio

from bench.figure import Figure, Scale, at_least
from bench.runs import folder
from bench.workplace import enqueued, environment
from mailer.assembly import OpenSources, open_database
from mailer.clock import SystemClock
from mailer.db.database import Database
from mailer.settings import Settings, load_settings
from mailer.shipped import shipped_folder
from mailer.store.jobs import Jobs
from mailer.store.queue import Queue
from mailer.store.target_lists import TargetLists
from mailer.worker.loading import new_delivery

SLICE = 500
LEASE = timedelta(seconds=600)


def loading(scale: Scale) -> list[Figure]:
    """The same rows, in slices of 500 with a commit each, into a table with the same indexes, synchronous=FULL."""
    number = scale.long_list // 5
    shares, speeds = [], []
    for _ in range(scale.rounds):
        with folder() as made:
            env = environment(TRANSPORT="outbox")
            enqueued(made / "ours", number, env)
            settings = load_settings({**env, "MAILER_DATABASE": str(made / "ours" / "mailer.db")}).settings
            settings = settings.model_copy(
                update={"sources": {"crm": settings.source("crm").model_copy(update={"url": _url(made / "ours")})}}
            )
            ours = anyio.run(_load, settings)
            bare = _bare(made / "ours" / "mailer.db", made / "bare.db")
        shares.append(bare / ours)
        speeds.append(number / ours)
    speed = sorted(speeds)[len(speeds) // 2]
    return [
        at_least("loading, against a bare executemany", 0.5, shares, "x", f"; {speed:,.0f} rows/s"),
        Figure("1,000,000 rows at that speed", "well under 60 s", f"{1e6 / speed:.0f} s", 1e6 / speed < 50),
    ]


def _url(made: Path) -> str:
    return f"sqlite:///{made / 'crm.db'}"


async def _load(settings: Settings) -> float:
    """Seconds from the target query to the last slice, as worker/loading.py does it."""
    clock = SystemClock()
    async with open_database(settings, clock) as database, OpenSources(settings, clock) as sources:
        return await _timed(database, sources)


async def _timed(database: Database, sources: OpenSources) -> float:
    claim = await Queue(database, "bench", LEASE).claim_job()
    assert claim is not None
    await Jobs(database).freeze(claim)
    dbio = (await Jobs(database).frozen(claim.job_id)).dbio
    lists, source = TargetLists(database, "bench", LEASE), await sources.get(dbio.source)
    began, row_no = time.perf_counter(), 0
    async with source.stream(dbio.target, SLICE) as slices:
        async for rows in slices:
            new = [
                new_delivery(dbio, row, row_no + place, lambda: "0123456789abcdef") for place, row in enumerate(rows, 1)
            ]
            await lists.add_slice(claim, row_no // SLICE + 1, new)
            row_no += len(rows)
    return time.perf_counter() - began


def _bare(filled: Path, empty: Path) -> float:
    """Seconds of sqlite3's own executemany for the rows that mailer wrote, without what makes them."""
    script = next((shipped_folder("migrations") / "sqlite").glob("*.sql")).read_text(encoding="utf-8")
    ddl = re.findall(r"CREATE TABLE DELIVERY .*?STRICT;|CREATE (?:UNIQUE )?INDEX DELIVERY_.*?;", script, re.DOTALL)
    with closing(sqlite3.connect(filled)) as source, closing(sqlite3.connect(empty)) as database:
        rows = source.execute("SELECT * FROM DELIVERY").fetchall()
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        for statement in ddl:
            database.execute(statement)
        insert = f"INSERT INTO DELIVERY VALUES ({', '.join('?' * len(rows[0]))})"
        began = time.perf_counter()
        for first in range(0, len(rows), SLICE):
            with database:
                database.executemany(insert, rows[first : first + SLICE])
        return time.perf_counter() - began

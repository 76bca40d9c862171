"""`mapping_batch` beside a mapping query for each recipient: the whole way over SQLite, the query alone over Oracle."""

import asyncio
import functools
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import oracledb

from bench.figure import Figure, Scale
from bench.mails import MAPPING, TARGET
from bench.runs import run_mailer
from mailer.clock import SystemClock
from mailer.model.automation import Dbio
from mailer.model.database_url import OracleService
from mailer.model.row import Row
from mailer.sources.oracle import OracleSource
from mailer.worker.mapping import MappedAhead, make_mapping
from tests.doubles.oracle_process import OracleProcess, oracle_process

USER, PASSWORD = "CRM", "bench"
IN_FLIGHT = 50


@dataclass(frozen=True, slots=True)
class Asked:
    """What one recipient cost: journeys to the database, seconds of this process's CPU and of the clock."""

    journeys: float
    cpu: float
    seconds: float


def batching(scale: Scale) -> list[Figure]:
    """No goals: what the key of a definition is worth."""
    ratios, journeys = [], []
    for _ in range(scale.rounds):
        alone = run_mailer(scale.mails, client="lean")
        ratios.append(alone.cpu_each / run_mailer(scale.mails, client="lean", batch=True).cpu_each)
    spread = f" ({min(ratios):.2f} to {max(ratios):.2f})"
    with oracle_process({USER: PASSWORD}) as process:
        journeys = [asyncio.run(_oracle(process, scale.mails, number)) for number in range(scale.rounds)]
    one, many = ([each[side] for each in journeys] for side in (0, 1))
    return [
        Figure(
            "CPU for a mail without mapping_batch, against with", "", f"{statistics.median(ratios):.2f}x{spread}", None
        ),
        Figure("Oracle: journeys for a recipient's mapping query, with it", "", _said(one, many, _journeys, 2), None),
        Figure("Oracle: its CPU in mailer (ms), with it", "", _said(one, many, lambda asked: asked.cpu * 1e3, 3), None),
        Figure("Oracle: recipients a second (the stand-in)", "", _said(one, many, lambda a: 1 / a.seconds, 0), None),
    ]


def _journeys(asked: Asked) -> float:
    return asked.journeys


def _said(one: list[Asked], many: list[Asked], of: Callable[[Asked], float], digits: int) -> str:
    medians = (statistics.median(map(of, side)) for side in (one, many))
    return " → ".join(f"{median:.{digits}f}" for median in medians)


async def _oracle(process: OracleProcess, number: int, round_number: int) -> tuple[Asked, Asked]:
    """So many recipients asked for one by one, then the same in batches."""
    count = 0

    def travelled(*details: object, **more: object) -> None:
        nonlocal count
        count += 1

    plain = oracledb.connect_async
    if round_number == 0:
        await _fill(process, number)
    oracledb.connect_async = functools.partial(plain, round_trip_callback=travelled)
    try:
        service = OracleService(process.dsn, USER, PASSWORD)
        async with OracleSource("crm", service, patience=60, query_seconds=300, clock=SystemClock()) as source:
            return await _asked(source, number, False, lambda: count), await _asked(source, number, True, lambda: count)
    finally:
        oracledb.connect_async = plain


async def _fill(process: OracleProcess, number: int) -> None:
    async with oracledb.connect_async(user=USER, password=PASSWORD, dsn=process.dsn) as connection:
        columns = "CUST_ID NUMBER(19) PRIMARY KEY, ITEM VARCHAR2(50), AMOUNT NUMBER, GRADE VARCHAR2(10)"
        await connection.execute(f"CREATE TABLE STATEMENT ({columns})")
        rows = [(n, "현미 10kg", 18_900 + n, "VIP") for n in range(number)]
        await connection.executemany("INSERT INTO STATEMENT VALUES (:1, :2, :3, :4)", rows)
        await connection.commit()


async def _asked(source: OracleSource, number: int, batch: bool, journeys: Callable[[], int]) -> Asked:
    dbio = Dbio("crm", TARGET, "CUST_ID", "EMAIL", mapping=MAPPING, mapping_batch=batch)
    mapping = await make_mapping(dbio, source, ("CUST_ID", "EMAIL"))
    if mapping is None:
        raise TypeError("there is a mapping query")
    rows: list[Row] = [{"CUST_ID": n, "EMAIL": "customer@example.com"} for n in range(number)]

    async def fail(why: str) -> None:
        raise RuntimeError(why)

    ahead = MappedAhead(mapping, rows, SystemClock(), fail) if mapping.is_batched else None
    room = asyncio.Semaphore(IN_FLIGHT)

    async def one(row: Row) -> None:
        async with room:
            found = await ahead.rows_of(row) if ahead else await mapping.ask(row, 1)
            if found is None or len(found) != 1:
                raise RuntimeError(f"not one row: {found}")

    before, cpu, began = journeys(), time.process_time(), time.perf_counter()
    await asyncio.gather(*map(one, rows))
    return Asked(
        (journeys() - before) / number, (time.process_time() - cpu) / number, (time.perf_counter() - began) / number
    )

"""What the Oracle database costs, over the stand-in: `python -m bench.oracle_roundtrips`.

Prints claims a second with 1 and 8 workers, rows a second loaded into the ledger, and the ledger's round trips for each
delivery, from PENDING to its update query's result; slots, heartbeats and the customer's own queries aside. The
stand-in, on the same machine, is the limit of what is counted by the second.
"""

import argparse
import asyncio
import functools
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import timedelta

import oracledb

from mailer.clock import SystemClock
from mailer.db.migrations import migrate
from mailer.db.oracle import OracleDatabase
from mailer.model.database_url import OracleService
from mailer.model.delivery import Delivery, Status, UpdateStatus
from mailer.model.job import BatchClaim
from tests.doubles.oracle_process import OracleProcess, oracle_process
from tests.store.processes import ACTOR, Process, at_work, definition

USER, PASSWORD = "MAILER", "bench"
SECOND = timedelta(seconds=1)


class Trips:
    """Counts what the driver sends and waits for."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, *details: object, **more: object) -> None:
        self.count += 1


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def opened(process: OracleProcess) -> OracleDatabase:
    service = OracleService(process.dsn, USER, PASSWORD)
    return await OracleDatabase(service, SystemClock(), patience=60).__aenter__()


async def claims(database: OracleDatabase, clock: SystemClock, workers: int, jobs: int) -> None:
    """Jobs that wait, claimed by so many workers at once."""
    async with at_work("maker", database, clock) as maker:
        for number in range(jobs):
            await maker.enqueue(definition(f"claims {workers} {number}"))

        async def claim(name: str) -> None:
            async with at_work(name, database, clock) as worker:
                while await worker.queue.claim_job() is not None:
                    pass

        await connect(database, workers)
        began = time.perf_counter()
        await asyncio.gather(*(claim(f"worker-{number}") for number in range(workers)))
    say(f"{jobs / (time.perf_counter() - began):8.1f} claims a second with {workers} workers")


async def connect(database: OracleDatabase, sessions: int) -> None:
    """Opens so many, and has each parse the claim: to log in takes longer than to claim."""
    async with AsyncExitStack() as stack:
        for _ in range(sessions):
            transaction = await stack.enter_async_context(database.transaction())
            await transaction.fetch("list_waiting_jobs", at_most=1)


async def load(worker: Process, rows: int) -> BatchClaim:
    """One job with so many recipients in one batch."""
    await worker.automations.save(definition("deliveries"), ACTOR)
    await worker.enqueue(definition("deliveries"))
    claim = await worker.claim_job()
    began = time.perf_counter()
    await worker.load(claim, [str(number) for number in range(rows)], batch_rows=500)
    say(f"{rows / (time.perf_counter() - began):8.1f} rows a second loaded")
    return await worker.claim_batch(claim.job_id)


async def deliver(worker: Process, claim: BatchClaim, deliveries: Sequence[Delivery], in_flight: int) -> None:
    room = asyncio.Semaphore(in_flight)

    async def one(delivery: Delivery) -> None:
        async with room:
            await worker.send(delivery, claim, Status.SENT, UpdateStatus.DONE)

    await asyncio.gather(*(one(delivery) for delivery in deliveries))


async def measure(process: OracleProcess, rows: int, in_flight: int) -> None:
    trips = Trips()
    oracledb.connect_async = functools.partial(oracledb.connect_async, round_trip_callback=trips)
    clock = SystemClock()
    database = await opened(process)
    try:
        await migrate(database)
        for workers in (1, 8):
            await claims(database, clock, workers, 100)
        async with at_work("worker", database, clock, patience=60) as worker:
            claim = await load(worker, rows)
            work = await worker.ledger.work(claim)
            before, began = trips.count, time.perf_counter()
            await deliver(worker, claim, work, in_flight)
            took = time.perf_counter() - began
            each = (trips.count - before) / len(work)
            say(f"{len(work) / took:8.1f} deliveries a second through the ledger, {in_flight} in flight")
            say(f"{each:8.2f} round trips for each delivery: its three transitions")
    finally:
        await database.__aexit__(None, None, None)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.oracle_roundtrips")
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--in-flight", type=int, default=50)
    given = parser.parse_args()
    with oracle_process({USER: PASSWORD}) as process:
        asyncio.run(measure(process, given.rows, given.in_flight))


if __name__ == "__main__":
    main()

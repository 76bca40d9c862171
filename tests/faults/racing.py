"""Two processes that reach for the same thing at the same instant, again and again."""

import multiprocessing
from collections import Counter
from collections.abc import Awaitable, Callable
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import anyio

BOUND = 120.0
Racer = Callable[[Path, Callable[[], None]], Awaitable[Counter[str]]]
"""Opens the file, calls `together` before each attempt, and says how the attempts ended."""


def race(racer: Racer, path: Path) -> Counter[str]:
    """How the attempts of both ended."""
    context = multiprocessing.get_context("spawn")
    together, results = context.Barrier(2), context.Queue()
    racers = [context.Process(target=_run, args=(racer, path, together, results)) for _ in range(2)]
    for process in racers:
        process.start()
    ended = sum((results.get(timeout=BOUND) for _ in racers), Counter[str]())
    for process in racers:
        process.join()
    return ended


def _run(racer: Racer, path: Path, together: Barrier, results: "Queue[Counter[str]]") -> None:
    def wait() -> None:
        together.wait(BOUND)  # blocks the event loop: there is nothing else on it

    async def run() -> Counter[str]:
        return await racer(path, wait)

    results.put(anyio.run(run))

"""The processes of a soak: workers and a scheduler, each replaced at once when it is killed."""

import random
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from tests.e2e.commands import Running

SCHEDULER = ("run", "--role", "scheduler")
WORKER = ("run", "--role", "worker")


class Fleet:
    """`workers` worker processes and a scheduler in one folder."""

    def __init__(self, folder: Path, env: Mapping[str, str], workers: int, chance: random.Random) -> None:
        self._folder = folder
        self._env = env
        self._chance = chance
        self._roles = [SCHEDULER, *[WORKER] * workers]
        self._started = 0
        self._processes: list[Running] = []
        self._frozen: dict[int, float] = {}
        self.kills = 0

    def __enter__(self) -> "Fleet":
        self._processes = [self._start(role) for role in self._roles]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            process.process.kill()
            process.process.wait()

    def kill_one(self) -> None:
        """kill -9, whatever it is about to do; another takes its place."""
        place = self._chance.randrange(len(self._roles))
        self._processes[place].process.kill()
        self._processes[place].process.wait()
        self._frozen.pop(place, None)
        self._processes[place] = self._start(self._roles[place])
        self.kills += 1

    def freeze_one(self, seconds: float) -> None:
        """Stops a worker for so long, if none stands still already."""
        if not self._frozen:
            place = self._chance.randrange(1, len(self._roles))
            self._processes[place].tell(signal.SIGSTOP)
            self._frozen[place] = time.monotonic() + seconds

    def look_after(self) -> None:
        """Lets go on what has stood still for long enough. Raises RuntimeError where a process ended by itself."""
        for place, until in list(self._frozen.items()):
            if time.monotonic() >= until:
                self._processes[place].tell(signal.SIGCONT)
                del self._frozen[place]
        for process in self._processes:
            if process.process.poll() is not None:
                raise RuntimeError(f"a process ended with {process.process.returncode}:\n{process.stderr[-4000:]}")

    def _start(self, role: tuple[str, ...]) -> Running:
        self._started += 1
        return Running(self._folder, self._folder / f"process-{self._started}", role, self._env)

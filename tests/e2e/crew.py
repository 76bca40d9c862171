"""Who works on jobs in an end-to-end test: processes of `mailer run`."""

import signal
from collections.abc import Mapping, Sequence

from tests.e2e.commands import Ran, Running, StartMailer

SCHEDULER = ("--role", "scheduler")
WORKER = ("--role", "worker")


class Crew:
    """One process with both roles; on a database that machines share, a scheduler and two workers."""

    def __init__(self, start_mailer: StartMailer, *, is_many: bool) -> None:
        self._start_mailer = start_mailer
        self.workers = 2 if is_many else 1

    def start(self, env: Mapping[str, str]) -> "Shift":
        """They work until they are told to stop."""
        roles = [SCHEDULER, *[WORKER] * self.workers] if self.workers > 1 else [()]
        return Shift([self._start_mailer("run", *role, env=env) for role in roles])

    def run_until_idle(self, env: Mapping[str, str]) -> None:
        """Until nothing is left to do. What is enqueued needs no scheduler."""
        role = WORKER if self.workers > 1 else ()
        shift = Shift([self._start_mailer("run", *role, "--until-idle", env=env) for _ in range(self.workers)])
        shift.end()


class Shift:
    """The processes of one start."""

    def __init__(self, processes: Sequence[Running]) -> None:
        self.processes = processes

    def wait_for_log(self, event: str) -> None:
        """Until each has logged that event."""
        for process in self.processes:
            process.wait_for_log(event)

    def end(self, number: signal.Signals | None = None) -> list[Ran]:
        """Waits for their end, after a signal to all where one is given; each must end with code 0."""
        if number is not None:
            self.wait_for_log("started")  # before it heeds signals, one ends it at once
            for process in self.processes:
                process.tell(number)
        ended = [process.end() for process in self.processes]
        assert {ran.code for ran in ended} == {0}, "\n".join(ran.stderr for ran in ended)
        return ended

    def kill(self) -> None:
        """kill -9, of all at once."""
        for process in self.processes:
            process.tell(signal.SIGKILL)
        for process in self.processes:
            assert process.end().code == -signal.SIGKILL

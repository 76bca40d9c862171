"""The real `mailer`, as a process that a test stops, lets go on, and kills."""

import os
import signal
from collections.abc import Mapping
from pathlib import Path

from mailer.fault_points import VARIABLE, FaultPoint
from tests.e2e.commands import Ran, Running
from tests.faults.waiting import until


class MailerProcess(Running):
    """One process. It is killed at the latest by its `Workplace`."""

    def __init__(self, folder: Path, printed: Path, arguments: tuple[str, ...], env: Mapping[str, str]) -> None:
        super().__init__(folder, printed, arguments, env)
        self.pid = self.process.pid

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.process.poll() is not None

    def wait_until_stopped(self) -> None:
        """Until it stands at the fault point that it was started for."""
        until(self._is_stopped, f"the process stands at its fault point; it said:\n{self.stderr}")

    def wait_until_said(self, event: str) -> None:
        """Until its log has a line of this event."""
        until(lambda: f'"event": "{event}"' in self.stderr, f"the log says {event!r}")

    def freeze(self) -> None:
        """As an orchestrator, a debugger or a virtual machine's pause does."""
        self.tell(signal.SIGSTOP)
        until(self._is_stopped, "the process is frozen")

    def go_on(self) -> None:
        self.tell(signal.SIGCONT)

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()

    def wait(self) -> Ran:
        """Waits for its end."""
        return self.end()

    def _is_stopped(self) -> bool:
        flags = os.WSTOPPED | os.WEXITED | os.WNOHANG | os.WNOWAIT
        seen = os.waitid(os.P_PID, self.pid, flags)
        assert seen is None or seen.si_code == os.CLD_STOPPED, f"the process has ended; it said:\n{self.stderr}"
        return seen is not None


def stop_at(point: FaultPoint, nth: int = 1) -> dict[str, str]:
    """The environment of a process that stops at the point."""
    return {VARIABLE: f"{point}:{nth}"}


def block_at(point: FaultPoint, seconds: float, nth: int = 1) -> dict[str, str]:
    """The environment of a process whose event loop is blocked at the point for so long."""
    return {VARIABLE: f"{point}:{nth}:{seconds}"}

"""The stand-in for Oracle as a process of its own, which serves whatever loop or command asks it."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class OracleProcess:
    """Where it listens: `dsn` for clients, `control` for `tests.doubles.oracle.connected_control`."""

    dsn: str
    control: str


@contextmanager
def oracle_process(users: Mapping[str, str]) -> Iterator[OracleProcess]:
    """Starts it with these users and passwords, and stops it at the end. Blocks."""
    command = [sys.executable, "-m", "tests.doubles.oracle", "--port", "0"]
    for user, password in users.items():
        command += ["--user", f"{user}/{password}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_CHECKOUT) as process:
        assert process.stdout is not None
        try:
            dsn = process.stdout.readline().strip()
            control = process.stdout.readline().strip().removeprefix("control ")
            assert control, "the stand-in for Oracle did not start"
            yield OracleProcess(dsn, control)
        finally:
            process.terminate()

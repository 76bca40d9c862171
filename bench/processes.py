"""Processes under measurement: started on chosen cores, their CPU time and peak memory read from the kernel."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from tests.doubles.ses import environment

CHECKOUT = Path(__file__).resolve().parents[1]
CORES = sorted(os.sched_getaffinity(0))
_TICK = 1 / os.sysconf("SC_CLK_TCK")
LONGEST = 900.0
"""Seconds that a process under measurement may take."""


@dataclass(frozen=True, slots=True)
class Double:
    """A running `python -m bench.double`."""

    url: str

    @property
    def environment(self) -> dict[str, str]:
        """What leads an AWS SDK to it."""
        url = environment(self.url)
        return {**url, "AWS_ENDPOINT_URL_SES": self.url, "AWS_ENDPOINT_URL": self.url}

    def count(self) -> int:
        return int(self._ask("count"))

    def times(self) -> list[float]:
        return list(self._ask("times"))

    def recipients(self) -> dict[str, int]:
        return dict(self._ask("recipients"))

    def _ask(self, path: str) -> Any:
        with urlopen(f"{self.url}/{path}", timeout=60) as answer:
            return json.load(answer)


@contextmanager
def double(latency: float = 0.0) -> Iterator[Double]:
    """On the last core; what is measured runs on the first."""
    command = on_core(CORES[-1], [sys.executable, "-m", "bench.double", "--latency", str(latency)])
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT) as process:
        try:
            assert process.stdout is not None
            yield Double(process.stdout.readline().strip())
        finally:
            process.terminate()


def on_core(core: int, command: Sequence[str]) -> list[str]:
    return ["taskset", "-c", str(core), *command]


@contextmanager
def started(
    command: Sequence[str], folder: Path, env: Mapping[str, str], *, core: int | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Runs beside the block and is killed at its end. What it prints goes to a file `printed` in the folder."""
    whole = on_core(core, command) if core is not None else list(command)
    with (folder / "printed").open("ab") as printed:
        process = subprocess.Popen(
            whole, cwd=folder, env=inherited(env), stdin=subprocess.DEVNULL, stdout=printed, stderr=printed
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def inherited(more: Mapping[str, str]) -> dict[str, str]:
    """This process's variables, but for those that would lead astray, and some more."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MAILER_", "AWS_"))}
    return {**kept, "PYTHONPATH": str(CHECKOUT), "PYTHONUTF8": "1", **more}


def cpu_seconds(pid: int) -> float:
    """User and system time of all threads so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK


def peak_kilobytes(pid: int) -> int:
    """The most memory it ever held (VmHWM)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    raise ValueError("the kernel does not say")


@dataclass(frozen=True, slots=True)
class Stretch:
    """What happened between two looks at a process that sends."""

    mails: int
    cpu: float
    seconds: float

    @property
    def cpu_each(self) -> float:
        return self.cpu / self.mails

    @property
    def rate(self) -> float:
        return self.mails / self.seconds


def sending_stretch(process: subprocess.Popen[bytes], ses: Double, first: int, last: int) -> Stretch:
    """From mail number `first` to number `last`, so that starting, loading and stopping count for nothing."""
    begin = _look(process, ses, first)
    end = _look(process, ses, last)
    return Stretch(end[0] - begin[0], end[1] - begin[1], end[2] - begin[2])


def _look(process: subprocess.Popen[bytes], ses: Double, mails: int) -> tuple[int, float, float]:
    deadline = time.monotonic() + LONGEST
    while (count := ses.count()) < mails:
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{process.args!r} ended, or hangs, after {count} of {mails} mails")
        time.sleep(0.01)
    return count, cpu_seconds(process.pid), time.monotonic()

"""The real command, as people and scripts run it: a process of its own, in a folder of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from shutil import copytree
from time import monotonic, sleep
from typing import Protocol
from unittest.mock import patch

from mailer.cli.app import main
from mailer.cli.demo_data import DemoData
from mailer.shipped import shipped_folder

COMMAND = Path(sys.executable).with_name("mailer")
EXAMPLE = shipped_folder("examples") / "monthly-statement" / "automation.toml"
TIMEOUT = 120.0
"""Seconds that one command may take on a busy machine."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command left behind."""

    code: int
    stdout: str
    stderr: str


class Mailer(Protocol):
    """Runs `mailer …` in the workplace, to its end. `env` comes over the workplace's own variables."""

    def __call__(self, *arguments: str, env: Mapping[str, str] | None = None, stdin: str | None = None) -> Ran: ...


class Running:
    """A command that goes on beside the test. What it prints goes to files: a full pipe would hold it up."""

    def __init__(self, folder: Path, printed: Path, arguments: Sequence[str], env: Mapping[str, str] | None) -> None:
        self._printed = printed.with_suffix(".stdout"), printed.with_suffix(".stderr")
        with self._printed[0].open("wb") as stdout, self._printed[1].open("wb") as stderr:
            self.process = subprocess.Popen(
                [COMMAND, *arguments],
                cwd=folder,
                env=environment(env),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
            )

    @property
    def stdout(self) -> str:
        return self._printed[0].read_text(encoding="utf-8")

    @property
    def stderr(self) -> str:
        return self._printed[1].read_text(encoding="utf-8")

    def tell(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait_for_log(self, event: str) -> None:
        """Until it has logged that event."""
        self.wait_for_text(f'"event": "{event}"')

    def wait_for_text(self, text: str) -> None:
        """Until it has printed the text, on stdout or stderr."""
        deadline = monotonic() + TIMEOUT
        while text not in self.stdout + self.stderr:
            assert monotonic() < deadline, self.stdout + self.stderr
            assert self.process.poll() is None, self.stdout + self.stderr
            sleep(0.01)

    def end(self, number: signal.Signals | None = None) -> Ran:
        """Waits for its end, after a signal where one is given."""
        if number is not None:
            self.tell(number)
        return Ran(self.process.wait(TIMEOUT), self.stdout, self.stderr)


class StartMailer(Protocol):
    """Starts `mailer …` in the workplace. What still runs when the test ends is killed."""

    def __call__(self, *arguments: str, env: Mapping[str, str] | None = None) -> Running: ...


def run_mailer(folder: Path, *arguments: str, env: Mapping[str, str] | None = None, stdin: str | None = None) -> Ran:
    """Runs `mailer …` in the folder, to its end."""
    ended = subprocess.run(
        [COMMAND, *arguments],
        cwd=folder,
        env=environment(env),
        input=stdin if stdin is not None else "",
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT,
        check=False,
    )
    return Ran(ended.returncode, ended.stdout, ended.stderr)


def look(folder: Path, *arguments: str, env: Mapping[str, str] | None = None) -> Ran:
    """Runs `mailer …` in this process: for what a test needs to begin with, or only reads. A process takes seconds."""
    code: object = 0
    out, err = StringIO(), StringIO()
    variables = {name: value for name, value in environment(env).items() if name.startswith("MAILER_")}
    with chdir(folder), patch.dict(os.environ, variables), redirect_stdout(out), redirect_stderr(err):
        try:
            main(arguments)
        except SystemExit as end:
            code = end.code or 0
    assert isinstance(code, int)
    return Ran(code, out.getvalue(), err.getvalue())


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables of a command in a workplace: none of this machine's own settings, and looks at work often."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MAILER_", "AWS_"))}
    return {
        **inherited,
        "PYTHONUTF8": "1",
        "COLUMNS": "200",
        "MAILER_SOURCES__CRM__URL": "sqlite:///crm.db",
        "MAILER_ATTACHMENTS": "attachments",
        "MAILER_POLL": "100ms",
        **(more or {}),
    }


def new_workplace(folder: Path, demo_data: DemoData) -> Path:
    """Copies the example's data into a folder that is not there yet."""
    return copytree(demo_data.database.parent, folder)

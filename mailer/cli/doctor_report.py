"""What a check of the installation says: one line each, and what to do."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from rich.text import Text

from mailer.cli.output import Json, console
from mailer.errors import MailerError, Unreachable
from mailer.model.address import mask_addresses
from mailer.model.encoded_word import one_line


class State(StrEnum):
    """FAULT: a run would fail. WARNING: it would not, and yet somebody should look."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, and what was found. `exit_code` counts for a fault alone."""

    name: str
    state: State
    message: str
    next_step: str = ""
    exit_code: int = 2


Tell = Callable[[Check], None]
"""Hears of each check when it is done."""

_STYLES = {State.OK: "green", State.WARNING: "yellow", State.FAULT: "red"}


def ok(name: str, message: str) -> Check:
    """Nothing to do."""
    return Check(name, State.OK, message)


def warning(name: str, message: str, next_step: str) -> Check:
    """Somebody should look."""
    return Check(name, State.WARNING, message, next_step)


def fault(name: str, message: str, next_step: str) -> Check:
    """A person must change something."""
    return Check(name, State.FAULT, message, next_step)


def fault_of(name: str, error: MailerError) -> Check:
    """What an error tells: a person must change something, or what is away must come back."""
    code = error.exit_code if isinstance(error, Unreachable) else 2
    return Check(name, State.FAULT, str(error), error.next_step, code)


def exit_code(checks: Sequence[Check]) -> int:
    """2 where a person must change something, else 4 where something is away, else 0."""
    codes = {check.exit_code for check in checks if check.state is State.FAULT}
    return min(codes, default=0)


def print_check(check: Check) -> None:
    """For people: its line, and what to do below it."""
    line = Text(f"{check.state.value:<9}", style=_STYLES[check.state])
    console().print(line.append(one_line(mask_addresses(f"{check.name}: {check.message}")), style="default"))
    if check.next_step:
        console().print(Text(f"{'':9}{one_line(mask_addresses(check.next_step))}"))


def checks_json(checks: Sequence[Check]) -> Json:
    """For scripts."""
    return [
        {"check": check.name, "state": check.state.value, "message": check.message, "next": check.next_step}
        for check in checks
    ]

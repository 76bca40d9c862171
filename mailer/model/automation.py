"""An automation as an operator defines it: who gets what, when, and by which policies."""

from dataclasses import dataclass, field
from datetime import time, timedelta
from enum import StrEnum


class ScheduleKind(StrEnum):
    """How a schedule finds its next fire."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    REALTIME = "realtime"
    CRON = "cron"


class MissingAttachment(StrEnum):
    """What becomes of a recipient whose file is not there."""

    SKIP = "skip"
    SEND = "send"
    FAIL = "fail"


class UnknownPolicy(StrEnum):
    """What becomes of a delivery of which nobody knows whether SES accepted it."""

    SKIP = "skip"
    SETTLE = "settle"
    RESEND = "resend"


@dataclass(frozen=True, slots=True)
class Schedule:
    """One rule of an automation. Wall-clock times are in `timezone` (an IANA name).

    Which fields count depends on `kind`: daily: `at`; weekly: `weekdays`, `at`; monthly: `month_days`, `at`;
    realtime: `every` (None: fires once); cron: `rule`.
    """

    kind: ScheduleKind
    at: tuple[time, ...] = ()
    weekdays: tuple[int, ...] = ()
    """0 is Monday."""
    month_days: tuple[int, ...] = ()
    """1 to 31; LAST_DAY for the month's last."""
    every: timedelta | None = None
    rule: str | None = None
    timezone: str = "UTC"
    misfire_grace: timedelta = timedelta(hours=1)


LAST_DAY = -1
"""In `Schedule.month_days`: the last day of the month, whichever that is."""


@dataclass(frozen=True, slots=True)
class Dbio:
    """The DBIO register: target, mapping and update query on one data source."""

    source: str
    target: str
    key: str
    email: str
    mapping: str | None = None
    update: str | None = None
    mapping_batch: bool = False
    """Whether the mapping query is asked for many recipients at once."""
    attachment: str | None = None
    """The target row's column of file names, several separated by ';'."""


@dataclass(frozen=True, slots=True)
class Template:
    """The source text of a mail, with $(VAR) for values; `text` None: made from `html`."""

    subject: str
    html: str
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Policies:
    """How an automation's mails leave. `sender` and `reply_to` are as the operator wrote them."""

    sender: str
    reply_to: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    """Names with values that may hold $(VAR), in the definition's order."""
    configuration_set: str | None = None
    max_parallel: int = 1
    missing_attachment: MissingAttachment = MissingAttachment.SKIP
    unknown: UnknownPolicy = UnknownPolicy.SKIP
    hold_back: timedelta = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Automation:
    """A whole definition, as `automation apply` reads it and the tables keep it."""

    name: str
    dbio: Dbio
    template: Template
    policies: Policies
    owner: str | None = None
    schedules: tuple[Schedule, ...] = field(default=())

"""How policies and schedules are written, in TOML and in JSON alike: the keys, their forms, their defaults."""

import re
from datetime import time, timedelta

from mailer.model.automation import LAST_DAY, MissingAttachment, Policies, Schedule, ScheduleKind, UnknownPolicy
from mailer.model.duration import format_duration
from mailer.model.recurrence import check_schedule
from mailer.model.table import Table, offer, quoted

MOST_PARALLEL = 1000
"""Deliveries in flight of one process; SES answers no account faster."""

_PLAIN_POLICIES = Policies(sender="")
_PLAIN_SCHEDULE = Schedule(ScheduleKind.DAILY)
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_KOREAN_WEEKDAYS = "월화수목금토일"
_WEEKDAY_NUMBERS = {
    name: number
    for names in (
        _WEEKDAYS,
        ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
        _KOREAN_WEEKDAYS,
        tuple(f"{name}요일" for name in _KOREAN_WEEKDAYS),
    )
    for number, name in enumerate(names)
}
_LAST = "last"
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?")


def read_policies(table: Table) -> Policies:
    """The policies among the table's keys; whether addresses and headers are right is not looked at."""
    plain = _PLAIN_POLICIES
    hold_back = table.duration("hold_back")
    return Policies(
        sender=table.needed_text("from"),
        reply_to=table.texts("reply_to"),
        headers=table.pairs("headers"),
        configuration_set=table.text("configuration_set"),
        max_parallel=table.integer("max_parallel", plain.max_parallel, 1, MOST_PARALLEL),
        missing_attachment=table.choice("missing_attachment", MissingAttachment) or plain.missing_attachment,
        unknown=table.choice("unknown", UnknownPolicy) or plain.unknown,
        hold_back=plain.hold_back if hold_back is None else hold_back,
    )


def write_policies(policies: Policies) -> dict[str, object]:
    """What `read_policies` reads back as equal; what is not set is left out."""
    written: dict[str, object] = {
        "from": policies.sender,
        "reply_to": list(policies.reply_to),
        "configuration_set": policies.configuration_set,
        "max_parallel": policies.max_parallel,
        "missing_attachment": policies.missing_attachment.value,
        "unknown": policies.unknown.value,
        "hold_back": format_duration(policies.hold_back),
        "headers": dict(policies.headers),
    }
    return {key: value for key, value in written.items() if value not in (None, [], {})}


def read_rule(
    kind: ScheduleKind | None, table: Table, timezone: str | None, misfire_grace: timedelta | None
) -> Schedule:
    """The schedule of that kind whose rule the table's keys say. `timezone` and `misfire_grace` None: the defaults.

    Notes also what is wrong with the schedule as a whole. `kind` None: not known; the keys are looked at all the same.
    """
    faults_before = len(table.faults)
    weekdays, month_days = _read_days(table, kind)
    schedule = Schedule(
        kind=kind or _PLAIN_SCHEDULE.kind,
        at=_read_times(table),
        weekdays=weekdays,
        month_days=month_days,
        every=table.duration("every"),
        rule=table.text("rule"),
        timezone=_PLAIN_SCHEDULE.timezone if timezone is None else timezone,
        misfire_grace=_PLAIN_SCHEDULE.misfire_grace if misfire_grace is None else misfire_grace,
    )
    # A value that could not be read would be called missing as well.
    if kind is not None and len(table.faults) == faults_before:
        table.faults += [f"{table.path}: {fault}" for fault in check_schedule(schedule)]
    return schedule


def write_rule(schedule: Schedule) -> dict[str, object]:
    """The rule's keys: what `read_rule` reads back as equal."""
    written: dict[str, object] = {
        "days": [
            *(_WEEKDAYS[number] for number in schedule.weekdays),
            *(_LAST if number == LAST_DAY else number for number in schedule.month_days),
        ],
        "at": [_write_time(at) for at in schedule.at],
        "every": None if schedule.every is None else format_duration(schedule.every),
        "rule": schedule.rule,
    }
    return {key: value for key, value in written.items() if value not in (None, [])}


def _read_days(table: Table, kind: ScheduleKind | None) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Days of the week and days of the month; of both where the kind has no use for either, which is told elsewhere."""
    weekdays: list[int] = []
    month_days: list[int] = []
    for item in table.items("days", '["mon"]'):
        word = item.strip().lower() if isinstance(item, str) else ""
        if kind is not ScheduleKind.MONTHLY and word in _WEEKDAY_NUMBERS:
            weekdays.append(_WEEKDAY_NUMBERS[word])
        elif kind is not ScheduleKind.WEEKLY and word == _LAST:
            month_days.append(LAST_DAY)
        elif kind is not ScheduleKind.WEEKLY and type(item) is int and 1 <= item <= 31:
            month_days.append(item)
        else:
            table.fault("days", f"{quoted(item)} is no day{_days_of(kind, word)}")
    return tuple(weekdays), tuple(month_days)


def _days_of(kind: ScheduleKind | None, word: str) -> str:
    match kind:
        case ScheduleKind.WEEKLY:
            return f" of the week; {offer(word, [*_WEEKDAYS, *_KOREAN_WEEKDAYS])}"
        case ScheduleKind.MONTHLY:
            return f" of a month: 1 to 31, or '{_LAST}'"
        case _:
            return f": 'mon' to 'sun', '월' to '일', 1 to 31, or '{_LAST}'"


def _read_times(table: Table) -> tuple[time, ...]:
    times = []
    for item in table.items("at", '["09:00"]'):
        at = item if isinstance(item, time) else _parse_time(item) if isinstance(item, str) else None
        if at is None or at.microsecond:
            table.fault("at", f"{quoted(item)} is no time of day; write '09:00', or '09:00:30'")
        else:
            times.append(at)
    return tuple(times)


def _parse_time(text: str) -> time | None:
    written = _TIME.fullmatch(text.strip())
    if written is None:
        return None
    hour, minute, second = (int(part or 0) for part in written.groups())
    return time(hour, minute, second) if hour < 24 and minute < 60 and second < 60 else None


def _write_time(at: time) -> str:
    return at.isoformat("seconds" if at.second else "minutes")

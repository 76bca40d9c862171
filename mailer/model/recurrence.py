"""When a schedule fires. Pure: the time is handed in. All moments, in and out, are aware and in UTC.

daily, weekly and monthly are times of a wall clock in the schedule's zone. A time that daylight saving skips fires at
the first moment after the gap (two in one gap are one fire); one that comes twice fires once, the first time. Days 29
to 31 fall on the last day of a shorter month. What a cron rule means is told in cron.py.

Every function but `check_schedule` raises ValueError for a schedule in which that one finds a fault.
"""

import itertools
from calendar import monthrange
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from mailer.model.automation import LAST_DAY, Schedule, ScheduleKind
from mailer.model.cron import next_by_rule, rule_faults
from mailer.model.zones import load_zone, moment_of

_FIELDS = {
    ScheduleKind.DAILY: ("at",),
    ScheduleKind.WEEKLY: ("weekdays", "at"),
    ScheduleKind.MONTHLY: ("month_days", "at"),
    ScheduleKind.REALTIME: ("every",),
    ScheduleKind.CRON: ("rule",),
}
_KEYS = {
    "at": ("at", '["09:00"]'),
    "weekdays": ("days", '["mon"]'),
    "month_days": ("days", '[1, "last"]'),
    "every": ("every", '"30s"'),
    "rule": ("rule", '"0 9 * * 1-5"'),
}
"""A field's key in a definition, with an example of its value."""

_OPTIONAL = {"every"}


def next_fire(schedule: Schedule, after: datetime) -> datetime | None:
    """The first fire strictly later than `after`; None: it never fires again (realtime without `every`, for one)."""
    _refuse_faults(schedule)
    return _next(schedule, after)


def first_fire(schedule: Schedule, now: datetime) -> datetime | None:
    """The first fire of a schedule that is new `now`: a realtime one is due at once."""
    _refuse_faults(schedule)
    return now if schedule.kind is ScheduleKind.REALTIME else _next(schedule, now)


def latest_fire(schedule: Schedule, due: datetime, now: datetime) -> datetime:
    """The latest fire that is not later than `now`, stepped from `due`, a fire that is not later either.

    Stepped from `due` and never from `now`: `every` keeps its phase. `due` itself where no other has come since.
    Takes few steps, however long ago `due` was.
    """
    _refuse_faults(schedule)
    if due > now:
        raise ValueError(f"{due} is not due at {now}")
    if schedule.every is not None:
        return due + (now - due) // schedule.every * schedule.every
    # Between `latest` and `end` lies what is still unknown; each turn halves it.
    latest, end = due, now
    while (fire := _next(schedule, latest)) is not None and fire <= end:
        middle = fire + (end - fire) / 2
        later = _next(schedule, middle)
        if later is not None and later <= end:
            latest = later
        else:
            latest, end = fire, middle
    return latest


def upcoming(schedule: Schedule, after: datetime, count: int) -> list[datetime]:
    """The next fires strictly later than `after`, in order; fewer than `count` where there are no more."""
    _refuse_faults(schedule)
    fires: list[datetime] = []
    moment = after
    while len(fires) < count and (fire := _next(schedule, moment)) is not None:
        fires.append(fire)
        moment = fire
    return fires


def check_schedule(schedule: Schedule) -> list[str]:
    """What is wrong with a schedule, one sentence for each fault, in the words of a definition; empty: nothing."""
    faults = [*_fields_amiss(schedule), *_days_amiss(schedule)]
    if schedule.every is not None and schedule.every <= timedelta(0):
        faults.append("'every' must be longer than nothing")
    if schedule.misfire_grace < timedelta(0):
        faults.append("'misfire_grace' can't be negative")
    try:
        zone = load_zone(schedule.timezone)
    except ValueError as unknown:
        return [*faults, str(unknown)]
    if schedule.kind is ScheduleKind.CRON and schedule.rule is not None:
        faults += rule_faults(schedule.rule, zone)
    return faults


def _next(schedule: Schedule, after: datetime) -> datetime | None:
    zone = load_zone(schedule.timezone)
    try:
        if schedule.kind is ScheduleKind.REALTIME:
            return after + schedule.every if schedule.every else None
        if schedule.kind is ScheduleKind.CRON:
            return next_by_rule(schedule.rule or "", zone, after)
        return _next_by_wall_clock(schedule, zone, after)
    except OverflowError:  # past the year 9999
        return None


def _next_by_wall_clock(schedule: Schedule, zone: ZoneInfo, after: datetime) -> datetime:
    # Wall times of earlier days give no later moment (`moment_of`), so the search begins with the day of `after`.
    today = after.astimezone(zone).date()
    days = (today + timedelta(days=n) for n in itertools.count())
    walls = (datetime.combine(day, at) for day in days if _falls_on(schedule, day) for at in sorted(schedule.at))
    return next(fire for wall in walls if (fire := moment_of(wall, zone)) > after)


def _falls_on(schedule: Schedule, day: date) -> bool:
    match schedule.kind:
        case ScheduleKind.WEEKLY:
            return day.weekday() in schedule.weekdays
        case ScheduleKind.MONTHLY:
            last = monthrange(day.year, day.month)[1]
            return day.day in {last if n == LAST_DAY else min(n, last) for n in schedule.month_days}
        case _:
            return True


def _refuse_faults(schedule: Schedule) -> None:
    if faults := check_schedule(schedule):
        raise ValueError("; ".join(faults))


def _fields_amiss(schedule: Schedule) -> list[str]:
    """Fields that the kind needs and lacks, or has no use for: 'days' on a daily schedule would be ignored unseen."""
    values: dict[str, object] = {
        "at": schedule.at or None,
        "weekdays": schedule.weekdays or None,
        "month_days": schedule.month_days or None,
        "every": schedule.every,
        "rule": schedule.rule,
    }
    kind, faults = schedule.kind, []
    for field, value in values.items():
        key, example = _KEYS[field]
        if field in _FIELDS[kind] and value is None and field not in _OPTIONAL:
            faults.append(f"a {kind} schedule needs '{key}', for example {key} = {example}")
        if field not in _FIELDS[kind] and value is not None:
            faults.append(f"a {kind} schedule has no use for '{key}', as in {key} = {example}")
    return faults


def _days_amiss(schedule: Schedule) -> list[str]:
    return [
        *(f"{n} is no day of the week: 0 (Monday) to 6 (Sunday)" for n in schedule.weekdays if n not in range(7)),
        *(
            f"{n} is no day of a month: 1 to 31, or 'last'"
            for n in schedule.month_days
            if n not in range(1, 32) and n != LAST_DAY
        ),
    ]

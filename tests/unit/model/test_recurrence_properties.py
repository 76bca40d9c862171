"""Recurrence against a slow oracle that walks through time minute by minute and looks at the clock on the wall."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise, takewhile

import pytest
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.model.automation import LAST_DAY, Schedule, ScheduleKind
from mailer.model.recurrence import latest_fire, next_fire, upcoming
from mailer.model.zones import load_zone

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
YEARS = range(1985, 2045)
DATES = tuple(datetime(year, 1, 1) for year in (YEARS.start, YEARS.stop))  # noqa: DTZ001 (hypothesis adds the zone)
ORDINARY = ("Asia/Seoul", "America/New_York", "Europe/London")
MIDNIGHT_GAP, HALF_HOUR, QUARTER_HOUR = "America/Sao_Paulo", "Australia/Lord_Howe", "Pacific/Chatham"
ZONES = (*ORDINARY, MIDNIGHT_GAP, HALF_HOUR, QUARTER_HOUR, "Pacific/Apia", "America/Havana", "Africa/Casablanca")

Wall = datetime
"""Naive: what a clock shows."""


@cache
def transitions(zone: str) -> tuple[datetime, ...]:
    """When the zone's offset changes, to six hours."""
    start = datetime(YEARS.start, 1, 1, tzinfo=UTC)
    hours = [start + n * 6 * HOUR for n in range(len(YEARS) * 1461)]
    offsets = [hour.astimezone(load_zone(zone)).utcoffset() for hour in hours]
    return tuple(hour for hour, (one, two) in zip(hours, pairwise(offsets), strict=False) if one != two)


def clock_minutes(zone: str, start: datetime, end: datetime) -> list[tuple[datetime, Wall]]:
    """Each minute from `start` to `end`, both included, with what the clock shows."""
    moments = (start + n * MINUTE for n in range((end - start) // MINUTE + 1))
    return [(moment, moment.astimezone(load_zone(zone)).replace(tzinfo=None)) for moment in moments]


def fires_of_a_clock(zone: str, wanted: Callable[[Wall], bool], start: datetime, end: datetime) -> list[datetime]:
    """The moments in (start, end] at which the clock first reaches, or jumps over, a wanted minute."""
    fires = []
    minutes = clock_minutes(zone, start - DAY, end)
    highest = minutes[0][1]
    for moment, wall in minutes:
        new = [highest + n * MINUTE for n in range(1, (wall - highest) // MINUTE + 1)]
        if any(wanted(minute) for minute in new):
            fires.append(moment)
        highest = max(highest, wall)
    return [fire for fire in fires if fire > start]


def wants(schedule: Schedule) -> Callable[[Wall], bool]:
    def is_day(day: date) -> bool:
        if schedule.kind is ScheduleKind.WEEKLY:
            return day.isoweekday() - 1 in schedule.weekdays
        if schedule.kind is ScheduleKind.MONTHLY:
            is_last = (day + DAY).day == 1
            return any(n == day.day or (is_last and (n == LAST_DAY or n > day.day)) for n in schedule.month_days)
        return True

    return lambda wall: wall.time() in schedule.at and is_day(wall.date())


def stepped(schedule: Schedule, start: datetime, end: datetime) -> list[datetime]:
    """The fires in (start, end], each asked for from the one before."""
    fires = []
    moment = start
    while (fire := next_fire(schedule, moment)) is not None and fire <= end:
        assert fire > moment
        fires.append(fire)
        moment = fire
    return fires


@st.composite
def starts(draw: st.DrawFn, zone: str) -> datetime:
    """A minute at most two days before a change of the zone's offset, before a month's end, or anywhere."""
    month_end = st.builds(lambda y, m: datetime(y, m, 1, tzinfo=UTC), st.sampled_from(YEARS), st.integers(1, 12))
    anywhere = st.datetimes(DATES[0], DATES[1], timezones=st.just(UTC))
    near = draw(st.one_of(st.sampled_from(transitions(zone)), month_end, anywhere)).replace(second=0, microsecond=0)
    return near - draw(st.integers(0, 2 * 24 * 60)) * MINUTE


clock_times = st.one_of(
    st.builds(time, st.integers(0, 3), st.sampled_from((0, 15, 30, 45, 59))),
    st.builds(time, st.integers(0, 23), st.integers(0, 59)),
)
several_times = st.lists(clock_times, min_size=1, max_size=4).map(tuple)


@st.composite
def wall_clock_schedules(draw: st.DrawFn) -> Schedule:
    kind = draw(st.sampled_from((ScheduleKind.DAILY, ScheduleKind.WEEKLY, ScheduleKind.MONTHLY)))
    month_day = st.one_of(st.sampled_from((1, 29, 30, 31, LAST_DAY)), st.integers(1, 31))
    return Schedule(
        kind,
        at=draw(several_times),
        weekdays=tuple(draw(st.sets(st.integers(0, 6), min_size=1))) if kind is ScheduleKind.WEEKLY else (),
        month_days=tuple(draw(st.sets(month_day, min_size=1, max_size=6))) if kind is ScheduleKind.MONTHLY else (),
        timezone=draw(st.sampled_from(ZONES)),
    )


minute_fields = st.sampled_from(("0", "30", "59", "0,15,45", "5-20", "*", "*/20"))
hour_fields = st.sampled_from(("0", "1", "2", "3", "23", "0-3", "1,2,9", "*", "*/2"))
day_fields = st.sampled_from(
    ("* * *", "1 * *", "L * *", "28-31 * *", "* * SUN", "* 3,10,11 *", "*/10 * 0-3", "13 * FRI")
)
rules = st.builds(lambda *fields: " ".join(fields), minute_fields, hour_fields, day_fields)


def cron(rule: str, zone: str) -> Schedule:
    return Schedule(ScheduleKind.CRON, rule=rule, timezone=zone)


schedules = st.one_of(
    wall_clock_schedules(),
    st.builds(cron, rules, st.sampled_from(ZONES)),
    st.builds(
        Schedule,
        st.just(ScheduleKind.REALTIME),
        every=st.timedeltas(timedelta(microseconds=1), 400 * DAY),
        timezone=st.sampled_from(ZONES),
    ),
)


@given(st.data(), wall_clock_schedules())
@settings(deadline=None)
def test_a_wall_clock_schedule_fires_as_somebody_who_watches_the_clock_would(
    data: st.DataObject, schedule: Schedule
) -> None:
    start = data.draw(starts(schedule.timezone))
    end = start + 3 * DAY
    assert stepped(schedule, start, end) == fires_of_a_clock(schedule.timezone, wants(schedule), start, end)


@pytest.mark.parametrize("zone", ZONES)
def test_so_it_does_at_changes_of_offset_over_sixty_years(zone: str) -> None:
    at = (
        time(0),
        time(0, 30),
        time(1),
        time(1, 45),
        time(2),
        time(2, 20),
        time(2, 40),
        time(3),
        time(3, 30),
        time(23, 30),
    )
    schedule = Schedule(ScheduleKind.DAILY, at=at, timezone=zone)
    for change in transitions(zone)[::3]:  # odd: springs and autumns in turn
        start, end = change - 12 * HOUR, change + 18 * HOUR
        assert stepped(schedule, start, end) == fires_of_a_clock(zone, wants(schedule), start, end)


@pytest.mark.parametrize("zone", ["Asia/Seoul", "Pacific/Apia"])
@pytest.mark.parametrize("month_day", [1, 28, 29, 30, 31, LAST_DAY])
def test_a_monthly_schedule_fires_once_in_each_month_of_thirty_years(zone: str, month_day: int) -> None:
    schedule = Schedule(ScheduleKind.MONTHLY, month_days=(month_day,), at=(time(9),), timezone=zone)
    fires = upcoming(schedule, datetime(2000, 1, 1, tzinfo=UTC) - DAY / 2, 360)
    months = {fire.astimezone(load_zone(zone)).strftime("%Y-%m") for fire in fires}
    assert len(months) == len(fires) == 360


@given(schedules, st.datetimes(DATES[0], DATES[1], timezones=st.just(UTC)))
@settings(deadline=None)
def test_the_next_fire_is_strictly_later_in_utc_and_the_same_each_time(schedule: Schedule, after: datetime) -> None:
    fire = next_fire(schedule, after)
    assert fire is not None
    assert fire > after
    assert fire.tzinfo is UTC
    assert next_fire(schedule, after) == fire


@given(st.data(), wall_clock_schedules())
@settings(deadline=None)
def test_from_any_moment_before_it_the_next_fire_is_the_same(data: st.DataObject, schedule: Schedule) -> None:
    after = data.draw(starts(schedule.timezone))
    fire = next_fire(schedule, after)
    assert fire is not None
    between = data.draw(st.datetimes(after.replace(tzinfo=None), fire.replace(tzinfo=None), timezones=st.just(UTC)))
    assert between == fire or next_fire(schedule, between) == fire


@given(st.data(), minute_fields, hour_fields, day_fields, st.sampled_from(ZONES))
@settings(deadline=None)
def test_cron_fires_at_each_minute_that_fits_or_by_the_clock_where_minute_and_hour_are_fixed(
    data: st.DataObject, minute: str, hour: str, days: str, zone: str
) -> None:
    rule = f"{minute} {hour} {days}"
    start = data.draw(starts(zone))
    end = start + 2 * DAY
    first, last = ((moment + n * DAY).replace(tzinfo=None) for moment, n in ((start, -2), (end, 1)))
    fitting = set(takewhile(lambda wall: wall <= last, CronSim(rule, first)))
    if "*" in minute + hour:
        expected = [moment for moment, wall in clock_minutes(zone, start + MINUTE, end) if wall in fitting]
    else:
        expected = fires_of_a_clock(zone, fitting.__contains__, start, end)
    assert stepped(cron(rule, zone), start, end) == expected


@given(rules, st.sampled_from(ORDINARY), st.datetimes(DATES[0], DATES[1], timezones=st.just(UTC)))
@settings(deadline=None)
def test_cron_is_what_cronsim_makes_of_it_in_an_ordinary_zone(rule: str, zone: str, after: datetime) -> None:
    cronsims = (wall.astimezone(UTC) for wall in CronSim(rule, after.astimezone(load_zone(zone))))
    assert next_fire(cron(rule, zone), after) == next(fire for fire in cronsims if fire > after)


@given(st.data(), schedules)
@settings(deadline=None)
def test_the_latest_fire_is_the_last_one_stepped_to(data: st.DataObject, schedule: Schedule) -> None:
    before = data.draw(starts(schedule.timezone))
    due = next_fire(schedule, before)
    assert due is not None
    fires = [due, *upcoming(schedule, due, data.draw(st.integers(1, 200)))]
    now = fires[-1] - data.draw(st.timedeltas(timedelta(microseconds=1), fires[-1] - fires[-2]))
    assert latest_fire(schedule, due, now) == fires[-2]
    assert latest_fire(schedule, due, fires[-1]) == fires[-1]


@given(schedules, st.datetimes(DATES[0], DATES[1], timezones=st.just(UTC)))
@settings(deadline=None)
def test_after_the_latest_fire_the_next_one_is_still_to_come(schedule: Schedule, now: datetime) -> None:
    due = next_fire(schedule, datetime(1971, 1, 1, tzinfo=UTC))
    assert due is not None
    if due <= now:
        latest = latest_fire(schedule, due, now)
        following = next_fire(schedule, latest)
        assert latest <= now
        assert following is not None
        assert following > now

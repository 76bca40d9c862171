"""Each edge of a cron rule by name. Times are written as the zone's clocks show them, with their offset."""

from datetime import UTC, datetime

from mailer.model.cron import next_by_rule
from mailer.model.zones import load_zone

SEOUL, NEW_YORK, APIA = "Asia/Seoul", "America/New_York", "Pacific/Apia"
LORD_HOWE, CHATHAM = "Australia/Lord_Howe", "Pacific/Chatham"


def fires(zone: str, rule: str, after: str, count: int) -> list[str]:
    found = []
    moment = datetime.fromisoformat(after).astimezone(UTC)
    for _ in range(count):
        fire = next_by_rule(rule, load_zone(zone), moment)
        assert fire is not None
        assert fire.tzinfo is UTC
        found.append(fire.astimezone(load_zone(zone)).isoformat(" ", "minutes"))
        moment = fire
    return found


def test_it_is_read_in_the_schedules_zone() -> None:
    assert fires(SEOUL, "0 9 * * 1-5", "2026-11-27 12:00+09:00", 2) == [
        "2026-11-30 09:00+09:00",
        "2026-12-01 09:00+09:00",
    ]


def test_last_day_and_weekday_of_the_month_are_cronsims_own() -> None:
    assert fires(SEOUL, "0 9 L * *", "2027-02-01 00:00+09:00", 1) == ["2027-02-28 09:00+09:00"]
    assert fires(SEOUL, "0 9 * * MON#2", "2026-11-24 00:00+09:00", 1) == ["2026-12-14 09:00+09:00"]


def test_day_31_skips_a_shorter_month_unlike_monthly() -> None:
    assert fires(SEOUL, "0 9 31 * *", "2027-02-01 00:00+09:00", 2) == [
        "2027-03-31 09:00+09:00",
        "2027-05-31 09:00+09:00",
    ]


def test_a_fixed_time_that_is_skipped_fires_after_the_gap() -> None:
    assert fires(NEW_YORK, "15,45 2 * * *", "2026-03-07 12:00-05:00", 2) == [
        "2026-03-08 03:00-04:00",
        "2026-03-09 02:15-04:00",
    ]
    assert fires(APIA, "0 9 * * *", "2011-12-29 12:00-10:00", 2) == [
        "2011-12-31 00:00+14:00",
        "2011-12-31 09:00+14:00",
    ]


def test_a_fixed_time_that_comes_twice_fires_the_first_time_alone() -> None:
    assert fires(NEW_YORK, "30 1 * * *", "2026-10-31 12:00-04:00", 2) == [
        "2026-11-01 01:30-04:00",
        "2026-11-02 01:30-05:00",
    ]
    assert fires(NEW_YORK, "30 1 * * *", "2026-11-01 01:10-05:00", 1) == ["2026-11-02 01:30-05:00"]


def test_every_half_hour_goes_through_both_hours_that_look_alike() -> None:
    assert fires(NEW_YORK, "*/30 * * * *", "2026-11-01 01:00-04:00", 4) == [
        "2026-11-01 01:30-04:00",
        "2026-11-01 01:00-05:00",
        "2026-11-01 01:30-05:00",
        "2026-11-01 02:00-05:00",
    ]


def test_minutes_with_a_star_do_not_fire_for_a_gap() -> None:
    assert fires(NEW_YORK, "*/30 2 * * *", "2026-03-07 12:00-05:00", 1) == ["2026-03-09 02:00-04:00"]
    assert fires(APIA, "0 * 30 12 *", "2011-12-01 12:00-10:00", 1) == ["2012-12-30 00:00+14:00"]


def test_lord_howe_loses_no_minute_around_its_half_hours() -> None:
    assert fires(LORD_HOWE, "*/20 2,3 * * *", "2026-10-04 00:00+10:30", 4) == [
        "2026-10-04 02:40+11:00",
        "2026-10-04 03:00+11:00",
        "2026-10-04 03:20+11:00",
        "2026-10-04 03:40+11:00",
    ]
    assert fires(LORD_HOWE, "*/20 1,2 * * *", "2026-04-05 01:20+11:00", 3) == [
        "2026-04-05 01:40+11:00",
        "2026-04-05 01:40+10:30",
        "2026-04-05 02:00+10:30",
    ]


def test_the_hour_that_the_chatham_islands_repeat_from_a_quarter_to_is_found() -> None:
    assert fires(CHATHAM, "*/15 3 * * *", "2026-04-05 03:00+13:45", 6) == [
        "2026-04-05 03:15+13:45",
        "2026-04-05 03:30+13:45",
        "2026-04-05 03:00+12:45",
        "2026-04-05 03:15+12:45",
        "2026-04-05 03:30+12:45",
        "2026-04-05 03:45+12:45",
    ]


def test_29_february_is_found_over_a_year_without() -> None:
    assert fires(SEOUL, "0 0 29 2 *", "2096-03-01 00:00+09:00", 1) == ["2104-02-29 00:00+09:00"]

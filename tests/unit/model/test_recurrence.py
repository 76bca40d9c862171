"""Each edge of the calendar by name. Times are written as the zone's clocks show them, with their offset."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from mailer.model import recurrence
from mailer.model.automation import LAST_DAY, Schedule, ScheduleKind
from mailer.model.cron import next_by_rule
from mailer.model.recurrence import first_fire, latest_fire, next_fire, upcoming
from mailer.model.zones import load_zone

SEOUL, NEW_YORK, LONDON = "Asia/Seoul", "America/New_York", "Europe/London"
LORD_HOWE, APIA, SAO_PAULO, HAVANA = "Australia/Lord_Howe", "Pacific/Apia", "America/Sao_Paulo", "America/Havana"


def at(*clocks: str) -> tuple[time, ...]:
    return tuple(time.fromisoformat(clock) for clock in clocks)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def daily(zone: str, *clocks: str) -> Schedule:
    return Schedule(ScheduleKind.DAILY, at=at(*clocks), timezone=zone)


def weekly(zone: str, weekdays: tuple[int, ...], *clocks: str) -> Schedule:
    return Schedule(ScheduleKind.WEEKLY, weekdays=weekdays, at=at(*clocks), timezone=zone)


def monthly(zone: str, month_days: tuple[int, ...], *clocks: str) -> Schedule:
    return Schedule(ScheduleKind.MONTHLY, month_days=month_days, at=at(*clocks), timezone=zone)


def cron(zone: str, rule: str) -> Schedule:
    return Schedule(ScheduleKind.CRON, rule=rule, timezone=zone)


def realtime(every: timedelta | None) -> Schedule:
    return Schedule(ScheduleKind.REALTIME, every=every)


def fires(schedule: Schedule, after: str, count: int) -> list[str]:
    zone = load_zone(schedule.timezone)
    found = upcoming(schedule, moment(after), count)
    assert all(fire.tzinfo is UTC for fire in found)
    return [fire.astimezone(zone).isoformat(" ", "minutes") for fire in found]


class TestPlainDays:
    def test_daily_fires_at_each_of_its_times_whatever_their_order(self) -> None:
        assert fires(daily(SEOUL, "18:30", "09:00"), "2026-11-24 09:00+09:00", 3) == [
            "2026-11-24 18:30+09:00",
            "2026-11-25 09:00+09:00",
            "2026-11-25 18:30+09:00",
        ]

    def test_a_fire_is_strictly_later_to_the_microsecond(self) -> None:
        schedule = daily(SEOUL, "09:00")
        nine = moment("2026-11-24 09:00+09:00")
        assert next_fire(schedule, nine - timedelta(microseconds=1)) == nine
        assert next_fire(schedule, nine) == nine + timedelta(days=1)

    def test_the_day_is_the_zones_own_and_not_that_of_utc(self) -> None:
        assert fires(daily(SEOUL, "00:30"), "2026-11-24 23:00+00:00", 1) == ["2026-11-26 00:30+09:00"]
        assert fires(daily(NEW_YORK, "23:30"), "2026-11-24 02:00+00:00", 1) == ["2026-11-23 23:30-05:00"]

    def test_weekly_fires_on_its_days_from_monday_0_to_sunday_6(self) -> None:
        assert fires(weekly(SEOUL, (0, 6), "09:00"), "2026-11-24 12:00+09:00", 3) == [
            "2026-11-29 09:00+09:00",  # a Sunday
            "2026-11-30 09:00+09:00",
            "2026-12-06 09:00+09:00",
        ]


class TestMonthEnds:
    def test_day_31_falls_on_the_last_day_of_a_shorter_month(self) -> None:
        assert fires(monthly(SEOUL, (31,), "09:00"), "2027-01-01 00:00+09:00", 4) == [
            "2027-01-31 09:00+09:00",
            "2027-02-28 09:00+09:00",
            "2027-03-31 09:00+09:00",
            "2027-04-30 09:00+09:00",
        ]

    def test_day_29_falls_on_the_28th_in_february_but_not_in_a_leap_year(self) -> None:
        assert fires(monthly(SEOUL, (29,), "09:00"), "2027-02-01 00:00+09:00", 1) == ["2027-02-28 09:00+09:00"]
        assert fires(monthly(SEOUL, (29,), "09:00"), "2028-02-01 00:00+09:00", 1) == ["2028-02-29 09:00+09:00"]
        assert fires(monthly(SEOUL, (29,), "09:00"), "2100-02-01 00:00+09:00", 1) == ["2100-02-28 09:00+09:00"]

    def test_30_and_31_and_last_are_one_run_a_time_in_february(self) -> None:
        assert fires(monthly(SEOUL, (30, 31, LAST_DAY), "09:00", "18:00"), "2027-02-01 00:00+09:00", 4) == [
            "2027-02-28 09:00+09:00",
            "2027-02-28 18:00+09:00",
            "2027-03-30 09:00+09:00",
            "2027-03-30 18:00+09:00",
        ]

    def test_the_first_and_the_last_day_follow_each_other_over_the_years_end(self) -> None:
        assert fires(monthly(SEOUL, (1, LAST_DAY), "09:00"), "2026-12-02 00:00+09:00", 3) == [
            "2026-12-31 09:00+09:00",
            "2027-01-01 09:00+09:00",
            "2027-01-31 09:00+09:00",
        ]


class TestATimeThatIsSkipped:
    def test_new_york_0230_fires_at_0300(self) -> None:
        assert fires(daily(NEW_YORK, "02:30"), "2026-03-07 12:00-05:00", 2) == [
            "2026-03-08 03:00-04:00",
            "2026-03-09 02:30-04:00",
        ]

    def test_new_york_two_times_in_one_gap_and_the_time_after_it_are_one_run(self) -> None:
        assert fires(daily(NEW_YORK, "02:00", "02:59", "03:00"), "2026-03-08 01:00-05:00", 2) == [
            "2026-03-08 03:00-04:00",
            "2026-03-09 02:00-04:00",
        ]

    def test_london_0100_to_0159_fire_at_0200_and_0059_is_as_always(self) -> None:
        assert fires(daily(LONDON, "00:59", "01:00", "01:59"), "2026-03-29 00:00+00:00", 3) == [
            "2026-03-29 00:59+00:00",
            "2026-03-29 02:00+01:00",
            "2026-03-30 00:59+01:00",
        ]

    def test_lord_howe_skips_half_an_hour(self) -> None:
        assert fires(daily(LORD_HOWE, "02:00", "02:15", "02:30", "02:45"), "2026-10-04 00:00+10:30", 3) == [
            "2026-10-04 02:30+11:00",
            "2026-10-04 02:45+11:00",
            "2026-10-05 02:00+11:00",
        ]

    def test_sao_paulo_midnight_fires_at_one(self) -> None:
        assert fires(daily(SAO_PAULO, "00:00"), "2018-11-03 12:00-03:00", 2) == [
            "2018-11-04 01:00-02:00",
            "2018-11-05 00:00-02:00",
        ]

    def test_seoul_had_a_gap_too_in_1988(self) -> None:
        assert fires(daily(SEOUL, "02:30"), "1988-05-07 12:00+09:00", 2) == [
            "1988-05-08 03:00+10:00",
            "1988-05-09 02:30+10:00",
        ]

    def test_apia_friday_30_december_2011_never_was_and_its_runs_are_one_at_saturdays_first_moment(self) -> None:
        assert fires(daily(APIA, "09:00", "15:00"), "2011-12-29 12:00-10:00", 4) == [
            "2011-12-29 15:00-10:00",
            "2011-12-31 00:00+14:00",
            "2011-12-31 09:00+14:00",
            "2011-12-31 15:00+14:00",
        ]
        assert fires(weekly(APIA, (4,), "09:00"), "2011-12-29 12:00-10:00", 2) == [
            "2011-12-31 00:00+14:00",
            "2012-01-06 09:00+14:00",
        ]
        assert fires(monthly(APIA, (30,), "09:00"), "2011-12-29 12:00-10:00", 2) == [
            "2011-12-31 00:00+14:00",
            "2012-01-30 09:00+14:00",
        ]


class TestATimeThatComesTwice:
    def test_new_york_0130_fires_the_first_time_alone(self) -> None:
        assert fires(daily(NEW_YORK, "01:30"), "2026-10-31 12:00-04:00", 2) == [
            "2026-11-01 01:30-04:00",
            "2026-11-02 01:30-05:00",
        ]

    def test_asked_within_the_second_hour_it_is_over_for_the_day(self) -> None:
        assert fires(daily(NEW_YORK, "01:30"), "2026-11-01 01:10-05:00", 1) == ["2026-11-02 01:30-05:00"]

    def test_london_0100_is_an_hour_earlier_than_the_second_0100(self) -> None:
        assert fires(daily(LONDON, "01:00", "02:00"), "2026-10-25 00:00+01:00", 3) == [
            "2026-10-25 01:00+01:00",
            "2026-10-25 02:00+00:00",
            "2026-10-26 01:00+00:00",
        ]

    def test_lord_howe_repeats_half_an_hour(self) -> None:
        assert fires(daily(LORD_HOWE, "01:15", "01:45", "02:00"), "2026-04-05 00:00+11:00", 4) == [
            "2026-04-05 01:15+11:00",
            "2026-04-05 01:45+11:00",
            "2026-04-05 02:00+10:30",
            "2026-04-06 01:15+10:30",
        ]

    def test_havana_midnight_comes_twice_on_the_day_itself(self) -> None:
        assert fires(daily(HAVANA, "00:00"), "2024-11-02 12:00-04:00", 2) == [
            "2024-11-03 00:00-04:00",
            "2024-11-04 00:00-05:00",
        ]

    def test_sao_paulo_the_hour_before_midnight_comes_twice(self) -> None:
        assert fires(daily(SAO_PAULO, "23:30"), "2018-02-17 23:10-03:00", 1) == ["2018-02-18 23:30-03:00"]


class TestRealtime:
    def test_with_every_it_fires_that_long_after(self) -> None:
        now = moment("2026-11-24 09:00:00.123456+09:00")
        assert next_fire(realtime(timedelta(seconds=30)), now) == now + timedelta(seconds=30)

    def test_without_every_it_never_fires_again(self) -> None:
        assert next_fire(realtime(None), moment("2026-11-24 09:00+09:00")) is None

    def test_every_is_elapsed_time_whatever_the_clocks_do(self) -> None:
        schedule = Schedule(ScheduleKind.REALTIME, every=timedelta(hours=1), timezone=NEW_YORK)
        assert fires(schedule, "2026-11-01 00:30-04:00", 3) == [
            "2026-11-01 01:30-04:00",
            "2026-11-01 01:30-05:00",
            "2026-11-01 02:30-05:00",
        ]


class TestFirstFire:
    @pytest.mark.parametrize("every", [None, timedelta(seconds=30)])
    def test_a_new_realtime_schedule_is_due_at_once(self, every: timedelta | None) -> None:
        now = moment("2026-11-24 09:00+09:00")
        assert first_fire(realtime(every), now) == now

    def test_any_other_waits_for_its_next_time_even_if_it_is_that_time_now(self) -> None:
        now = moment("2026-11-24 09:00+09:00")
        assert first_fire(daily(SEOUL, "09:00"), now) == now + timedelta(days=1)
        assert first_fire(cron(SEOUL, "0 9 * * *"), now) == now + timedelta(days=1)


class TestLatestFire:
    def test_the_one_that_is_due_where_no_other_has_come_since(self) -> None:
        due = moment("2026-11-24 09:00+09:00")
        for schedule in (daily(SEOUL, "09:00"), cron(SEOUL, "0 9 * * *"), realtime(timedelta(days=1)), realtime(None)):
            assert latest_fire(schedule, due, due) == due
            assert latest_fire(schedule, due, due + timedelta(hours=23, minutes=59)) == due

    def test_a_fire_at_this_very_moment_counts(self) -> None:
        due, now = moment("2026-11-24 09:00+09:00"), moment("2026-11-27 09:00+09:00")
        for schedule in (daily(SEOUL, "09:00"), cron(SEOUL, "0 9 * * *"), realtime(timedelta(days=1))):
            assert latest_fire(schedule, due, now) == now

    def test_every_keeps_its_phase_over_an_outage(self) -> None:
        due, now = moment("2026-11-24 09:00:07.5+09:00"), moment("2026-11-24 12:00:00+09:00")
        assert latest_fire(realtime(timedelta(seconds=30)), due, now) == moment("2026-11-24 11:59:37.5+09:00")

    def test_every_is_found_at_once_after_ten_years(self) -> None:
        due = moment("2016-11-24 09:00+09:00")
        missed = timedelta(microseconds=700) * 10**12 // 3
        assert latest_fire(realtime(timedelta(microseconds=700)), due, due + missed) == due + missed - (
            missed % timedelta(microseconds=700)
        )

    @pytest.mark.parametrize("rule", ["* * * * *", "0 9 * * *", "0 9 29 2 *", "* * 29 2 *"])
    def test_years_of_missed_runs_cost_few_steps(self, rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
        steps: list[datetime] = []

        def counted(rule: str, zone: ZoneInfo, after: datetime) -> datetime | None:
            steps.append(after)
            return next_by_rule(rule, zone, after)

        monkeypatch.setattr(recurrence, "next_by_rule", counted)
        schedule, due = cron(SEOUL, rule), moment("2016-02-29 09:00+09:00")
        latest = latest_fire(schedule, due, moment("2026-11-24 12:00+09:00"))
        expected = {
            "* * * * *": "2026-11-24 12:00",
            "0 9 * * *": "2026-11-24 09:00",
            "0 9 29 2 *": "2024-02-29 09:00",
            "* * 29 2 *": "2024-02-29 23:59",
        }
        assert latest == moment(f"{expected[rule]}+09:00")
        assert len(steps) < 60

    def test_what_is_not_due_yet_has_no_latest_fire(self) -> None:
        due = moment("2026-11-24 09:00+09:00")
        with pytest.raises(ValueError, match="is not due at"):
            latest_fire(realtime(timedelta(seconds=30)), due, due - timedelta(microseconds=1))


class TestTheEnd:
    def test_upcoming_ends_where_there_are_no_more(self) -> None:
        now = moment("2026-11-24 09:00+09:00")
        assert upcoming(realtime(None), now, 5) == []
        assert upcoming(daily(SEOUL, "09:00"), now, 0) == []

    def test_nothing_fires_after_the_year_9999(self) -> None:
        assert fires(daily(SEOUL, "09:00"), "9999-12-30 12:00+09:00", 3) == ["9999-12-31 09:00+09:00"]
        assert upcoming(daily(NEW_YORK, "20:00"), moment("9999-12-30 21:00-05:00"), 3) == []
        assert next_fire(realtime(timedelta(days=999_999_999)), moment("2026-11-24 09:00+09:00")) is None
        assert upcoming(cron(SEOUL, "0 9 * * *"), moment("9999-12-31 12:00+09:00"), 3) == []

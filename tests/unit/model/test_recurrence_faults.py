"""What `check_schedule` says of a schedule that can't be run, and that nothing runs it."""

import re
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.model.automation import LAST_DAY, Schedule, ScheduleKind
from mailer.model.recurrence import check_schedule, first_fire, latest_fire, next_fire, upcoming

NINE = (time(9),)
NOW = datetime(2026, 11, 24, tzinfo=UTC)
DAILY, WEEKLY, MONTHLY = ScheduleKind.DAILY, ScheduleKind.WEEKLY, ScheduleKind.MONTHLY
REALTIME, CRON = ScheduleKind.REALTIME, ScheduleKind.CRON


@pytest.mark.parametrize(
    "schedule",
    [
        Schedule(DAILY, at=NINE, timezone="Asia/Seoul"),
        Schedule(WEEKLY, weekdays=(0, 6), at=NINE),
        Schedule(MONTHLY, month_days=(1, 31, LAST_DAY), at=NINE, misfire_grace=timedelta(0)),
        Schedule(REALTIME),
        Schedule(REALTIME, every=timedelta(microseconds=1)),
        Schedule(CRON, rule="*/5 9-18 L * MON-FRI"),
        Schedule(CRON, rule=" 0  9 LW JAN 5L "),
        Schedule(CRON, rule="0 0 * 2 MON#5"),  # four Februaries of a century
    ],
)
def test_a_right_schedule_has_no_faults(schedule: Schedule) -> None:
    assert check_schedule(schedule) == []


@pytest.mark.parametrize(
    ("schedule", "fault"),
    [
        (Schedule(DAILY), """a daily schedule needs 'at', for example at = ["09:00"]"""),
        (Schedule(WEEKLY, at=NINE), """a weekly schedule needs 'days', for example days = ["mon"]"""),
        (Schedule(MONTHLY, at=NINE), """a monthly schedule needs 'days', for example days = [1, "last"]"""),
        (Schedule(CRON), """a cron schedule needs 'rule', for example rule = "0 9 * * 1-5\""""),
        (
            Schedule(DAILY, at=NINE, weekdays=(0,)),
            """a daily schedule has no use for 'days', as in days = ["mon"]""",
        ),
        (
            Schedule(WEEKLY, at=NINE, weekdays=(0,), month_days=(1,)),
            """a weekly schedule has no use for 'days', as in days = [1, "last"]""",
        ),
        (
            Schedule(MONTHLY, at=NINE, month_days=(1,), every=timedelta(hours=1)),
            """a monthly schedule has no use for 'every', as in every = "30s\"""",
        ),
        (Schedule(REALTIME, at=NINE), """a realtime schedule has no use for 'at', as in at = ["09:00"]"""),
        (
            Schedule(REALTIME, rule="* * * * *"),
            """a realtime schedule has no use for 'rule', as in rule = "0 9 * * 1-5\"""",
        ),
        (Schedule(WEEKLY, weekdays=(7,), at=NINE), "7 is no day of the week: 0 (Monday) to 6 (Sunday)"),
        (Schedule(MONTHLY, month_days=(32,), at=NINE), "32 is no day of a month: 1 to 31, or 'last'"),
        (Schedule(MONTHLY, month_days=(0,), at=NINE), "0 is no day of a month: 1 to 31, or 'last'"),
        (Schedule(REALTIME, every=timedelta(0)), "'every' must be longer than nothing"),
        (Schedule(REALTIME, every=timedelta(seconds=-1)), "'every' must be longer than nothing"),
        (Schedule(REALTIME, misfire_grace=timedelta(seconds=-1)), "'misfire_grace' can't be negative"),
        (
            Schedule(DAILY, at=NINE, timezone="Asia/Soul"),
            "there is no time zone 'Asia/Soul'; did you mean 'Asia/Seoul'?",
        ),
        (
            Schedule(CRON, rule="0 9 * *"),
            "the cron rule '0 9 * *' must have five fields: minute, hour, day of month, month, day of week",
        ),
        (
            Schedule(CRON, rule="0 0 9 * * 1"),
            "the cron rule '0 0 9 * * 1' must have five fields: minute, hour, day of month, month, day of week",
        ),
        (Schedule(CRON, rule="60 * * * *"), "the cron rule '60 * * * *' can't be read: Bad minute"),
        (Schedule(CRON, rule="0 0 31 4,6 *"), "the cron rule '0 0 31 4,6 *' can't be read: Bad day-of-month"),
        (
            Schedule(CRON, rule="0 0 */15 2 MON#5"),
            "the cron rule '0 0 */15 2 MON#5' never fires: no such time comes",
        ),
        (
            Schedule(CRON, rule="* 2 * 3 SUN#2", timezone="America/New_York"),  # the hour that each spring skips
            "the cron rule '* 2 * 3 SUN#2' never fires: no such time comes",
        ),
    ],
)
def test_each_fault_is_one_sentence_and_nothing_fires(schedule: Schedule, fault: str) -> None:
    assert check_schedule(schedule) == [fault]
    for ask in (
        lambda: next_fire(schedule, NOW),
        lambda: first_fire(schedule, NOW),
        lambda: latest_fire(schedule, NOW, NOW),
        lambda: upcoming(schedule, NOW, 5),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(fault)}$"):
            ask()


def test_all_faults_are_named_at_once() -> None:
    faults = check_schedule(Schedule(WEEKLY, weekdays=(9,), every=timedelta(0), timezone="Mars"))
    assert len(faults) == 5


@given(
    st.one_of(
        st.text(max_size=30),
        st.lists(st.text(alphabet="0123456789*/,-#LWMON", min_size=1, max_size=6), min_size=5, max_size=5).map(
            " ".join
        ),
        st.just("9" * 5000 + " * * * *"),
    )
)
def test_any_text_as_a_rule_gives_sentences_or_fires(rule: str) -> None:
    schedule = Schedule(CRON, rule=rule, timezone="America/New_York")
    assert check_schedule(schedule) or next_fire(schedule, NOW)


@given(st.text(max_size=20))
def test_any_text_as_a_zone_gives_a_sentence_or_a_zone(name: str) -> None:
    schedule = Schedule(REALTIME, timezone=name)
    assert check_schedule(schedule) or first_fire(schedule, NOW) == NOW

import json
import re
from datetime import time, timedelta

import pytest
from hypothesis import given

from mailer.errors import ConfigurationError
from mailer.model.automation import LAST_DAY, Policies, Schedule, ScheduleKind
from mailer.model.policies_json import dump_policies, dump_rule, load_policies, load_rule
from tests.automation_strategies import POLICIES, SCHEDULES, STATEMENT


@given(POLICIES)
def test_policies_come_back_from_json_as_they_were(policies: Policies) -> None:
    assert load_policies(dump_policies(policies)) == policies


@given(SCHEDULES)
def test_a_rule_comes_back_from_json_as_it_was(schedule: Schedule) -> None:
    text = dump_rule(schedule)
    assert load_rule(schedule.kind, text, schedule.timezone, schedule.misfire_grace) == schedule


def test_policies_are_json_with_the_keys_of_a_definition() -> None:
    assert json.loads(dump_policies(STATEMENT.policies)) == {
        "from": "고객센터 <billing@example.co.kr>",
        "reply_to": ["help@example.co.kr"],
        "headers": {"X-Campaign": "$(MONTH)월"},
        "max_parallel": 1,
        "missing_attachment": "skip",
        "unknown": "skip",
        "hold_back": "3d",
    }
    assert "고객센터" in dump_policies(STATEMENT.policies)


@pytest.mark.parametrize(
    ("schedule", "rule"),
    [
        (Schedule(ScheduleKind.DAILY, (time(9), time(18, 0, 30))), {"at": ["09:00", "18:00:30"]}),
        (Schedule(ScheduleKind.WEEKLY, (time(9),), weekdays=(0, 6)), {"days": ["mon", "sun"], "at": ["09:00"]}),
        (
            Schedule(ScheduleKind.MONTHLY, (time(9),), month_days=(1, LAST_DAY)),
            {"days": [1, "last"], "at": ["09:00"]},
        ),
        (Schedule(ScheduleKind.REALTIME), {}),
        (Schedule(ScheduleKind.REALTIME, every=timedelta(seconds=30)), {"every": "30s"}),
        (Schedule(ScheduleKind.CRON, rule="0 9 * * 1-5"), {"rule": "0 9 * * 1-5"}),
    ],
)
def test_a_rule_is_json_with_the_keys_of_a_definition(schedule: Schedule, rule: dict[str, object]) -> None:
    assert json.loads(dump_rule(schedule)) == rule


def test_policies_that_are_not_there_have_their_defaults() -> None:
    assert load_policies('{"from": "a@example.com"}') == Policies("a@example.com")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "POLICIES: not JSON"),
        ("[" * 100_000, "POLICIES: not JSON"),
        ("9" * 5000, "POLICIES: not JSON"),
        ("[]", "POLICIES: must be a table, not a list"),
        ("{}", "POLICIES.from: is needed"),
        ('{"from": "a@example.com", "max_paralel": 2}', "did you mean 'max_parallel'"),
        ('{"from": "a@example.com", "max_parallel": true}', "must be a whole number from 1 to 1000, not true"),
        ('{"from": "a@example.com", "max_parallel": 2.0}', "must be a whole number"),
        ('{"from": "a@example.com", "unknown": "guess"}', "'skip', 'settle', 'resend', not 'guess'"),
        ('{"from": "a@example.com", "hold_back": null, "reply_to": [1]}', "POLICIES.reply_to"),
    ],
)
def test_policies_that_cannot_be_read_are_refused_with_what_is_wrong(text: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(says)) as refusal:
        load_policies(text)
    assert refusal.value.next_step


@pytest.mark.parametrize(
    ("kind", "text", "says"),
    [
        ("dayly", "{}", "did you mean 'daily'?"),
        ("daily", "0 9 * * *", "RULE: not JSON"),
        ("daily", '"09:00"', "RULE: must be a table"),
        ("daily", "{}", "needs 'at'"),
        ("daily", '{"at": ["09:00"], "days": ["mon"]}', "has no use for 'days'"),
        ("daily", '{"at": ["09:00"], "timezone": "UTC"}', "RULE.timezone: unknown key"),
        ("monthly", '{"at": ["09:00"], "days": [0]}', "0 is no day"),
        ("cron", '{"rule": "0 9 * *"}', "five fields"),
    ],
)
def test_a_rule_that_cannot_be_read_is_refused_with_what_is_wrong(kind: str, text: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(says)):
        load_rule(kind, text, "Asia/Seoul", timedelta(hours=1))


def test_a_rule_in_an_unknown_timezone_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="did you mean 'Asia/Seoul'"):
        load_rule("realtime", "{}", "Asia/Soul", timedelta(hours=1))

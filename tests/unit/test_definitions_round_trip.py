"""What is written, as files or as JSON, reads back as it was."""

import json
import re
import tempfile
import tomllib
from datetime import time, timedelta
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailer.definitions import read_definition, write_definition
from mailer.errors import ConfigurationError
from mailer.model.automation import (
    LAST_DAY,
    Automation,
    Dbio,
    MissingAttachment,
    Policies,
    Schedule,
    ScheduleKind,
    Template,
    UnknownPolicy,
)
from mailer.model.policies_json import dump_policies, dump_rule, load_policies, load_rule

DURATIONS = st.one_of(
    st.integers(0, 10**7).map(lambda seconds: timedelta(seconds=seconds)),
    st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=10_000)),
)
# A NUL is refused, a leading byte order mark is none of the text, and $( and {% would have to be a template.
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff$({")
TEXTS = st.one_of(
    st.text(CHARACTERS, min_size=1),
    st.text(st.sampled_from("가 SELECT'\"\\\n\r\t"), min_size=1),
).filter(str.strip)
WORDS = st.text(st.sampled_from("월간명세서abZ-_ .:/'\"\\"), min_size=1, max_size=20).map(str.strip).filter(bool)
COLUMNS = st.sampled_from(["CUST_ID", "고객번호", "CUST#NO", '"TWO WORDS"'])
ADDRESSES = st.sampled_from(["help@example.co.kr", "고객센터 <billing@example.co.kr>", '"Kim, J." <kim@예시.kr>'])
HEADERS = st.dictionaries(
    st.sampled_from(["List-Unsubscribe", "X-Campaign", "X.Odd'Name"]), st.text(CHARACTERS), max_size=3
)

TIMES = st.lists(st.times().map(lambda at: at.replace(microsecond=0)), min_size=1, max_size=3).map(tuple)
RULES = st.one_of(
    st.builds(Schedule, kind=st.just(ScheduleKind.DAILY), at=TIMES),
    st.builds(
        Schedule,
        kind=st.just(ScheduleKind.WEEKLY),
        at=TIMES,
        weekdays=st.lists(st.integers(0, 6), min_size=1).map(tuple),
    ),
    st.builds(
        Schedule,
        kind=st.just(ScheduleKind.MONTHLY),
        at=TIMES,
        month_days=st.lists(st.integers(1, 31) | st.just(LAST_DAY), min_size=1).map(tuple),
    ),
    st.builds(
        Schedule,
        kind=st.just(ScheduleKind.REALTIME),
        every=st.none() | DURATIONS.filter(bool),
    ),
    st.builds(Schedule, kind=st.just(ScheduleKind.CRON), rule=st.sampled_from(["*/5 9-18 * * 1-5", "0 9 L * *"])),
)
SCHEDULES = st.builds(
    lambda rule, timezone, grace: Schedule(
        rule.kind, rule.at, rule.weekdays, rule.month_days, rule.every, rule.rule, timezone, grace
    ),
    RULES,
    st.sampled_from(["Asia/Seoul", "UTC", "Australia/Lord_Howe"]),
    DURATIONS,
)
POLICIES = st.builds(
    Policies,
    sender=ADDRESSES,
    reply_to=st.lists(ADDRESSES, max_size=2).map(tuple),
    headers=HEADERS.map(lambda headers: tuple(headers.items())),
    configuration_set=st.none() | st.sampled_from(["mailer", "monthly_2"]),
    max_parallel=st.integers(1, 1000),
    missing_attachment=st.sampled_from(MissingAttachment),
    unknown=st.sampled_from(UnknownPolicy),
    hold_back=DURATIONS,
)
AUTOMATIONS = st.builds(
    Automation,
    name=WORDS.filter(lambda name: not name.isdecimal()),
    dbio=st.builds(
        Dbio,
        source=WORDS,
        target=TEXTS,
        key=COLUMNS,
        email=COLUMNS,
        mapping=st.none() | TEXTS,
        update=st.none() | TEXTS,
        attachment=st.none() | COLUMNS,
    ),
    template=st.builds(Template, subject=TEXTS, html=TEXTS, text=st.none() | TEXTS),
    policies=POLICIES,
    owner=st.none() | st.just("crm-team@example.co.kr"),
    schedules=st.lists(SCHEDULES, max_size=3).map(tuple),
)
STATEMENT = Automation(
    name="월간 명세서",
    dbio=Dbio(
        source="crm",
        target="SELECT CUST_ID, EMAIL\n  FROM CUSTOMER\n WHERE NAME <> '\"\"\"' AND CODE = '\\d'",
        key="CUST_ID",
        email="EMAIL",
        update="UPDATE CUSTOMER SET SENT_AT = :SENT_AT WHERE CUST_ID = :CUST_ID",
    ),
    template=Template("$(CUST_NAME)님, 명세서", "<p>$(CUST_NAME)님</p>\r\n", "$(CUST_NAME)님\n"),
    policies=Policies("고객센터 <billing@example.co.kr>", ("help@example.co.kr",), (("X-Campaign", "$(MONTH)월"),)),
    schedules=(Schedule(ScheduleKind.MONTHLY, (time(9),), month_days=(1, LAST_DAY), timezone="Asia/Seoul"),),
)


@given(AUTOMATIONS)
@example(STATEMENT)
def test_an_exported_definition_reads_back_as_it_was(automation: Automation) -> None:
    with tempfile.TemporaryDirectory() as folder:
        definition, *_ = write_definition(automation, Path(folder))
        assert read_definition(definition) == automation


@given(POLICIES)
def test_policies_come_back_from_json_as_they_were(policies: Policies) -> None:
    assert load_policies(dump_policies(policies)) == policies


@given(SCHEDULES)
def test_a_rule_comes_back_from_json_as_it_was(schedule: Schedule) -> None:
    text = dump_rule(schedule)
    assert load_rule(schedule.kind, text, schedule.timezone, schedule.misfire_grace) == schedule


# The files of an export


def test_an_export_lies_in_files_named_after_the_automation(tmp_path: Path) -> None:
    folder = tmp_path / "내보내기" / "new"
    paths = write_definition(STATEMENT, folder)
    assert len(paths) == 3
    assert {path.suffix for path in paths} == {".toml", ".html", ".txt"}
    assert {path.parent for path in paths} == {folder}
    assert (paths[1].read_bytes(), paths[2].read_bytes()) == (
        STATEMENT.template.html.encode(),
        b"$(CUST_NAME)" + "님\n".encode(),
    )


def test_a_name_that_is_no_file_name_is_made_one(tmp_path: Path) -> None:
    automation = Automation("../../etc/passwd: 명세", STATEMENT.dbio, STATEMENT.template, STATEMENT.policies)
    paths = write_definition(automation, tmp_path)
    assert {path.parent for path in paths} == {tmp_path}
    assert read_definition(paths[0]) == automation


def test_a_query_of_several_lines_is_written_in_several_lines(tmp_path: Path) -> None:
    text = write_definition(STATEMENT, tmp_path)[0].read_text(encoding="utf-8")
    assert "SELECT CUST_ID, EMAIL\n  FROM CUSTOMER\n" in text
    assert tomllib.loads(text)["dbio"]["target"] == STATEMENT.dbio.target


def test_exporting_again_changes_nothing_and_never_replaces_a_file_that_differs(tmp_path: Path) -> None:
    toml, html, _ = write_definition(STATEMENT, tmp_path)
    write_definition(STATEMENT, tmp_path)
    html.write_text("mine")
    toml.unlink()
    with pytest.raises(ConfigurationError, match=re.escape(f"{html} is there already")):
        write_definition(STATEMENT, tmp_path)
    assert html.read_text() == "mine"
    assert not toml.exists()
    write_definition(STATEMENT, tmp_path, overwrite=True)
    assert read_definition(toml) == STATEMENT


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="can't be"):
        write_definition(STATEMENT, tmp_path / "file" / "below")


# JSON that another program or a newer version wrote


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

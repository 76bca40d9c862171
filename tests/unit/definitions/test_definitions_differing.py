from dataclasses import replace
from datetime import time, timedelta

from mailer.definitions import differences
from mailer.model.automation import Automation, Dbio, Policies, Schedule, ScheduleKind, Template

MONTHLY = Schedule(ScheduleKind.MONTHLY, (time(9),), month_days=(1, -1), timezone="Asia/Seoul")
WEEKLY = Schedule(ScheduleKind.WEEKLY, (time(9), time(18)), weekdays=(0,), timezone="Asia/Seoul")
LONG = "\n".join(f"<p>{number}번째 줄</p>" for number in range(100))
STATEMENT = Automation(
    name="월간-명세서",
    dbio=Dbio("crm", "SELECT 1", "CUST_ID", "EMAIL"),
    template=Template("명세서", LONG),
    policies=Policies("고객센터 <billing@example.co.kr>", headers=(("X-A", "1"), ("X-B", "2"))),
    owner="crm@example.co.kr",
    schedules=(MONTHLY, WEEKLY),
)


def of_template(**changes: str) -> list[str]:
    return differences(STATEMENT, replace(STATEMENT, template=replace(STATEMENT.template, **changes)))


def test_equal_automations_have_no_differences() -> None:
    assert differences(STATEMENT, replace(STATEMENT)) == []


def test_a_new_automation_is_said_with_its_schedules() -> None:
    assert differences(None, replace(STATEMENT, schedules=(MONTHLY,))) == [
        "new automation",
        "schedule added: monthly; days 1, last; at 09:00; timezone Asia/Seoul; misfire_grace 1h",
    ]


def test_a_short_field_is_shown_as_it_was_and_as_it_is() -> None:
    policies = replace(
        STATEMENT.policies, max_parallel=10, hold_back=timedelta(0), reply_to=("a@example.com", "b@c.kr")
    )
    dbio = replace(STATEMENT.dbio, source="erp", update="UPDATE X")
    assert differences(STATEMENT, replace(STATEMENT, policies=policies, dbio=dbio, owner=None)) == [
        "owner: crm@example.co.kr → not set",
        "max_parallel: 1 → 10",
        "hold_back: 3d → 0s",
        "source: crm → erp",
        "reply_to: not set → a@example.com, b@c.kr",
        "update: not set → UPDATE X",
    ]


def test_a_mapping_query_that_is_asked_for_many_at_once_is_said() -> None:
    dbio = replace(STATEMENT.dbio, mapping="SELECT 1")
    before, after = replace(STATEMENT, dbio=dbio), replace(STATEMENT, dbio=replace(dbio, mapping_batch=True))
    assert differences(before, after) == ["mapping_batch: not set → true"]
    assert differences(after, before) == ["mapping_batch: true → not set"]


def test_a_long_text_is_counted_by_its_lines() -> None:
    assert of_template(html=LONG.replace("7번째", "7 번째").replace("50", "오십")) == ["html: 11 lines changed"]
    assert of_template(html=LONG + "\n<p>끝</p>") == ["html: 1 line changed"]
    assert of_template(html="<p>") == ["html: 100 lines changed"]
    assert of_template(text=LONG) == ["text: not set → 100 lines"]
    assert of_template(subject="가" * 61) == ["subject: 1 line changed"]


def test_a_text_with_other_line_ends_is_a_difference_too() -> None:
    assert of_template(html=LONG.replace("\n", "\r\n")) == ["html: line ends or their order changed"]


def test_a_text_of_a_hundred_thousand_equal_lines_is_compared_at_once() -> None:
    before = replace(STATEMENT, template=Template("명세서", "<br>\n" * 100_000))
    after = replace(STATEMENT, template=Template("명세서", "<br>\n" * 50_000 + "<hr>\n" * 50_000))
    assert differences(before, after) == ["html: 50000 lines changed"]


def test_schedules_are_shown_as_added_and_removed() -> None:
    later = replace(WEEKLY, at=(time(10),))
    assert differences(STATEMENT, replace(STATEMENT, schedules=(later, MONTHLY))) == [
        "schedule removed: weekly; days mon; at 09:00, 18:00; timezone Asia/Seoul; misfire_grace 1h",
        "schedule added: weekly; days mon; at 10:00; timezone Asia/Seoul; misfire_grace 1h",
    ]
    twice = replace(STATEMENT, schedules=(MONTHLY, WEEKLY, WEEKLY))
    assert [line.split(":")[0] for line in differences(STATEMENT, twice)] == ["schedule added"]


def test_the_order_of_schedules_means_nothing() -> None:
    assert differences(STATEMENT, replace(STATEMENT, schedules=(WEEKLY, MONTHLY))) == []


def test_another_order_of_headers_is_a_difference() -> None:
    turned = replace(STATEMENT.policies, headers=(("X-B", "2"), ("X-A", "1")))
    assert differences(STATEMENT, replace(STATEMENT, policies=turned)) == ["headers: another order"]


def test_a_header_is_a_field_of_its_own() -> None:
    changed = replace(STATEMENT.policies, headers=(("X-A", "9"), ("X-C", "3")))
    assert differences(STATEMENT, replace(STATEMENT, policies=changed)) == [
        "headers.X-A: 1 → 9",
        "headers.X-B: 2 → not set",
        "headers.X-C: not set → 3",
    ]

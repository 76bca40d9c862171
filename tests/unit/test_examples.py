import datetime as dt
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from mailer.cli.demo_data import make_demo_data
from mailer.cli.demo_rows import OTHER_PLANTS, Planted
from mailer.definitions import read_definition
from mailer.model.automation import LAST_DAY, Automation, ScheduleKind
from mailer.model.template import CompiledTemplate, Rendered, RenderLimits, compile_template
from mailer.shipped import shipped_folder

LIMITS = RenderLimits(seconds=2.0, bytes=10_000_000)


@pytest.fixture(scope="module")
def crm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    database = make_demo_data(tmp_path_factory.mktemp("demo")).database
    with closing(sqlite3.connect(database)) as connection:
        connection.row_factory = sqlite3.Row
        yield connection


def read(example: str) -> tuple[Automation, CompiledTemplate]:
    automation = read_definition(shipped_folder("examples") / example / "automation.toml")
    return automation, compile_template(automation.template, automation.policies.headers)


@pytest.fixture(scope="module")
def statements(crm: sqlite3.Connection) -> dict[int | None, Rendered]:
    """The statement of each customer that has one."""
    automation, template = read("monthly-statement")
    rendered = {}
    for row in map(dict, crm.execute(automation.dbio.target).fetchall()):
        rows = [dict(line) for line in crm.execute(automation.dbio.mapping or "", row)]
        if rows:
            rendered[row["CUST_ID"]] = template.render({**row, **rows[0]}, rows, LIMITS, time.monotonic)
    return rendered


def test_the_monthly_statement_is_due_each_month_and_once_at_once() -> None:
    automation, _ = read("monthly-statement")
    monthly, realtime = automation.schedules
    assert automation.name == "monthly-statement"
    assert automation.policies.sender == "고객센터 <billing@example.co.kr>"
    assert automation.policies.max_parallel == 10
    assert (monthly.kind, monthly.month_days, monthly.at) == (ScheduleKind.MONTHLY, (1, LAST_DAY), (dt.time(9),))
    assert monthly.timezone == "Asia/Seoul"
    assert (realtime.kind, realtime.every) == (ScheduleKind.REALTIME, None)


def test_the_welcome_example_sends_one_by_one_without_attachment_or_mapping_query() -> None:
    automation, _ = read("welcome")
    assert automation.policies.max_parallel == 1
    assert (automation.dbio.attachment, automation.dbio.mapping) == (None, None)
    assert [schedule.kind for schedule in automation.schedules] == [ScheduleKind.WEEKLY]


def test_every_customer_with_a_statement_gets_it_whole(statements: dict[int | None, Rendered]) -> None:
    assert len(statements) == 640 - 2 - 3 - len(OTHER_PLANTS[Planted.NO_MAPPING_ROW])
    for cust_id, mail in statements.items():
        assert mail.subject.endswith("님, 10월 명세서")
        assert mail.headers == (("X-Statement", f"2026-10/{cust_id}"),)
        assert not any(mark in part for mark in ("$(", "{%", "None") for part in (mail.html, mail.text))
        assert "{#page{" in mail.html
        assert len(mail.html) < 12_000


def test_a_statement_lists_each_order_line_in_html_and_in_the_text_that_is_made_of_it(
    statements: dict[int | None, Rendered],
) -> None:
    mail = statements[10_040]
    assert read("monthly-statement")[1].text_source == "derived"
    for line in ("국산 참기름  11,500원", "10.05 · 1개", "<봄·가을> 모둠 & 나물  30,600원", "합계  132,200원"):
        assert f"\n{line}\n" in mail.text
    assert "국산 참기름을 비롯해 모두 5건을 구매하셨습니다." in mail.text
    assert "결제일 2026년 11월 25일 (수)" in mail.text
    assert "&lt;봄·가을&gt; 모둠 &amp; 나물" in mail.html
    assert mail.html.count("개</td>") == 5


def test_what_is_unpaid_is_said_only_where_there_is_any(statements: dict[int | None, Rendered]) -> None:
    assert "미납 금액 17,500원이" in statements[10_040].text
    assert "미납" not in statements[10_001].html


def test_a_customer_without_a_grade_gets_the_statement_with_nothing_in_its_place(
    statements: dict[int | None, Rendered],
) -> None:
    mail = statements[10_073]
    assert '회원 등급 <b style="color:#2e5b4e"></b>' in mail.html


def test_the_welcome_example_is_rendered_from_the_target_row_alone_with_a_text_of_its_own(
    crm: sqlite3.Connection,
) -> None:
    automation, template = read("welcome")
    row = dict(crm.execute(automation.dbio.target).fetchone())
    mail = template.render(row, [], LIMITS, time.monotonic)
    assert template.text_source == "own"
    assert mail.subject == "김보람님, 반갑습니다"
    assert "11월 12일에 예시상점의 식구가 되셨습니다." in mail.html
    assert "\n    WELCOME-05CCD\n" in mail.text

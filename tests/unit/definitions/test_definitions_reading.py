from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path
from typing import Literal
from unicodedata import normalize

import pytest

from mailer.definitions import read_definition
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
from tests.definition_texts import AUTOMATION, HTML, SMALLEST, Read, under

Form = Literal["NFC", "NFD"]


def test_the_smallest_definition_has_every_default(read: Read) -> None:
    assert read(SMALLEST) == Automation(
        name="월간-명세서",
        dbio=Dbio("crm", "SELECT CUST_ID, EMAIL FROM CUSTOMER", "CUST_ID", "EMAIL"),
        template=Template("$(CUST_NAME)님, 명세서", HTML),
        policies=Policies(
            "고객센터 <billing@example.co.kr>",
            max_parallel=1,
            missing_attachment=MissingAttachment.SKIP,
            unknown=UnknownPolicy.SKIP,
            hold_back=timedelta(days=3),
        ),
        owner=None,
        schedules=(),
    )


def test_a_definition_with_every_key_is_read(read: Read, folder: Path) -> None:
    (folder / "본문").mkdir()
    (folder / "본문" / "statement.txt").write_text("$(CUST_NAME)님", encoding="utf-8")
    automation = read(
        """
        [automation]
        name = "monthly-statement"
        from = "고객센터 <billing@example.co.kr>"
        reply_to = ["help@example.co.kr", "도움 <help2@example.co.kr>"]
        owner = "crm-team@example.co.kr"
        max_parallel = 10
        missing_attachment = "send"
        unknown = "settle"
        hold_back = 0
        configuration_set = "mailer_1"
        misfire_grace = "2h"
        [automation.headers]
        X-Campaign = "$(MONTH)"
        List-Unsubscribe = "<https://example.co.kr/u/$(CUST_ID)>"
        [dbio]
        source = "crm"
        key = " cust_id"
        email = "email"
        attachment = "attach_name"
        target = '''
SELECT CUST_ID, EMAIL
  FROM CUSTOMER'''
        mapping = "SELECT CUST_NAME, MONTH FROM CUSTOMER WHERE CUST_ID = :CUST_ID"
        update = "UPDATE CUSTOMER SET SENT_AT = :SENT_AT WHERE CUST_ID = :CUST_ID"
        [template]
        subject = "$(CUST_NAME)님"
        html = "statement.html"
        text = "본문/statement.txt"
        [[schedule]]
        kind = "monthly"
        days = [1, "last"]
        at = ["09:00", "18:30:15"]
        timezone = "Asia/Seoul"
        [[schedule]]
        kind = "realtime"
        every = "30s"
        misfire_grace = 90
        """
    )
    assert automation.policies == Policies(
        sender="고객센터 <billing@example.co.kr>",
        reply_to=("help@example.co.kr", "도움 <help2@example.co.kr>"),
        headers=(("X-Campaign", "$(MONTH)"), ("List-Unsubscribe", "<https://example.co.kr/u/$(CUST_ID)>")),
        configuration_set="mailer_1",
        max_parallel=10,
        missing_attachment=MissingAttachment.SEND,
        unknown=UnknownPolicy.SETTLE,
        hold_back=timedelta(0),
    )
    assert automation.owner == "crm-team@example.co.kr"
    assert automation.dbio.target == "SELECT CUST_ID, EMAIL\n  FROM CUSTOMER"
    assert (automation.dbio.key, automation.dbio.email, automation.dbio.attachment) == (
        "CUST_ID",
        "EMAIL",
        "ATTACH_NAME",
    )
    assert automation.template.text == "$(CUST_NAME)님"
    assert automation.schedules == (
        Schedule(
            ScheduleKind.MONTHLY,
            at=(time(9), time(18, 30, 15)),
            month_days=(1, LAST_DAY),
            timezone="Asia/Seoul",
            misfire_grace=timedelta(hours=2),
        ),
        Schedule(ScheduleKind.REALTIME, every=timedelta(seconds=30), misfire_grace=timedelta(seconds=90)),
    )


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ('kind = "daily"\nat = ["9:00"]', Schedule(ScheduleKind.DAILY, (time(9),))),
        ('kind = "daily"\nat = [09:00:00]', Schedule(ScheduleKind.DAILY, (time(9),))),
        (
            'kind = "weekly"\nat = ["00:00"]\ndays = ["mon", "SUN", "Friday"]',
            Schedule(ScheduleKind.WEEKLY, (time(0),), weekdays=(0, 6, 4)),
        ),
        (
            'kind = "weekly"\nat = ["23:59:59"]\ndays = ["월", "일요일"]',
            Schedule(ScheduleKind.WEEKLY, (time(23, 59, 59),), weekdays=(0, 6)),
        ),
        (
            'kind = "monthly"\nat = ["09:00"]\ndays = [31, "Last"]',
            Schedule(ScheduleKind.MONTHLY, (time(9),), month_days=(31, LAST_DAY)),
        ),
        ('kind = "realtime"', Schedule(ScheduleKind.REALTIME)),
        ('kind = "cron"\nrule = "0 9 * * 1-5"', Schedule(ScheduleKind.CRON, rule="0 9 * * 1-5")),
    ],
)
def test_each_kind_of_schedule_is_read(rule: str, expected: Schedule, read: Read) -> None:
    schedules = read(f'{SMALLEST}[[schedule]]\n{rule}\ntimezone = "Asia/Seoul"').schedules
    assert schedules == (replace(expected, timezone="Asia/Seoul"),)


def test_a_reply_to_may_be_one_address(read: Read) -> None:
    assert read(under(AUTOMATION, 'reply_to = "help@example.co.kr"')).policies.reply_to == ("help@example.co.kr",)


def test_a_byte_order_mark_is_no_part_of_a_file(folder: Path) -> None:
    (folder / "monthly.toml").write_text(SMALLEST, encoding="utf-8-sig")
    (folder / "statement.html").write_text(HTML, encoding="utf-8-sig")
    assert read_definition(folder / "monthly.toml").template.html == HTML


def test_a_template_keeps_its_line_ends(read: Read, folder: Path) -> None:
    (folder / "statement.html").write_bytes(b"<p>\r\n</p>\n")
    assert read(SMALLEST).template.html == "<p>\r\n</p>\n"


@pytest.mark.parametrize(("written", "stored"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_a_korean_file_name_is_found_in_either_unicode_form(
    written: Form, stored: Form, read: Read, folder: Path
) -> None:
    (folder / "statement.html").rename(folder / normalize(stored, "명세서.html"))
    assert read(SMALLEST.replace("statement.html", normalize(written, "명세서.html"))).template.html == HTML


def test_names_that_look_alike_are_one_name(read: Read) -> None:
    assert read(SMALLEST.replace("월간", normalize("NFD", "월간"))).name == "월간-명세서"


def test_a_link_within_the_folder_is_followed(read: Read, folder: Path) -> None:
    (folder / "this-month.html").symlink_to("statement.html")
    assert read(SMALLEST.replace("statement.html", "this-month.html")).template.html == HTML

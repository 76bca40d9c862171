import email
import json
import sqlite3
from contextlib import closing
from email.message import Message
from pathlib import Path

import pytest

from tests.e2e.commands import EXAMPLE, Mailer
from tests.small_definition import NAME, TARGET, write_definition

ATTACHING = 'attachment = "ATTACH_NAME"'


def test_the_first_row_is_rendered_without_a_database_and_nothing_is_written(command: Mailer, workplace: Path) -> None:
    ran = command("automation", "preview", str(EXAMPLE))
    assert (ran.code, ran.stderr) == (0, "")
    assert ran.stdout.splitlines()[:8] == [
        "row 1, key 10004",
        "From: 고객센터 <billing@example.co.kr>",
        "To: s***@mail.example.com",
        "Reply-To: help@example.co.kr",
        "Subject: 최새봄님, 10월 명세서",
        "X-Statement: 2026-10/10004",
        "Attached: 명세서_2026-10_10004_최새봄.pdf (application/pdf, 1,055 bytes)",
        "",
    ]
    assert "최새봄님의 10월 이용 내역입니다." in ran.stdout
    assert {path.name for path in workplace.iterdir()} == {"crm.db", "attachments"}


def test_the_row_with_a_key_is_rendered(command: Mailer, workplace: Path) -> None:
    path = write_definition(workplace)
    shown = json.loads(command("automation", "preview", str(path), "--key", "10006", "--json").stdout)
    assert (shown["row_no"], shown["key"], shown["attachments"], shown["file"]) == (3, "10006", [], None)
    assert shown["from"] == "고객센터 <billing@example.co.kr>"
    assert shown["html"].startswith("<p>")
    assert shown["subject"].endswith("님께")
    assert "@" in shown["to"]


def test_an_unknown_key_is_exit_code_2(command: Mailer, workplace: Path) -> None:
    ran = command("automation", "preview", str(write_definition(workplace)), "--key", "77")
    assert (ran.code, ran.stdout) == (2, "")
    assert "no row with the key '77' (column CUST_ID)" in ran.stderr
    assert "returns 3 rows" in ran.stderr


def test_a_list_without_rows_is_exit_code_2(command: Mailer, workplace: Path) -> None:
    ran = command("automation", "preview", str(write_definition(workplace, target=f"{TARGET} AND 0")))
    assert (ran.code, ran.stdout) == (2, "")
    assert "returns no row now" in ran.stderr


def test_rows_that_the_mapping_query_knows_nothing_of_are_passed_over(command: Mailer, workplace: Path) -> None:
    mapping = 'mapping = "SELECT TOTAL FROM STATEMENT WHERE CUST_ID = :CUST_ID"'
    target = TARGET.replace("BETWEEN 10004 AND 10006", "IN (10019, 10020)")
    path = write_definition(workplace, target=target, dbio=mapping, html="<p>$(TOTAL|won)</p>")
    assert command("automation", "preview", str(path)).stdout.startswith("row 2, key 10020\n")
    ran = command("automation", "preview", str(path), "--key", "10019")
    assert (ran.code, ran.stdout) == (2, "")
    assert "mapping query returned no row for row 1, key 10019" in ran.stderr


def test_html_text_and_the_whole_mail_go_to_files(command: Mailer, workplace: Path) -> None:
    for ending in ("html", "txt", "eml"):
        ran = command("automation", "preview", str(EXAMPLE), "--key", "10010", "--out", f"미리보기.{ending}")
        assert ran.code == 0
        assert ran.stdout.splitlines()[-1] == f"미리보기.{ending} written"
    html, text = ((workplace / f"미리보기.{ending}").read_text("utf-8") for ending in ("html", "txt"))
    assert html.startswith("<!doctype html>")
    assert "10월 이용 내역입니다." in text
    mail: Message = email.message_from_bytes((workplace / "미리보기.eml").read_bytes())
    parts = [part.get_content_type() for part in mail.walk() if not part.is_multipart()]
    assert parts == ["text/plain", "text/html", "application/pdf", "application/pdf"]


@pytest.mark.parametrize("arguments", [("--out", "mail.doc"), ("--out", "mail.html", "--open"), ("--out", "no/m.eml")])
def test_a_file_that_can_not_be_is_exit_code_2(command: Mailer, workplace: Path, arguments: tuple[str, ...]) -> None:
    ran = command("automation", "preview", str(write_definition(workplace)), *arguments)
    assert (ran.code, ran.stdout) == (2, "")


def test_a_missing_file_and_a_bad_address_are_said_and_the_mail_is_shown(command: Mailer, workplace: Path) -> None:
    target = "SELECT 1 AS CUST_ID, '김하은' AS CUST_NAME, 'nobody' AS EMAIL, 'GONE.pdf;이용안내.pdf' AS ATTACH_NAME"
    path = write_definition(workplace, target=target, dbio=ATTACHING)
    ran = command("automation", "preview", str(path))
    assert ran.code == 0
    assert "mailer: warning: row 1: a job fails this row: malformed address" in ran.stderr
    assert "'GONE.pdf': a job skips this row" in ran.stderr
    assert "To: -\n" in ran.stdout
    assert "Attached: 이용안내.pdf" in ran.stdout


def test_a_definition_with_attachments_needs_their_storage(command: Mailer) -> None:
    ran = command("automation", "preview", str(EXAMPLE), env={"MAILER_ATTACHMENTS": ""})
    assert (ran.code, ran.stdout) == (2, "")
    assert "Set MAILER_ATTACHMENTS" in ran.stderr


def test_a_template_error_is_one_line_without_the_value(command: Mailer, workplace: Path) -> None:
    ran = command("automation", "preview", str(write_definition(workplace, subject="$(CUST_NAME|won)")))
    assert (ran.code, ran.stdout) == (2, "")
    assert ran.stderr.startswith("mailer: subject, line 1, CUST_NAME: a number is needed")


def test_what_a_row_holds_can_not_steer_the_terminal(command: Mailer, workplace: Path) -> None:
    target = "SELECT 1 AS CUST_ID, 'A' || char(27) || '[2J :smile:' AS CUST_NAME, 'a@b.kr' AS EMAIL"
    ran = command("automation", "preview", str(write_definition(workplace, target=target)))
    assert "\x1b" not in ran.stdout
    assert "[2J :smile:" in ran.stdout


def test_open_hands_the_html_to_the_browser(command: Mailer, workplace: Path) -> None:
    browser = workplace / "browser"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > "{workplace}/opened"\n', "utf-8")
    browser.chmod(0o755)
    ran = command("automation", "preview", str(write_definition(workplace)), "--open", env={"BROWSER": str(browser)})
    assert ran.code == 0
    opened = (workplace / "opened").read_text("utf-8")
    assert opened.startswith("file:///")
    assert Path(ran.stdout.splitlines()[-1].removesuffix(" written")).read_text("utf-8").startswith("<p>")


def test_a_saved_automation_is_previewed_by_name_or_id(command: Mailer, workplace: Path) -> None:
    command("automation", "apply", str(write_definition(workplace)))
    assert command("automation", "preview", NAME).stdout == command("automation", "preview", "1").stdout
    with closing(sqlite3.connect(workplace / "mailer.db")) as database:
        assert database.execute("SELECT COUNT(*) FROM AUDIT_LOG").fetchone() == (1,)

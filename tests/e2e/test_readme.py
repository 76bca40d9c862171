"""A first automation of one's own, by the README alone: its files and commands as they stand there."""

import re
import sqlite3
import subprocess
import sys
import tomllib
from contextlib import closing
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from textwrap import dedent

from mailer.definitions import read_definition
from tests.e2e.commands import Ran, run_mailer

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
# The workplace's own variables, which a person does not have.
NOTHING = {"MAILER_SOURCES__CRM__URL": "", "MAILER_ATTACHMENTS": "", "MAILER_POLL": ""}


def blocks() -> list[str]:
    """The code blocks of that section, in their order."""
    section = README.split("## A first automation")[1].split("\n## ")[0]
    return [dedent(block) for block in re.findall(r"^ *```\w*\n(.*?)^ *```$", section, re.DOTALL | re.MULTILINE)]


def test_the_walk_through_works_as_it_stands(tmp_path: Path) -> None:
    database, env, toml, html, commands, schedule = blocks()
    script = database.split("<<'EOF'\n")[1].removesuffix("EOF\n")
    subprocess.run([sys.executable, "-"], cwd=tmp_path, input=script, encoding="utf-8", check=True)
    (tmp_path / ".env").write_text(env, encoding="utf-8")
    (tmp_path / "points.toml").write_text(toml, encoding="utf-8")
    (tmp_path / "points.html").write_text(html, encoding="utf-8")

    typed = [line.split("#")[0].split() for line in commands.splitlines()]
    assert [words[0] for words in typed] == ["mailer"] * 6
    ran: list[Ran] = [run_mailer(tmp_path, *words[1:], env=NOTHING) for words in typed]
    assert [one.code for one in ran] == [0] * 6, [one.stderr for one in ran]
    assert "2 rows checked: no faults, no warnings" in ran[0].stdout
    assert "김하늘님의 포인트는 1,200점" in ran[1].stdout
    assert ran[3].stdout == "job 1 waiting\n"
    assert "DONE" in ran[5].stdout

    mails = {}
    for path in (tmp_path / "outbox").glob("*.eml"):
        mail = message_from_bytes(path.read_bytes(), policy=default)
        body = mail.get_body(("html",))
        assert body is not None
        mails[str(mail["To"])] = str(body.get_content())
    assert set(mails) == {"haneul@example.com", "seojun@example.com"}
    assert "<b>1,200점</b>" in mails["haneul@example.com"]
    assert "쓰실 수" not in mails["seojun@example.com"]
    with closing(sqlite3.connect(tmp_path / "shop.db")) as shop:
        assert shop.execute("SELECT COUNT(TOLD_AT), COUNT(*) FROM CUSTOMER").fetchone() == (2, 2)

    again = [run_mailer(tmp_path, *words[1:], env=NOTHING) for words in typed[3:5]]
    assert [one.code for one in again] == [0, 0]
    assert len(list((tmp_path / "outbox").glob("*.eml"))) == 2

    (tmp_path / "points.toml").write_text(toml + schedule, encoding="utf-8")
    assert len(read_definition(tmp_path / "points.toml").schedules) == 1


def test_the_forms_of_the_time_of_sending_are_what_sqlite_takes() -> None:
    with closing(sqlite3.connect(":memory:")) as database:
        form = re.search(r"`(datetime\(:SENT_AT, '\+9 hours'\))`", README)
        assert form is not None
        (local,) = database.execute(f"SELECT {form[1]}", {"SENT_AT": "2026-11-24 00:30:00.123456"}).fetchone()
    assert local == "2026-11-24 09:30:00"


def test_the_definition_in_the_readme_is_toml() -> None:
    assert [tomllib.loads(block) for block in blocks() if "[automation]" in block or "[[schedule]]" in block]

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.e2e.commands import Mailer
from tests.small_definition import NAME, write_definition


def test_a_test_mail_takes_a_slot_too_and_its_file_tells_key_and_time(command: Mailer, workplace: Path) -> None:
    command("automation", "apply", str(write_definition(workplace)))
    slots = "SELECT COUNT(NEXT_SLOT) FROM ACCOUNT WHERE ACCOUNT = 'outbox'"
    with closing(sqlite3.connect(workplace / "mailer.db")) as database:
        assert database.execute(slots).fetchone() == (0,)
        assert command("automation", "test-mail", NAME, "--to", "me@example.net").code == 0
        assert database.execute(slots).fetchone() == (1,)
    [path] = (workplace / "outbox").iterdir()
    assert re.fullmatch(r"test-10004-2[0-9TZ.:-]+\.eml", path.name)


def test_a_mail_of_a_faulty_template_is_exit_2_and_nothing_leaves(command: Mailer, workplace: Path) -> None:
    path = write_definition(workplace, html="<p>$(CUST_NAME|date('%Y'))</p>")
    command("automation", "apply", str(path))
    ran = command("automation", "test-mail", NAME, "--to", "me@example.net")
    assert (ran.code, ran.stdout) == (2, "")
    assert "a date is needed" in ran.stderr
    assert not (workplace / "outbox").exists()

"""A small automation of one's own: a table of people, a definition that greets them, made as a test needs it."""

import sqlite3
from contextlib import closing
from pathlib import Path

NAME = "인사"
OWNER = "crm-team@example.co.kr"


def make_people(folder: Path, number: int) -> None:
    """Writes `crm.db` with so many people, P1 and so on, each with a right address; and no attachments."""
    (folder / "attachments").mkdir()
    rows = [(f"P{n}", f"김{n}", f"kim{n}@example.com", f"2026-01-{1 + n % 28:02}") for n in range(1, number + 1)]
    with closing(sqlite3.connect(folder / "crm.db")) as database, database:
        database.execute(
            "CREATE TABLE PERSON (PERSON_ID TEXT PRIMARY KEY, NAME TEXT, EMAIL TEXT, JOINED TEXT, SENT_AT TEXT,"
            " UPDATES INTEGER DEFAULT 0)"
        )
        database.executemany("INSERT INTO PERSON (PERSON_ID, NAME, EMAIL, JOINED) VALUES (?, ?, ?, ?)", rows)


def change_people(folder: Path, statement: str, *values: str) -> None:
    """One statement on `crm.db`."""
    with closing(sqlite3.connect(folder / "crm.db")) as database, database:
        database.execute(statement, values)


def people(folder: Path) -> dict[str, tuple[str | None, int]]:
    """SENT_AT and how often the update query ran, by PERSON_ID."""
    with closing(sqlite3.connect(folder / "crm.db")) as database:
        rows = database.execute("SELECT PERSON_ID, SENT_AT, UPDATES FROM PERSON").fetchall()
    return {person_id: (sent_at, updates) for person_id, sent_at, updates in rows}


def write_definition(
    folder: Path,
    *,
    html: str = "<p>$(NAME)님, 안녕하세요. $(JOINED|date('%Y-%m-%d'))</p>",
    max_parallel: int = 4,
    unknown: str = "skip",
    schedule: str = "",
) -> str:
    """Writes the definition `people.toml`; its name, for `automation apply`."""
    (folder / "people.html").write_text(html, encoding="utf-8")
    (folder / "people.toml").write_text(
        f'''
[automation]
name = "{NAME}"
from = "고객센터 <billing@example.co.kr>"
owner = "{OWNER}"
max_parallel = {max_parallel}
unknown = "{unknown}"

[dbio]
source = "crm"
key = "PERSON_ID"
email = "EMAIL"
target = "SELECT PERSON_ID, EMAIL, NAME FROM PERSON WHERE SENT_AT IS NULL ORDER BY ROWID"
mapping = "SELECT JOINED FROM PERSON WHERE PERSON_ID = :PERSON_ID"
update = "UPDATE PERSON SET SENT_AT = :SENT_AT, UPDATES = UPDATES + 1 WHERE PERSON_ID = :PERSON_ID"

[template]
subject = "$(NAME)님께"
html = "people.html"
{schedule}
''',
        encoding="utf-8",
    )
    return "people.toml"

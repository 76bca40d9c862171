"""Two automations that differ in `mapping_batch` alone send the same mails, and fail in the same way."""

import email
import email.message
import email.policy
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.commands import look, run_mailer
from tests.e2e.statements import deliveries, show

PEOPLE = 130
NO_LINES = "P-007"
BAD_ROW = "P-077"
MAPPING = "SELECT L.PERSON_ID, L.ITEM, L.PRICE FROM LINE L WHERE L.PERSON_ID = :PERSON_ID AND L.PRICE > 0 ORDER BY L.NO"
SPOILT = MAPPING.replace("L.PRICE FROM", "JSON(L.NOTE) AS PRICE FROM")
"""NOTE is no JSON in one person's rows: an error of SQLite's, when it comes to them."""
MAIL = "<p>$(NAME)님</p>{% for LINE in ROWS %}<p>$(LINE.ITEM) $(LINE.PRICE)</p>{% endfor %}"
ENV = {"MAILER_SES_RATE": "5000"}


def write(folder: Path, name: str, *, mapping: str, batch: bool, max_parallel: int) -> str:
    (folder / f"{name}.html").write_text(MAIL, encoding="utf-8")
    (folder / f"{name}.toml").write_text(
        f"""
[automation]
name = "{name}"
from = "고객센터 <billing@example.co.kr>"
max_parallel = {max_parallel}
[dbio]
source = "crm"
key = "PERSON_ID"
email = "EMAIL"
target = "SELECT PERSON_ID, EMAIL, NAME FROM PERSON ORDER BY PERSON_ID"
mapping = "{mapping}"
{"mapping_batch = true" if batch else ""}
[template]
subject = "$(NAME)님, $(ITEM)"
html = "{name}.html"
""",
        encoding="utf-8",
    )
    return f"{name}.toml"


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """After the run. Jobs 1 and 2: one by one, then in batches; 3 and 4: the same in order, with a row in error."""
    folder = tmp_path_factory.mktemp("작업")
    (folder / "attachments").mkdir()
    keys = [f"P-{number:03}" for number in range(PEOPLE)]
    with closing(sqlite3.connect(folder / "crm.db")) as crm, crm:
        crm.execute("CREATE TABLE PERSON (PERSON_ID TEXT, EMAIL TEXT, NAME TEXT)")
        crm.executemany("INSERT INTO PERSON VALUES (?, ?, ?)", [(k, f"{k}@example.com", f"고객 {k}") for k in keys])
        crm.execute("CREATE TABLE LINE (PERSON_ID TEXT, NO INTEGER, ITEM TEXT, PRICE INTEGER, NOTE TEXT)")
        crm.executemany(
            "INSERT INTO LINE VALUES (?, ?, ?, ?, ?)",
            [
                (key, -number, f"상품 {key} {number}", 900 + number, "[" if key == BAD_ROW else "[1]")
                for number in range(3)
                for key in keys
                if key != NO_LINES
            ],
        )
        crm.execute("UPDATE LINE SET PRICE = 0 WHERE NO = -1 AND PERSON_ID < 'P-050'")
    definitions = [
        write(folder, "하나씩", mapping=MAPPING, batch=False, max_parallel=20),
        write(folder, "한번에", mapping=MAPPING, batch=True, max_parallel=20),
        write(folder, "하나씩-오류", mapping=SPOILT, batch=False, max_parallel=1),
        write(folder, "한번에-오류", mapping=SPOILT, batch=True, max_parallel=1),
    ]
    applied = look(folder, "automation", "apply", *definitions)
    assert applied.code == 0, applied.stderr
    for definition in definitions:
        look(folder, "enqueue", definition.removesuffix(".toml"))
    ran = run_mailer(folder, "run", "--until-idle", env=ENV)
    assert ran.code == 0, ran.stderr
    return folder


def mails(workplace: Path, job_id: int) -> dict[str, tuple[str, str, str]]:
    """Address, subject and HTML of each mail of the job, by its recipient's key."""
    found = {}
    for path in (workplace / "outbox").glob(f"{job_id}-*.eml"):
        mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        assert isinstance(mail, email.message.EmailMessage)
        body = mail.get_body(("html",))
        assert body is not None
        key = path.name.removeprefix(f"{job_id}-").rpartition("-")[0]
        found[key] = (str(mail["To"]), str(mail["Subject"]), str(body.get_content()))
    return found


def ends(workplace: Path, job_id: int) -> dict[str, tuple[str, str]]:
    return {row["key"]: (row["status"], row["error_code"]) for row in deliveries(workplace, job_id)}


def codes(workplace: Path, job_id: int) -> set[str]:
    return {line["code"] for line in show(workplace, job_id)["log_lines"]}


def test_the_mails_are_the_same(workplace: Path) -> None:
    one_by_one, at_once = mails(workplace, 1), mails(workplace, 2)
    assert len(at_once) == PEOPLE - 1
    assert at_once == one_by_one
    address, subject, html = at_once["P-003"]
    assert (address, subject) == ("P-003@example.com", "고객 P-003님, 상품 P-003 2")
    assert "상품 P-003 2 902" in html
    assert "상품 P-003 1" not in html
    assert html.index("상품 P-003 2") < html.index("상품 P-003 0")


def test_who_has_no_mapping_row_is_failed_and_nobody_else_is(workplace: Path) -> None:
    assert ends(workplace, 2) == ends(workplace, 1)
    assert ends(workplace, 2)[NO_LINES] == ("FAILED", "no mapping row")
    assert show(workplace, 2)["status"] == "DONE"
    assert "mapping one by one" not in codes(workplace, 2)


def test_a_row_in_error_stops_the_job_where_it_would_one_by_one(workplace: Path) -> None:
    assert mails(workplace, 4) == mails(workplace, 3)
    assert ends(workplace, 4) == ends(workplace, 3)
    assert BAD_ROW not in mails(workplace, 4)
    assert len(mails(workplace, 4)) == int(BAD_ROW.removeprefix("P-")) - 1
    for job_id in (3, 4):
        job = show(workplace, job_id)
        assert (job["status"], BAD_ROW in job["log"]) == ("FAIL", True), job
    assert "mapping one by one" in codes(workplace, 4)


def test_the_saved_definition_shows_it_and_its_export_is_unchanged(workplace: Path) -> None:
    shown = json.loads(look(workplace, "automation", "show", "한번에", "--json").stdout)
    assert shown["dbio"]["mapping_batch"] is True
    assert "mapping_batch       true" in look(workplace, "automation", "show", "한번에").stdout
    exported = look(workplace, "automation", "export", "한번에", "--out", str(workplace / "다시"))
    assert exported.code == 0, exported.stderr
    assert "unchanged" in look(workplace, "automation", "apply", str(workplace / "다시" / "한번에.toml")).stdout


def test_validate_and_preview_take_the_same_way(workplace: Path) -> None:
    checked = look(workplace, "automation", "validate", "한번에", "--all")
    assert checked.code == 1
    assert "no mapping row" in checked.stdout + checked.stderr
    previewed = json.loads(look(workplace, "automation", "preview", "한번에", "--key", "P-003", "--json").stdout)
    assert previewed["html"].strip() == mails(workplace, 1)["P-003"][2].strip()

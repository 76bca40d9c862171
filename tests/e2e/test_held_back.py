"""A key that an earlier job left open: who waits for whom is said, and a person's verdict lets them go on."""

import json
from pathlib import Path

import pytest

from tests.doubles.ses_process import SesProcess
from tests.e2e.commands import Mailer, look
from tests.e2e.crew import Crew
from tests.e2e.over_ses import apply_and_enqueue, over, run
from tests.e2e.own_database import OwnDatabase, on_both_databases
from tests.e2e.people import NAME, OWNER, change_people, make_people, people, write_definition
from tests.e2e.statements import deliveries, show


@pytest.fixture
def workplace(tmp_path: Path, database: OwnDatabase) -> Path:
    """With five people to greet."""
    folder = tmp_path / "작업"
    folder.mkdir()
    make_people(folder, 5)
    database.settle_in(folder)
    return folder


def run_next(workplace: Path, crew: Crew, ses: SesProcess) -> dict[str, str]:
    """One more job; the people whom it skips, and why."""
    assert look(workplace, "enqueue", NAME).code == 0
    run(crew, ses)
    number = len(json.loads(look(workplace, "job", "list", "--json").stdout))
    return {row["key"]: row["error"] for row in deliveries(workplace, number) if row["status"] == "SKIPPED"}


def held_back_checks(mailer: Mailer, ses: SesProcess) -> list[str]:
    checks = json.loads(mailer("doctor", "--json", env=over(ses.url)).stdout)
    return [check["message"] for check in checks if check["check"] == "held back"]


def warnings(ses: SesProcess) -> list[str]:
    """Subjects of the mails to the owner, about what is held back."""
    return [mail.subject for mail in ses.mails() if mail.to == OWNER and "holds" in mail.subject]


@pytest.mark.parametrize(
    ("database", "verdict"),
    [
        ("sqlite", "sent"),
        ("sqlite", "not-sent"),
        ("oracle", "sent"),
        pytest.param("oracle", "not-sent", marks=pytest.mark.slow),
    ],
    indirect=["database"],
)
def test_an_unknown_mail_holds_its_key_back_until_a_person_settles_it(
    workplace: Path, mailer: Mailer, crew: Crew, ses: SesProcess, verdict: str
) -> None:
    apply_and_enqueue(workplace, write_definition(workplace))
    ses.fault("close" if verdict == "sent" else "close-before", to="kim3@example.com")
    run(crew, ses)
    for number in (2, 3):
        assert run_next(workplace, crew, ses) == {"P3": "held back: job 1 has not settled this key"}
        shown = show(workplace, number)
        assert (shown["held_back"], shown["waiting_for"]) == (1, [{"job_id": 1, "recipients": 1}])
        assert "held back: 1 (1 waits for job 1)" in look(workplace, "job", "show", str(number)).stdout
        assert any("mailer job settle 1" in step for step in shown["next"])
    assert held_back_checks(mailer, ses) == [
        f"1 recipient waits for job 1 of {NAME}, which left their mail or update query open"
    ]
    assert sorted(warnings(ses)) == [f"mailer: job {n} of '{NAME}' holds 1 recipients back" for n in (2, 3)]

    assert look(workplace, "job", "settle", "1", "--as", verdict).code == 0
    run(crew, ses)  # what is due now
    assert show(workplace, 2)["waiting_for"] == []
    assert "held back: 1 (1 settled since)" in look(workplace, "job", "show", "2").stdout
    assert held_back_checks(mailer, ses) == ["nobody"]
    assert run_next(workplace, crew, ses) == {}
    assert [mail.to for mail in ses.mails()].count("kim3@example.com") == 1
    assert {updates for _, updates in people(workplace).values()} == {1}
    assert len(warnings(ses)) == 2


@on_both_databases
def test_a_failed_update_query_holds_its_key_back_until_it_is_run_again(
    workplace: Path, crew: Crew, ses: SesProcess
) -> None:
    change_people(
        workplace,
        "CREATE TRIGGER HELD BEFORE UPDATE ON PERSON WHEN OLD.PERSON_ID = 'P3'"
        " BEGIN SELECT RAISE(ABORT, '법적 보존 중인 고객의 행은 고칠 수 없습니다'); END",
    )
    apply_and_enqueue(workplace, write_definition(workplace))
    run(crew, ses)
    assert run_next(workplace, crew, ses) == {"P3": "held back: job 1 has not settled this key"}
    assert show(workplace, 2)["waiting_for"] == [{"job_id": 1, "recipients": 1}]
    change_people(workplace, "DROP TRIGGER HELD")
    assert look(workplace, "job", "retry", "1", "--updates").code == 0
    run(crew, ses)
    assert show(workplace, 2)["waiting_for"] == []
    assert run_next(workplace, crew, ses) == {}
    assert [mail.to for mail in ses.mails()].count("kim3@example.com") == 1
    assert {updates for _, updates in people(workplace).values()} == {1}

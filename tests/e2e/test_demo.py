"""`mailer demo`: a newcomer's first command, in an empty folder."""

import resource
import shlex
import signal
import subprocess
from pathlib import Path
from time import monotonic

import pytest

from mailer.cli.demo_data import DemoData
from mailer.cli.demo_rows import Planted
from mailer.model.delivery import Status
from tests.e2e.commands import TIMEOUT, Ran, Running, environment, look, run_mailer

pytestmark = pytest.mark.xdist_group("the demo")
REAL_SES = {"MAILER_TRANSPORT": "ses", "MAILER_DATABASE": "./mailer.db", "AWS_ACCESS_KEY_ID": "real"}


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing in it but somebody's own database and mail."""
    folder = tmp_path_factory.mktemp("newcomer") / "새 사람"
    (folder / "outbox").mkdir(parents=True)
    (folder / "outbox" / "mine.eml").write_text("mine")
    (folder / "mailer.db").write_text("mine")
    return folder


@pytest.fixture(scope="module")
def first(newcomer: Path) -> Ran:
    """The first run, by somebody whose environment would send real mails."""
    return run_mailer(newcomer, "demo", env=REAL_SES)


def mails(folder: Path) -> set[str]:
    return {path.name for path in (folder / "outbox").iterdir()} - {"mine.eml"}


def table_of(report: str) -> dict[tuple[str, str], tuple[int, str]]:
    """The report's rows: state and reason, with count and an example."""
    rows = [line.split("\t") for line in report.splitlines()]
    states = set(Status)
    return {(row[0], row[1]): (int(row[2]), row[3]) for row in rows if len(row) == 4 and row[0] in states}


def test_it_reports_how_each_recipient_ended_and_why(first: Ran, demo_data: DemoData) -> None:
    assert (first.code, first.stderr) == (0, "")
    expected, table = demo_data.expected, table_of(first.stdout)
    planted = expected.planted
    for state, why, kinds in (
        ("FAILED", "no address", [Planted.NO_ADDRESS]),
        ("FAILED", "malformed address", [Planted.MALFORMED_ADDRESS, Planted.SEVERAL_ADDRESSES]),
        ("FAILED", "no key", [Planted.NO_KEY]),
        ("FAILED", "no mapping row", [Planted.NO_MAPPING_ROW]),
        ("SKIPPED", "repeated key", [Planted.REPEATED_KEY]),
        ("SKIPPED", "attachment missing", [Planted.ATTACHMENT_MISSING, Planted.ATTACHMENT_AMBIGUOUS]),
        ("SENT", "update failed", [Planted.UPDATE_REFUSED]),
    ):
        keys = [key for kind in kinds for key in planted[kind]]
        count, example = table[state, why]
        assert count == len(keys)
        assert example in keys
    assert table["SENT", ""][0] == expected.count(Status.SENT) - len(planted[Planted.UPDATE_REFUSED])
    assert sum(count for count, _ in table.values()) == expected.rows
    assert "update queries: 612 done, 2 failed" in first.stdout
    assert "job 1 DONE: sent 614, skipped 9, failed 17 of 640 in " in first.stdout
    assert "\nfrom its first mail to its last: " in first.stdout


def test_the_mails_are_in_the_outbox_and_what_was_there_is_untouched(newcomer: Path, first: Ran) -> None:
    assert first.code == 0
    assert len(mails(newcomer)) == 614
    assert all(name.startswith("1-") and name.endswith(".eml") for name in mails(newcomer))
    assert (newcomer / "outbox" / "mine.eml").read_text() == "mine"
    assert (newcomer / "mailer.db").read_text() == "mine"
    assert {path.name for path in newcomer.iterdir()} == {"demo", "outbox", "mailer.db"}


def test_the_commands_to_try_next_work_as_they_stand(newcomer: Path, first: Ran) -> None:
    block = first.stdout.partition("What to try next")[2]
    commands = [line.strip() for line in block.splitlines()[1:] if line.strip()]
    assert commands[0] == "cd demo"
    assert len(commands) > 5
    shell = subprocess.run(
        ["sh", "-e", "-c", "\n".join(commands)],
        cwd=newcomer,
        env={name: value for name, value in environment().items() if not name.startswith("MAILER_")},
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT,
        check=False,
    )
    assert shell.returncode == 0, shell.stderr
    assert "job 1 of monthly-statement: DONE" in shell.stdout
    assert "김서연님, 10월 명세서" in shell.stdout
    assert "job 2 waiting" in shell.stdout
    assert "job 2 of welcome: DONE" in shell.stdout
    assert len([name for name in mails(newcomer) if name.startswith("2-")]) == 12


def test_a_second_run_starts_fresh_and_is_done_in_time(newcomer: Path, first: Ran, demo_data: DemoData) -> None:
    assert first.code == 0
    (newcomer / "demo" / "notes.txt").write_text("mine")
    before, begun_at = resource.getrusage(resource.RUSAGE_CHILDREN), monotonic()
    second = run_mailer(newcomer, "demo", "--rate", "400")
    after, seconds = resource.getrusage(resource.RUSAGE_CHILDREN), monotonic() - begun_at
    assert second.code == 0
    assert table_of(second.stdout) == table_of(first.stdout)
    assert len([name for name in mails(newcomer) if name.startswith("1-")]) == demo_data.expected.count(Status.SENT)
    assert (newcomer / "demo" / "notes.txt").read_text() == "mine"
    # On a machine that others use, too, its own share is what can be told.
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert min(seconds, cpu + demo_data.expected.rows / 200) < 30


def test_a_folder_of_ones_own_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "crm.db").write_text("mine")
    said = look(tmp_path, "demo", "--folder", "mine")
    assert (said.code, said.stdout) == (2, "")
    assert "mine holds files that no demo made" in said.stderr
    assert [path.name for path in tmp_path.rglob("*")] == ["mine", "crm.db"]


def test_an_outbox_that_can_not_be_written_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("a file")
    said = look(tmp_path, "demo")
    assert said.code == 2
    assert "the outbox folder outbox can't be written" in said.stderr
    assert "Traceback" not in said.stderr


def test_a_rate_that_is_none_is_exit_2(tmp_path: Path) -> None:
    for rate in ("0", "-1", "nan", "fast"):
        assert look(tmp_path, "demo", "--rate", rate).code == 2, shlex.quote(rate)
    assert not list(tmp_path.iterdir())


def test_ctrl_c_drains_and_says_that_it_was_stopped(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    running = Running(tmp_path / "here", tmp_path / "printed", ["demo", "--rate", "5"], None)
    try:
        running.wait_for_text("pending")
        ended = running.end(signal.SIGINT)
    finally:
        running.process.kill()
    assert (ended.code, ended.stderr) == (130, "")
    assert "The demo was stopped before its end: 'mailer demo' begins anew." in ended.stdout
    assert "What to try next" not in ended.stdout


def test_a_folder_that_no_address_can_name_is_said(tmp_path: Path) -> None:
    said = look(tmp_path, "demo", "--folder", "what?")
    assert (said.code, said.stdout) == (2, "")
    assert "Name a folder without '?'" in said.stderr
    assert not list(tmp_path.iterdir())

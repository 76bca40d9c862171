"""Streams that are closed, and a disk that is full: no abort and no traceback."""

import subprocess
from pathlib import Path

import pytest

from tests.e2e.commands import COMMAND, TIMEOUT, environment, look
from tests.small_definition import NAME, write_definition


def in_a_shell(workplace: Path, line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", "-c", line, str(COMMAND)],
        cwd=workplace,
        env=environment(None),
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        timeout=TIMEOUT,
        check=False,
    )


def test_closed_streams_keep_no_command_from_its_work(workplace: Path) -> None:
    assert look(workplace, "automation", "apply", str(write_definition(workplace))).code == 0
    ended = in_a_shell(workplace, f'"$0" enqueue {NAME} --json <&-')
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, '{\n  "job_id": 1\n}\n', "")
    ended = in_a_shell(workplace, '"$0" run --until-idle 2>&-')
    assert (ended.returncode, ended.stdout) == (0, "")
    assert look(workplace, "job", "show", "1").stdout.startswith("job 1 of")
    ended = in_a_shell(workplace, '"$0" job list <&- >&- 2>&-')
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


@pytest.mark.parametrize("words", ["job list", "job list --json", "job deliveries 1 --csv -", "--help"])
def test_a_full_disk_on_stdout_is_exit_4_and_said_in_a_line(workplace: Path, words: str) -> None:
    assert look(workplace, "automation", "apply", str(write_definition(workplace))).code == 0
    assert look(workplace, "enqueue", NAME).code == 0
    ended = in_a_shell(workplace, f'"$0" {words} > /dev/full')
    assert ended.returncode == 4
    assert "can't write to stdout: No space left on device" in ended.stderr.splitlines()[0]
    assert len(ended.stderr.splitlines()) <= 2


def test_a_word_that_is_not_utf_8_is_refused_by_its_number(workplace: Path) -> None:
    assert look(workplace, "migrate").code == 0
    ended = in_a_shell(workplace, '"$0" enqueue "$(printf "p\\377")"')
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.splitlines() == [
        "mailer: word 2 of the command is not UTF-8",
        "  Type it in the terminal's own encoding.",
    ]


def test_a_full_disk_on_stderr_leaves_the_exit_code(workplace: Path) -> None:
    assert look(workplace, "migrate").code == 0
    assert in_a_shell(workplace, '"$0" job show 9 2> /dev/full').returncode == 2

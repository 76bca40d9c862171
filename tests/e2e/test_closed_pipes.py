"""A reader that has enough, as `head` has: no complaint, and no failure."""

import subprocess
from pathlib import Path

import pytest

from tests.e2e.commands import COMMAND, TIMEOUT, environment, look


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["migrate", "--sql"],
        ["job", "list", "--json"],
        ["job", "list"],
    ],
    ids=" ".join,
)
def test_a_command_whose_reader_has_gone_ends_silently_and_well(workplace: Path, arguments: list[str]) -> None:
    assert look(workplace, "migrate").code == 0
    with subprocess.Popen(
        [COMMAND, *arguments], cwd=workplace, env=environment(None), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        assert running.stdout is not None
        running.stdout.close()
        assert running.stderr is not None
        assert (running.stderr.read().decode(), running.wait(TIMEOUT)) == ("", 0)

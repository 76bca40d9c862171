"""What README and `--help` say is what the program knows: no command, option, key, filter or setting goes unsaid."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from mailer.cli.app import app
from mailer.definitions import read_definition
from mailer.model.automation import Policies, ScheduleKind
from mailer.model.duration import format_duration
from mailer.model.table import Table
from mailer.model.template.filters import FILTERS
from mailer.settings import variable_names
from tests.definition_texts import HTML, SMALLEST

README = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
CODE = re.compile(r"`([^`]+)`")


def table_below(heading: str) -> list[list[str]]:
    """The cells of the first table below a line that is, or of a table whose own first line is, `heading`."""
    lines = README[README.index(f"\n{heading}") :].splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("|"))
    rows = []
    for line in lines[first:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    return rows[2:]


def commands() -> Iterator[tuple[str, Any]]:
    """Every command by its words, groups left out."""
    top: Any = typer.main.get_command(app)
    for name, command in top.commands.items():
        if hasattr(command, "commands"):
            yield from ((f"{name} {verb}", one) for verb, one in command.commands.items())
        else:
            yield name, command


COMMANDS = dict(commands())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_every_option_of_it_has_help(name: str) -> None:
    command = COMMANDS[name]
    assert command.help.strip()
    assert [parameter.name for parameter in command.params if not (parameter.help or "").strip()] == []


def test_every_group_of_commands_has_help() -> None:
    top: Any = typer.main.get_command(app)
    assert [name for name, command in top.commands.items() if not (command.help or "").strip()] == []


def test_the_readme_names_every_command_and_no_other() -> None:
    named = set()
    for cell, *_ in table_below("## Commands"):
        (usage,) = CODE.findall(cell)
        words = re.sub(r"\[.*?\]|[A-Z][A-Z|]+\b", "", usage).replace("|", " ").split()
        named |= {f"{words[1]} {verb}" for verb in words[2:]} or {words[1]}
    assert named == set(COMMANDS)


@pytest.mark.parametrize("name", [name for name in COMMANDS if name.split()[0] in ("automation", "job", "suppression")])
def test_every_command_that_a_script_would_read_knows_json(name: str) -> None:
    assert "as_json" in {parameter.name for parameter in COMMANDS[name].params}


@pytest.mark.parametrize("name", ["enqueue", "migrate", "doctor"])
def test_so_do_these(name: str) -> None:
    assert "as_json" in {parameter.name for parameter in COMMANDS[name].params}


def test_the_readme_names_every_option_of_run_enqueue_and_migrate() -> None:
    usage = {row[0].split()[1]: row[0] for row in table_below("## Commands")}
    for name in ("run", "enqueue", "migrate"):
        options = {option for parameter in COMMANDS[name].params for option in parameter.opts if option[:2] == "--"}
        assert options - {"--json", "--help"} == set(re.findall(r"--[a-z-]+", usage[name]))


def test_the_readme_has_each_exit_code() -> None:
    assert [int(code) for code, _ in table_below("| exit code |")] == [0, 1, 2, 3, 4, 130, 143]


def test_the_readme_names_every_key_of_a_definition_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, set[str]] = {}
    value = Table.value

    def note(table: Table, key: str) -> object:
        asked.setdefault(table.path.split()[0] if table.path else "", set()).add(key)
        return value(table, key)

    monkeypatch.setattr(Table, "value", note)
    (tmp_path / "statement.html").write_text(HTML, encoding="utf-8")
    (tmp_path / "small.toml").write_text(f"{SMALLEST}[[schedule]]\nkind = 'realtime'\n", encoding="utf-8")
    read_definition(tmp_path / "small.toml")

    written: dict[str, set[str]] = {}
    part = ""
    for cell, *_ in table_below("## Definitions"):
        keys = CODE.findall(cell)
        if heading := re.fullmatch(r"\[+([a-z.]+)\]+", keys[0]):
            part = heading[1]
            written.setdefault(part, set())
        else:
            written[part] |= set(keys)
    assert written.pop("automation.headers") == set()
    written["automation"].add("headers")
    written["schedule"].add("misfire_grace")  # said beside the automation's own
    assert written == {name: keys for name, keys in asked.items() if name}


def test_the_readme_says_the_defaults_of_the_policies() -> None:
    said = {key: default for cell, default, _ in table_below("## Definitions") for key in CODE.findall(cell)}
    plain = Policies(sender="")
    assert said["max_parallel"] == f"`{plain.max_parallel}`"
    assert said["missing_attachment"] == f'`"{plain.missing_attachment}"`'
    assert said["unknown"] == f'`"{plain.unknown}"`'
    assert said["hold_back"] == f'`"{format_duration(plain.hold_back)}"`'


def test_the_readme_names_every_kind_of_schedule() -> None:
    (meaning,) = (row[2] for row in table_below("## Definitions") if row[0] == "`kind`")
    assert CODE.findall(meaning) == [kind.value for kind in ScheduleKind]


def test_the_readme_names_every_filter_and_no_other() -> None:
    named = [name for cell, *_ in table_below("| filter |") for name in CODE.findall(cell)]
    assert sorted(named) == sorted(name for name in FILTERS if not name.startswith(" "))


def test_the_readme_names_every_setting_and_no_other() -> None:
    named = [name for cell, *_ in table_below("## Settings") for name in CODE.findall(cell)]
    assert sorted(named) == sorted(name for name in variable_names() if not name.endswith("_FILE"))

"""Automation → TOML, with the templates in files beside it."""

from collections.abc import Mapping
from pathlib import Path

import tomlkit
from tomlkit.items import AoT, Item, Table

from mailer.errors import ConfigurationError
from mailer.model.automation import Automation, Schedule
from mailer.model.duration import format_duration
from mailer.model.message import safe_file_name
from mailer.model.written import write_policies, write_rule


def write_definition(automation: Automation, folder: Path, *, overwrite: bool = False) -> list[Path]:
    """Writes NAME.toml, NAME.html and, where there is one, NAME.txt into the folder, which is made where it is missing.

    `read_definition` of the first path gives an equal automation. Without `overwrite`, a file that is there and differs
    is left alone. Raises ConfigurationError: nothing was written, or what was before the file that is named.
    """
    stem = safe_file_name(automation.name)
    template = automation.template
    contents = {f"{stem}.html": template.html}
    if template.text is not None:
        contents[f"{stem}.txt"] = template.text
    contents = {f"{stem}.toml": tomlkit.dumps(_document(automation, stem)), **contents}
    files = {folder / name: text.encode("utf-8") for name, text in contents.items()}
    if not overwrite:
        _refuse_to_replace(files)
    path = folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, content in files.items():
            path.write_bytes(content)
    except OSError as error:
        raise ConfigurationError(f"{path} can't be written: {error.strerror}", "Name another folder.") from None
    return list(files)


def _refuse_to_replace(files: Mapping[Path, bytes]) -> None:
    for path, content in files.items():
        try:
            if not path.exists() or path.read_bytes() == content:
                continue
        except OSError as error:
            raise ConfigurationError(f"{path} can't be read: {error.strerror}", "Name another folder.") from None
        advice = "Add --overwrite to replace it, or name another folder with --out."
        raise ConfigurationError(f"{path} is there already, and differs", advice)


def _document(automation: Automation, stem: str) -> tomlkit.TOMLDocument:
    dbio, template = automation.dbio, automation.template
    document = tomlkit.document()
    document["automation"] = _table(
        {"name": automation.name, "owner": automation.owner, **write_policies(automation.policies)}
    )
    document["dbio"] = _table(
        {
            "source": dbio.source,
            "key": dbio.key,
            "email": dbio.email,
            "attachment": dbio.attachment,
            "target": dbio.target,
            "mapping": dbio.mapping,
            "mapping_batch": dbio.mapping_batch or None,
            "update": dbio.update,
        }
    )
    text = None if template.text is None else f"{stem}.txt"
    document["template"] = _table({"subject": template.subject, "html": f"{stem}.html", "text": text})
    if automation.schedules:
        document["schedule"] = AoT([_table(_written(schedule)) for schedule in automation.schedules])
    return document


def _written(schedule: Schedule) -> dict[str, object]:
    return {
        "kind": schedule.kind.value,
        **write_rule(schedule),
        "timezone": schedule.timezone,
        "misfire_grace": format_duration(schedule.misfire_grace),
    }


def _table(values: Mapping[str, object]) -> Table:
    table = tomlkit.table()
    for key, value in values.items():
        if value is not None:
            table[key] = _item(value)
    return table


def _item(value: object) -> Item:
    match value:
        case str():
            # In several lines a CR would stand bare, and TOML reads it as the end of a line.
            return tomlkit.string(value, multiline="\n" in value and "\r" not in value)
        case Mapping():
            return _table(value)
        case _:
            return tomlkit.item(value)

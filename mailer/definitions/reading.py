"""TOML → Automation. All faults of a definition are found in one reading, each with its key."""

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from mailer.definitions.files import file_below, read_text
from mailer.errors import DefinitionInvalid, MalformedAddress, TemplateFault
from mailer.model.address import header_address, parse_recipient
from mailer.model.automation import Automation, Dbio, Policies, Schedule, ScheduleKind, Template
from mailer.model.batched_query import batched_query
from mailer.model.message import MAX_HEADERS, check_header_name
from mailer.model.table import Table, quoted
from mailer.model.template import compile_template
from mailer.model.template.names import fold
from mailer.model.written import read_policies, read_rule

LARGEST_DEFINITION = 1_000_000
"""Bytes of the TOML file."""
LARGEST_TEMPLATE = 10_000_000
"""Bytes of an HTML or text file; MAILER_RENDER_BYTES allows no larger mail by default."""
MOST_SCHEDULES = 100
_MOST_FAULTS = 100
_LONGEST_NAME = 100

# tomllib takes time by the square of a dotted key's length: a minute for 50,000 parts.
_KEY = r"""(?:(?<![\w-])[\w-]+|"[^"\n]*"|'[^'\n]*')"""
_DEEP_KEY = re.compile(rf"(?:{_KEY}[ \t]*\.[ \t]*){{30}}")
_CONFIGURATION_SET = re.compile(r"[A-Za-z0-9_-]{1,64}")


def read_definition(path: Path) -> Automation:
    """The automation that the TOML file and the templates beside it define.

    Raises DefinitionInvalid with everything that is wrong, as far as that can be seen without the data source.
    """
    faults: list[str] = []
    values = _parse(path, faults)
    automation = None if values is None else _read(Table("", values, faults), path.parent)
    if automation is None or faults:
        raise _invalid(path, faults)
    return automation


def _parse(path: Path, faults: list[str]) -> dict[str, object] | None:
    try:
        text = read_text(path, LARGEST_DEFINITION)
    except ValueError as error:
        faults.append(str(error))
        return None
    if _DEEP_KEY.search(text):
        faults.append("not a definition: a key of more than 30 parts")
        return None
    try:
        return tomllib.loads(text)
    except RecursionError:
        faults.append("not a definition: nested too deep")
    except ValueError as error:  # TOMLDecodeError, and what int() says of a number of thousands of digits
        faults.append(f"not TOML: {error}")
    return None


def _read(file: Table, folder: Path) -> Automation:
    faults = file.faults
    automation = Table("automation", _part(file, "automation"), faults)
    name = _read_name(automation)
    policies = _read_policies(automation)
    owner = _read_owner(automation)
    misfire_grace = automation.duration("misfire_grace")
    automation.close()
    dbio = _read_dbio(Table("dbio", _part(file, "dbio"), faults))
    template = _read_template(Table("template", _part(file, "template"), faults), folder, policies)
    schedules = _read_schedules(file, misfire_grace)
    file.close()
    return Automation(name, dbio, template, policies, owner, schedules)


def _part(file: Table, key: str) -> object:
    value = file.value(key)
    return {} if value is None else value


def _read_name(table: Table) -> str:
    name = unicodedata.normalize("NFC", table.needed_text("name")).strip()
    if len(name) > _LONGEST_NAME:
        table.fault("name", f"is longer than {_LONGEST_NAME} characters")
    elif not name.isprintable():
        table.fault("name", "holds a line break or another control character")
    elif name.isdecimal():
        table.fault("name", "is a number, and would be taken for an automation's id")
    return name


def _read_policies(table: Table) -> Policies:
    policies = read_policies(table)
    for key, addresses in (("from", (policies.sender,)), ("reply_to", policies.reply_to)):
        for address in filter(None, addresses):
            try:
                header_address(address)
            except MalformedAddress as error:
                table.fault(key, str(error))
    configuration_set = policies.configuration_set
    if configuration_set is not None and not _CONFIGURATION_SET.fullmatch(configuration_set):
        table.fault("configuration_set", "must be 1 to 64 letters (a to z), digits, '_' and '-'")
    return replace(policies, headers=_checked_headers(table, policies))


def _checked_headers(table: Table, policies: Policies) -> tuple[tuple[str, str], ...]:
    seen = set[str]()
    for name, _ in policies.headers:
        if fault := check_header_name(name):
            table.fault("headers", fault)
        if name.lower() in seen:
            table.fault("headers", f"{quoted(name)} is there twice")
        seen.add(name.lower())
    if len(policies.headers) > MAX_HEADERS:
        table.fault("headers", f"{len(policies.headers)} headers; SES takes {MAX_HEADERS}")
    return policies.headers


def _read_owner(table: Table) -> str | None:
    owner = table.text("owner")
    if owner is not None:
        try:
            parse_recipient(owner)
        except MalformedAddress as error:
            table.fault("owner", str(error))
    return owner


def _read_dbio(table: Table) -> Dbio:
    dbio = Dbio(
        source=table.needed_text("source").strip(),
        target=table.needed_text("target"),
        key=_column(table.needed_text("key")),
        email=_column(table.needed_text("email")),
        mapping=table.text("mapping"),
        mapping_batch=table.yes_or_no("mapping_batch"),
        update=table.text("update"),
        attachment=_column(table.text("attachment") or "") or None,
    )
    table.close()
    _check_batch(table, dbio)
    return dbio


def _check_batch(table: Table, dbio: Dbio) -> None:
    """Notes where the mapping query can't be asked for many recipients at once."""
    if not dbio.mapping_batch:
        return
    if dbio.mapping is None:
        table.fault("mapping_batch", "there is no mapping query")
        return
    try:
        batched_query(dbio.mapping)
    except ValueError as error:
        table.fault("mapping_batch", str(error))


def _column(name: str) -> str:
    """The name as rows have it."""
    return fold(name.strip())


def _read_template(table: Table, folder: Path, policies: Policies) -> Template:
    template = Template(
        subject=table.needed_text("subject"),
        html=_read_file(table, "html", table.needed_text("html"), folder),
        text=_read_file(table, "text", table.text("text") or "", folder) or None,
    )
    table.close()
    table.faults += _syntax_faults(template, policies.headers)
    return template


def _syntax_faults(template: Template, headers: tuple[tuple[str, str], ...]) -> list[str]:
    """What is wrong with each part, looked at alone: together, the first fault would hide the others."""
    blank = Template(subject="", html="", text="")
    faults = []
    for part, part_headers in (
        (replace(blank, subject=template.subject), ()),
        (replace(blank, html=template.html), ()),
        (replace(blank, text=template.text or ""), ()),
        *((blank, (header,)) for header in headers),
    ):
        try:
            compile_template(part, part_headers)
        except TemplateFault as error:
            faults.append(f"template: {error}" + (f" ({error.next_step})" if error.next_step else ""))
    return faults


def _read_file(table: Table, key: str, name: str, folder: Path) -> str:
    if not name:
        return ""
    try:
        text = read_text(file_below(folder, name), LARGEST_TEMPLATE)
    except ValueError as error:
        table.fault(key, str(error))
        return ""
    if not text.strip():
        table.fault(key, f"{name!r} is empty")
    return text


def _read_schedules(file: Table, misfire_grace: timedelta | None) -> tuple[Schedule, ...]:
    value = file.value("schedule")
    if isinstance(value, Mapping):
        file.fault("schedule", "write [[schedule]], in double brackets")
        return ()
    if not isinstance(value, list | None) or len(value or ()) > MOST_SCHEDULES:
        file.fault("schedule", f"must be at most {MOST_SCHEDULES} tables, each under [[schedule]]")
        return ()
    tables = [Table(f"schedule {number}", one, file.faults) for number, one in enumerate(value or (), 1)]
    return tuple(_read_schedule(table, misfire_grace) for table in tables)


def _read_schedule(table: Table, misfire_grace: timedelta | None) -> Schedule:
    kind = table.choice("kind", ScheduleKind, needed=True)
    own_grace = table.duration("misfire_grace")
    grace = misfire_grace if own_grace is None else own_grace
    schedule = read_rule(kind, table, table.text("timezone"), grace)
    table.close()
    return schedule


def _invalid(path: Path, faults: list[str]) -> DefinitionInvalid:
    shown = faults[:_MOST_FAULTS]
    if len(faults) > _MOST_FAULTS:
        shown.append(f"{len(faults) - _MOST_FAULTS:,} more faults")
    more = f" (and {len(faults) - 1:,} more)" if len(faults) > 1 else ""
    return DefinitionInvalid(f"{path}: {faults[0]}{more}", shown, "Correct the file; nothing was saved.")

"""`mailer automation preview`: the mail of one row, to look at."""

import sys
import tempfile
import webbrowser
from collections.abc import Iterator
from dataclasses import replace
from email.header import decode_header, make_header
from pathlib import Path
from typing import Annotated

import typer

from mailer.assembly import OpenSources
from mailer.checking.sampling import Sample, Sampler
from mailer.cli import session
from mailer.cli.arguments import AsJson, FileOrName
from mailer.cli.automation_definition import open_index, read_file_or_saved
from mailer.cli.output import Json, print_json
from mailer.errors import ConfigurationError
from mailer.model.address import mask_address, mask_addresses
from mailer.model.automation import Automation
from mailer.model.message import Message, safe_file_name
from mailer.settings import Settings
from mailer.transports.eml import compose, message_id
from mailer.worker_resources import limits_of

_KINDS = (".html", ".txt", ".eml")

Key = Annotated[str | None, typer.Option(metavar="KEY", help="The row with this key; without it, the first row.")]


def preview(
    definition: FileOrName,
    key: Key = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it to a .html, .txt or .eml file.")] = None,
    opens: Annotated[bool, typer.Option("--open", help="Open the HTML in a browser.")] = False,
    as_json: AsJson = False,
) -> None:
    """Renders the mail of one row and prints its headers and text; sends nothing and writes nothing back."""
    if out is not None and (opens or out.suffix.lower() not in _KINDS):
        raise ConfigurationError(
            "--out takes a file that ends with .html, .txt or .eml, and goes without --open", "Name such a file."
        )
    settings = session.settings()
    sample = session.run_async(lambda: _take(settings, definition, key))
    for remark in sample.remarks:
        sys.stderr.write(f"mailer: warning: row {sample.row_no}: {remark}\n")
    if opens:
        out = Path(tempfile.mkdtemp(prefix="mailer-")) / f"{safe_file_name(sample.key)}.html"
    if out is not None:
        _write(sample.message, out)
    if as_json:
        print_json({**sample_json(sample), "file": None if out is None else str(out)})
    else:
        _print(sample, out)
    if opens and out is not None and not webbrowser.open(out.absolute().as_uri()):
        sys.stderr.write(f"mailer: warning: no browser could be started; open {out} yourself\n")


async def take_sample(settings: Settings, definition: Automation, key: str | None) -> Sample:
    """The mail of the row with that key, or of the first. Raises NotFound, and what makes a job stop."""
    async with OpenSources(settings, session.CLOCK) as sources, open_index(settings, definition) as index:
        source = await sources.get(definition.dbio.source)
        return await Sampler(definition, source, index, limits_of(settings).render, session.CLOCK).take(key)


def sample_json(sample: Sample) -> dict[str, Json]:
    """What a script sees of it."""
    message = sample.message
    return {
        "row_no": sample.row_no,
        "key": sample.key,
        "from": _decoded(message.sender),
        "reply_to": [_decoded(address) for address in message.reply_to],
        "to": message.to,
        "subject": message.subject,
        "headers": {name: _decoded(value) for name, value in message.headers},
        "text": message.text,
        "html": message.html,
        "attachments": [
            {"name": file.name, "content_type": file.content_type, "bytes": len(file.content)}
            for file in message.attachments
        ],
        "remarks": list(sample.remarks),
    }


async def _take(settings: Settings, file_or_name: str, key: str | None) -> Sample:
    sample = await take_sample(settings, await read_file_or_saved(settings, file_or_name), key)
    return replace(sample, message=replace(sample.message, label=f"preview-{safe_file_name(sample.key)}"))


def _write(message: Message, path: Path) -> None:
    match path.suffix.lower():
        case ".html":
            content = message.html.encode()
        case ".txt":
            content = message.text.encode()
        case _:
            content = compose(message, message_id=message_id(message), date=session.CLOCK.now())
    try:
        path.write_bytes(content)
    except OSError as error:
        raise ConfigurationError(f"{path} can't be written: {error.strerror}", "Name another file.") from None


def _print(sample: Sample, written: Path | None) -> None:
    lines = [*_headers(sample.message), *_attached(sample.message)]
    if written is None:
        lines += ["", *sample.message.text.splitlines()]
    else:
        lines.append(f"{written} written")
    # Not by rich: it takes ':smile:' for a picture, and what a row holds is to be seen as it is.
    sys.stdout.writelines(
        f"{_printable(line)}\n" for line in [f"row {sample.row_no}, key {mask_addresses(sample.key)}", *lines]
    )


def _headers(message: Message) -> Iterator[str]:
    yield f"From: {_decoded(message.sender)}"
    yield f"To: {mask_address(message.to) if message.to else '-'}"
    if message.reply_to:
        yield f"Reply-To: {', '.join(map(_decoded, message.reply_to))}"
    yield f"Subject: {message.subject}"
    for name, value in message.headers:
        yield f"{name}: {_decoded(value)}"


def _attached(message: Message) -> Iterator[str]:
    for file in message.attachments:
        yield f"Attached: {file.name} ({file.content_type}, {len(file.content):,} bytes)"
    if not message.attachments:
        yield "Attached: nothing"


def _decoded(value: str) -> str:
    return str(make_header(decode_header(value)))


def _printable(line: str) -> str:
    """A row's data must not steer a terminal."""
    return "".join(letter if letter.isprintable() or letter == "\t" else "\ufffd" for letter in line)

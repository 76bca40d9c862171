"""The command `mailer`: its verbs, and the one place where an error becomes a line on stderr and an exit code."""

import re
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated, Any, NoReturn

import typer

from mailer.cli import automation, job, session, suppression
from mailer.cli.demo import demo
from mailer.cli.doctor import doctor
from mailer.cli.enqueue import enqueue
from mailer.cli.migrate import migrate
from mailer.cli.output import print_error
from mailer.cli.purge import purge
from mailer.cli.run import run
from mailer.cli.standard_streams import cant_write, end_quietly, open_closed_streams
from mailer.errors import ConfigurationError, DefinitionInvalid, MailerError
from mailer.model.address import mask_addresses
from mailer.model.encoded_word import one_line

_SHOWN_CHARACTERS = 60
"""Of a word that is refused."""
_UsageError: Any = typer.BadParameter.__mro__[1]
"""Of wrong words on the command line; Typer itself exports only this kind of it."""

app = typer.Typer(
    name="mailer",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command()(run)
app.command()(enqueue)
app.command()(migrate)
app.add_typer(automation.app, name="automation")
app.add_typer(job.app, name="job")
app.add_typer(suppression.app, name="suppression")
app.command()(purge)
app.command()(doctor)
app.command()(demo)


def _print_version(is_asked: bool) -> None:
    if is_asked:
        sys.stdout.write(f"mailer {version('mailer')}\n")
        raise typer.Exit


@app.callback()
def _of_all_commands(
    _: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Sends automated bulk e-mail out of a database through AWS SES, once to each recipient."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command and ends the process with its exit code."""
    open_closed_streams()
    given = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in given
    try:
        try:
            _run(given, as_json=as_json)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        end_quietly(0)
    except OSError as error:
        _end(cant_write(error), as_json=as_json)
    except SystemExit as ended:
        # Typer makes a failure of it.
        if isinstance(ended.__context__, BrokenPipeError):
            end_quietly(0)
        raise


def _run(given: Sequence[str], *, as_json: bool) -> NoReturn:
    try:
        _refuse_what_is_no_text(given)
        sys.exit(app(given, prog_name="mailer", standalone_mode=False))
    except _UsageError as error:
        if message := _in_our_words(error.format_message()):  # without one Typer has shown the help
            print_error(message, f"See '{error.ctx.command_path} --help'.", as_json=as_json)
        sys.exit(error.exit_code)
    except MailerError as error:
        message, next_step = mask_addresses(str(error)), mask_addresses(error.next_step)
        faults = [mask_addresses(fault) for fault in error.faults] if isinstance(error, DefinitionInvalid) else []
        print_error(message, next_step, as_json=as_json, faults=faults)
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(session.INTERRUPTED)


def _refuse_what_is_no_text(given: Sequence[str]) -> None:
    """Raises ConfigurationError, by number, for a word of bytes that are no text: no database could be asked for it."""
    for number, word in enumerate(given, start=1):
        try:
            word.encode()
        except UnicodeEncodeError as error:
            what = f"word {number} of the command is not {sys.getfilesystemencoding().upper()}"
            raise ConfigurationError(what, "Type it in the terminal's own encoding.") from error


def _in_our_words(message: str) -> str:
    """One line without what a library says of itself, and without the whole of a text that is long."""
    line = mask_addresses(one_line(message)).replace("Value error, ", "")
    return re.sub(rf"'([^']{{{_SHOWN_CHARACTERS}}})[^']+'", r"'\1…'", line)


def _end(error: MailerError, *, as_json: bool) -> NoReturn:
    print_error(str(error), error.next_step, as_json=as_json)
    end_quietly(error.exit_code)

"""The command `mailer`: its verbs, and the one place where an error becomes a line on stderr and an exit code."""

import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import typer

from mailer.cli import automation, job, suppression
from mailer.cli.demo import demo
from mailer.cli.doctor import doctor
from mailer.cli.enqueue import enqueue
from mailer.cli.migrate import migrate
from mailer.cli.output import print_error
from mailer.cli.purge import purge
from mailer.cli.run import run
from mailer.errors import DefinitionInvalid, MailerError
from mailer.model.address import mask_addresses
from mailer.model.encoded_word import one_line

INTERRUPTED = 130
_UsageError: Any = typer.BadParameter.__mro__[1]
"""Of wrong words on the command line; Typer itself exports only this kind of it."""

app = typer.Typer(
    name="mailer",
    help="Sends automated bulk e-mail out of a database through AWS SES, once to each recipient.",
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


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command and ends the process with its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        try:
            _run(given, as_json="--json" in given)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        _end_without_a_reader()
    except SystemExit as ended:
        # Typer makes a failure of it.
        if isinstance(ended.__context__, BrokenPipeError):
            _end_without_a_reader()
        raise


def _run(given: Sequence[str], *, as_json: bool) -> NoReturn:
    try:
        # For people Typer itself shows what is wrong with their words.
        sys.exit(app(given, prog_name="mailer", standalone_mode=not as_json))
    except _UsageError as error:
        print_error(one_line(error.format_message()), f"See '{error.ctx.command_path} --help'.", as_json=as_json)
        sys.exit(error.exit_code)
    except MailerError as error:
        message, next_step = mask_addresses(str(error)), mask_addresses(error.next_step)
        faults = [mask_addresses(fault) for fault in error.faults] if isinstance(error, DefinitionInvalid) else []
        print_error(message, next_step, as_json=as_json, faults=faults)
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(INTERRUPTED)


def _end_without_a_reader() -> NoReturn:
    """Whoever read our output has enough, as `head` has: what is still buffered must not complain at exit either."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(0)

"""`mailer automation …`: definitions, from files to what is saved, and a look at what they will do."""

import typer

from mailer.cli.automation_apply import apply
from mailer.cli.automation_export import export
from mailer.cli.automation_list import list_automations
from mailer.cli.automation_preview import preview
from mailer.cli.automation_show import show
from mailer.cli.automation_status import pause, resume
from mailer.cli.automation_test_mail import send_test_mail
from mailer.cli.automation_validate import validate

app = typer.Typer(no_args_is_help=True, help="Definitions: apply, look at, validate, preview, pause.")
app.command()(apply)
app.command("list")(list_automations)
app.command()(show)
app.command()(export)
app.command()(validate)
app.command()(preview)
app.command("test-mail")(send_test_mail)
app.command()(pause)
app.command()(resume)

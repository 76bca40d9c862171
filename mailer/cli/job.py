"""`mailer job …`: what ran, is running, waits; who got the mail; and what a person decides about it."""

import typer

from mailer.cli.job_changes import cancel, retry, settle
from mailer.cli.job_deliveries import deliveries
from mailer.cli.job_list import list_jobs
from mailer.cli.job_show import show

app = typer.Typer(no_args_is_help=True, help="What ran, is running, waits; who got the mail; cancel, retry, settle.")
app.command("list")(list_jobs)
app.command()(show)
app.command()(deliveries)
app.command()(cancel)
app.command()(retry)
app.command()(settle)

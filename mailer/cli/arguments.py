"""Arguments and options that several commands have in common."""

from typing import Annotated

import typer

LARGEST_ID = 2**63 - 1
"""The largest whole number that a database's key can be."""

JobId = Annotated[int, typer.Argument(metavar="JOB", min=1, max=LARGEST_ID, help="The job's number.")]
AutomationName = Annotated[str, typer.Argument(metavar="NAME|ID", help="The automation.")]
FileOrName = Annotated[str, typer.Argument(metavar="FILE|NAME|ID", help="A definition's file, or a saved automation.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout, for scripts.")]

"""`mailer run`: the service."""

from typing import Annotated

import typer

from mailer.cli import session
from mailer.service import Role, Service


def run(
    role: Annotated[Role, typer.Option(help="All roles in one process, or one of them.")] = Role.ALL,
    workers: Annotated[
        int | None, typer.Option(min=1, max=256, help="Worker coroutines; by default MAILER_WORKERS.")
    ] = None,
    until_idle: Annotated[
        bool, typer.Option("--until-idle", help="End when nothing is due, waiting or running.")
    ] = False,
) -> None:
    """Runs scheduler and workers until SIGINT or SIGTERM, then drains and exits 0; a second signal exits at once."""
    settings = session.settings()

    async def serve() -> None:
        await Service(settings, role, session.CLOCK, workers=workers).run(until_idle=until_idle)

    session.run_async(serve)
    session.leave()

"""`mailer doctor`: everything that a run needs, looked at."""

from contextlib import AsyncExitStack

import typer

from mailer.assembly import OpenSources
from mailer.cli import session
from mailer.cli.arguments import AsJson
from mailer.cli.doctor_automations import check_automations, read_automations
from mailer.cli.doctor_database import check_account, check_clock, check_processes, open_checked_database
from mailer.cli.doctor_held_back import check_held_back
from mailer.cli.doctor_oracle import check_own_oracle
from mailer.cli.doctor_report import Check, checks_json, exit_code, fault, ok, print_check, warning
from mailer.cli.doctor_surroundings import check_attachments, check_sources, check_zones
from mailer.cli.output import print_json
from mailer.settings import LoadedSettings, load_settings


def doctor(as_json: AsJson = False) -> None:
    """Checks each thing that a run needs, and says for each what to do; changes nothing, sends nothing.

    Settings, database, schema, data sources, attachments, outbox or SES (quota, sandbox, senders), clocks, time zones,
    processes, and each automation. Exit code 0: all well, or warnings alone; 2: a person must change something;
    4: nothing of that kind, and something can't be reached now.
    """
    loaded = load_settings()
    session.configure_logs(loaded.settings)
    examination = _Examination(loaded, quiet=as_json)
    session.run_async(examination.run)
    if as_json:
        print_json(checks_json(examination.checks))
    raise typer.Exit(exit_code(examination.checks))


class _Examination:
    """All checks, one after the other."""

    def __init__(self, loaded: LoadedSettings, *, quiet: bool) -> None:
        self._loaded = loaded
        self._settings = loaded.settings
        self._quiet = quiet
        self.checks: list[Check] = []

    async def run(self) -> None:
        """Fills `checks`."""
        from mailer.cli.doctor_events import check_events  # noqa: PLC0415 - the AWS SDK takes long to load
        from mailer.cli.doctor_transport import check_transport  # noqa: PLC0415 - likewise

        settings, clock, tell = self._settings, session.CLOCK, self._tell
        self._check_settings()
        async with AsyncExitStack() as stack:
            database = await open_checked_database(settings, clock, stack, tell)
            sources = await stack.enter_async_context(OpenSources(settings, clock))
            usable = await check_sources(settings, sources, tell)
            await check_attachments(settings, tell)
            automations = [] if database is None else await read_automations(database, tell)
            await check_transport(settings, clock, [one for _, one in automations], tell)
            check_zones([one for _, one in automations], tell)
            if database is not None:
                if database.dialect == "oracle":
                    await check_own_oracle(settings, database, tell)
                await check_clock(settings, database, clock, tell)
                await check_account(settings, database, tell)
                await check_processes(database, tell)
                await check_held_back(database, tell)
            await check_events(settings, database, [one for _, one in automations], tell)
            await check_automations(settings, automations, usable, tell)

    def _tell(self, check: Check) -> None:
        self.checks.append(check)
        if not self._quiet:
            print_check(check)

    def _check_settings(self) -> None:
        for unknown in self._loaded.unknown:
            self._tell(fault("settings", unknown, "Correct its name, or remove it."))
        for other in self._loaded.warnings:
            if other not in self._loaded.unknown:
                self._tell(warning("settings", other, "Remove it, or set it where it is read."))
        if not self._loaded.warnings:
            self._tell(ok("settings", "all are known"))

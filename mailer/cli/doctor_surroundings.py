"""What a run finds around it: data sources, attachments, time zones."""

from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version

from mailer.assembly import OpenSources, open_attachments
from mailer.cli.doctor_oracle import check_source_password
from mailer.cli.doctor_report import Tell, fault, fault_of, ok
from mailer.errors import MailerError
from mailer.model.automation import Automation
from mailer.model.database_url import SqliteFile
from mailer.model.zones import load_zone
from mailer.settings import Settings
from mailer.sources.source import Source


async def check_sources(settings: Settings, sources: OpenSources, tell: Tell) -> Mapping[str, Source]:
    """The data sources that answer a SELECT, by name in lower case."""
    usable = {}
    for name, source_settings in sorted(settings.sources.items()):
        # The first page of the file; without it SQLite would not even look whether it is a database.
        is_sqlite = isinstance(source_settings.address, SqliteFile)
        table = "sqlite_master" if is_sqlite else "DUAL"
        try:
            source = await sources.get(name)
            await source.read(f"SELECT COUNT(*) AS N FROM {table}", {})  # noqa: S608 - one of two names above
        except MailerError as error:
            tell(fault_of(f"data source {name}", error))
            continue
        usable[name] = source
        tell(ok(f"data source {name}", "opens, and answers a query"))
        if not is_sqlite:
            check_source_password(name, source, tell)
    if not settings.sources:
        advice = "Set MAILER_SOURCES__NAME__URL, for example to sqlite:///crm.db."
        tell(fault("data sources", "there is none in the settings", advice))
    return usable


async def check_attachments(settings: Settings, tell: Tell) -> None:
    """Lists the storage, as each job with attachments does."""
    if settings.attachments is None:
        tell(ok("attachments", "MAILER_ATTACHMENTS is not set: no automation can attach a file"))
        return
    try:
        async with open_attachments(settings) as storage:
            if storage is not None:
                await storage.index()
    except MailerError as error:
        tell(fault_of("attachments", error))
        return
    tell(ok("attachments", f"{settings.attachments} can be listed"))


def check_zones(automations: Sequence[Automation], tell: Tell) -> None:
    """The zone data, and each zone that a schedule names."""
    try:
        release = version("tzdata")
    except PackageNotFoundError:
        tell(fault("time zones", "the package tzdata is not installed", "Install mailer anew, with what it needs."))
        return
    zones = sorted({schedule.timezone for automation in automations for schedule in automation.schedules})
    for zone in zones:
        try:
            load_zone(zone)
        except ValueError as error:
            tell(fault("time zones", str(error), "Correct the schedule, and apply the definition again."))
            return
    tell(ok("time zones", f"tzdata {release}{': ' if zones else ''}{', '.join(zones)}"))

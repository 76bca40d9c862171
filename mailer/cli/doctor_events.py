"""Whether SES's events reach the ledger: a queue that can be read, a process that reads it, and who needs it."""

from collections.abc import Sequence

from mailer.cli.doctor_report import Tell, fault_of, ok, warning
from mailer.cli.job_show import ALIVE
from mailer.db.database import Database
from mailer.errors import MailerError
from mailer.model.automation import Automation, UnknownPolicy
from mailer.service import Role
from mailer.settings import Settings
from mailer.store.workers import Workers
from mailer.transports.event_queue import EventQueue


async def check_events(
    settings: Settings, database: Database | None, automations: Sequence[Automation], tell: Tell
) -> None:
    """Receives nothing: each receive of a message counts towards the queue's dead letters."""
    _check_policies(settings, automations, tell)
    if settings.ses_events_queue is None:
        return
    try:
        async with EventQueue(settings.ses_events_queue) as queue:
            tell(ok("events", f"about {await queue.waiting()} of SES's events wait in their queue"))
    except MailerError as error:
        tell(fault_of("events", error))
    if database is not None:
        alive = await Workers(database).alive(ALIVE)
        if not any(process.role in (Role.ALL, Role.EVENTS) for process in alive):
            tell(
                warning(
                    "events", "no process consumes SES's events", "Start 'mailer run', or 'mailer run --role events'."
                )
            )


def _check_policies(settings: Settings, automations: Sequence[Automation], tell: Tell) -> None:
    for automation in automations:
        if automation.policies.unknown is UnknownPolicy.SETTLE and not (
            settings.ses_events_queue and automation.policies.configuration_set
        ):
            what = f'{automation.name}: unknown = "settle" acts as "skip", for no event can come'
            tell(warning("events", what, "Set MAILER_SES_EVENTS_QUEUE, and the definition's configuration_set."))

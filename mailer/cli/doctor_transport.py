"""Where mails go: the outbox's folder, or SES."""

from collections.abc import Sequence

from mailer.assembly import transport_of
from mailer.cli.doctor_report import Tell, fault_of, ok
from mailer.cli.doctor_ses import check_ses
from mailer.errors import MailerError
from mailer.model.automation import Automation
from mailer.model.clock import Clock
from mailer.settings import Settings
from mailer.transports.outbox import Outbox
from mailer.transports.ses import SesTransport


async def check_transport(settings: Settings, clock: Clock, automations: Sequence[Automation], tell: Tell) -> None:
    """Sends nothing, and makes no folder."""
    try:
        async with transport_of(settings, clock) as transport:
            match transport:
                case Outbox():
                    await transport.check()
                    tell(ok("outbox", f"{settings.outbox} can be written; no mail leaves this machine"))
                case SesTransport():
                    await check_ses(settings, transport, clock, automations, tell)
    except MailerError as error:
        tell(fault_of(settings.transport, error))

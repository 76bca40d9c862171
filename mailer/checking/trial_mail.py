"""A row's mail sent to the person who wants to see it: by the configured transport, outside the ledger."""

from dataclasses import dataclass, replace

from mailer.checking.sampling import Sample
from mailer.db.database import Database
from mailer.errors import ConfigurationError, MailerError, TransportAway
from mailer.model.address import mask_address
from mailer.model.clock import Clock
from mailer.model.message import safe_file_name
from mailer.model.outcome import (
    Accepted,
    AccountPaused,
    JobRefused,
    NoAnswer,
    Outcome,
    RecipientRefused,
    Refused,
    Throttled,
    TransportDown,
)
from mailer.pacer import Pacer
from mailer.store.audit import write_audit
from mailer.transports.transport import Transport

SLOT_PATIENCE = 30.0
"""Seconds; a job that is sending leaves a slot long before."""


@dataclass(frozen=True, slots=True)
class TrialMailer:
    """Sends trial mails. `timeout`: seconds for the transport's call."""

    database: Database
    transport: Transport
    pacer: Pacer
    clock: Clock
    timeout: float

    async def send(self, auto_id: int, sample: Sample, to: str, actor: str) -> tuple[str, str]:
        """Sends the sample to the plain address `to`, at a slot like every mail; its label and its message id.

        No update query runs. Either end is in AUDIT_LOG. Raises TransportAway (nothing could be sent, or nobody knows),
        ConfigurationError (SES refuses this mail for good).
        """
        label = f"test-{safe_file_name(sample.key)}-{self.clock.now():%Y%m%dT%H%M%S.%fZ}"
        # No tags: SES's events of this mail must find no delivery.
        message = replace(sample.message, label=label, to=to, tags=())
        await self.transport.ready()
        if not await self.pacer.meet_slot(SLOT_PATIENCE):
            raise TransportAway("no mail can leave now: the account is paused", "Run 'mailer doctor': it says why.")
        outcome = await self.transport.send(message, timeout=self.timeout)
        ended = outcome.message_id if isinstance(outcome, Accepted) else f"{outcome.code}: {outcome.text}"
        async with self.database.transaction() as transaction:
            details = f"row {sample.row_no}, key {sample.key}, to {mask_address(to)}: {ended}"
            await write_audit(transaction, actor, "automation test-mail", f"automation {auto_id}", details)
        if isinstance(outcome, Accepted):
            return label, outcome.message_id
        raise _error(outcome)


def _error(outcome: Outcome) -> MailerError:
    match outcome:
        case JobRefused(code, text):
            return ConfigurationError(f"{code}: {text}", "Run 'mailer doctor': it looks at senders and account.")
        case RecipientRefused(code, text):
            return ConfigurationError(f"{code}: {text}", "Try another address; in SES's sandbox it must be verified.")
        case NoAnswer(code, text):
            return TransportAway(f"whether the mail left is not known: {code}: {text}", "Look into your mailbox.")
        case Refused(code, text) | Throttled(code, text) | TransportDown(code, text) | AccountPaused(code, text):
            return TransportAway(f"the mail could not be sent: {code}: {text}", "Run 'mailer doctor', then try again.")
        case _:
            raise TypeError(f"no refusal: {outcome!r}")

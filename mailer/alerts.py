"""Warns the owner of an automation by mail: once for each cause, paced like all mails, outside the ledger."""

import structlog

from mailer.errors import MalformedAddress
from mailer.model.address import header_address, mask_address, parse_recipient
from mailer.model.automation import Automation
from mailer.model.message import Message
from mailer.model.outcome import Accepted
from mailer.pacer import Pacer
from mailer.transports.transport import Transport
from mailer.worker.gate import Gate

log = structlog.get_logger(__name__)

SLOT_PATIENCE = 5.0
"""Seconds that a warning waits for a slot: past them the account is paused, and the log has to do."""


class Alerts:
    """Sends warnings by the transport that the jobs use; where that is what fails, the log has to do."""

    def __init__(self, transport: Transport, pacer: Pacer, gate: Gate, send_timeout: float) -> None:
        self._transport = transport
        self._pacer = pacer
        self._gate = gate
        self._send_timeout = send_timeout

    async def warn(self, definition: Automation | None, label: str, subject: str, text: str) -> None:
        """One mail from the automation's sender to its owner, `alerts/<label>` in the outbox; the log in any case."""
        owner = definition.owner if definition else None
        if definition is None or owner is None or self._gate.is_closed:
            log.warning("owner not warned", warning=subject, why=self._gate.why or "the automation has no owner")
            return
        try:
            sender, to = header_address(definition.policies.sender), parse_recipient(owner)
        except MalformedAddress as fault:
            log.warning("owner not warned", warning=subject, why=str(fault))
            return
        message = Message(label=f"alerts/{label}", sender=sender, to=to, subject=subject, html="", text=text)
        await self._transport.ready()
        if not await self._pacer.meet_slot(SLOT_PATIENCE):
            log.warning("owner not warned", warning=subject, why="no mail can leave now")
            return
        outcome = await self._transport.send(message, timeout=self._send_timeout)
        if isinstance(outcome, Accepted):
            log.warning("the owner was warned", warning=subject, owner=mask_address(owner))
        else:
            log.warning("owner not warned", warning=subject, why=outcome.text)

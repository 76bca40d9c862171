"""One call of the transport: at its slot, under a live lease, and with one answer."""

from mailer.model.message import Message
from mailer.model.outcome import NoAnswer, Outcome
from mailer.worker.lease import Lease
from mailer.worker.resources import Resources

SENDING_AHEAD = 0.05
"""SENDING is committed when the slot is this near, in seconds, so that a crash leaves few in doubt."""

ANOTHER_SLOT = 3.0
"""Seconds for which a delivery that is SENDING waits for another slot: past them the account is paused, or worse."""


async def near_slot(resources: Resources) -> float:
    """A slot, once it is near enough to commit SENDING for it, and nothing but that commit stands before the call."""
    while True:
        slot = await resources.pacer.slot()
        await resources.transport.ready()
        await resources.pacer.wait_for(slot - SENDING_AHEAD)
        if not resources.pacer.is_missed(slot):
            return slot


async def call(resources: Resources, lease: Lease, slot: float, message: Message) -> Outcome | None:
    """Sends at the slot. None: the call was not made: the lease is near its end, no slot is to be had, or the
    service's drain was over.

    A slot that was missed is thrown away for another; the delivery stays SENDING meanwhile, so it does not wait for
    long. An answer that the end of a drain does not wait for is `NoAnswer`.
    """
    answer: Outcome | None = None
    async with resources.in_flight.call():
        while True:
            await resources.pacer.wait_for(slot)
            if not lease.lets_send():
                break
            if resources.pacer.is_missed(slot):
                another = await resources.pacer.slot_within(ANOTHER_SLOT)
                if another is None:
                    break
                slot = another
                continue
            answer = NoAnswer("stopped", "mailer stopped before there was an answer")
            answer = await resources.transport.send(message, timeout=resources.limits.send_timeout)
            break
    return answer

"""What SES publishes of a mail that it was given: its event records, read and weighed. Pure.

Shapes: AWS's SES developer guide, 'Contents of event data that Amazon SES publishes to Amazon SNS'.
"""

import json
from dataclasses import dataclass
from enum import StrEnum

from mailer.model.delivery import Change, Standing, Status, UpdateStatus


class EventKind(StrEnum):
    """`eventType`, as SES spells it."""

    SEND = "Send"
    DELIVERY = "Delivery"
    BOUNCE = "Bounce"
    COMPLAINT = "Complaint"
    REJECT = "Reject"
    RENDERING_FAILURE = "Rendering Failure"
    DELIVERY_DELAY = "DeliveryDelay"
    OPEN = "Open"
    CLICK = "Click"
    SUBSCRIPTION = "Subscription"

    @property
    def proves_acceptance(self) -> bool:
        """Whether SES has taken the mail: all kinds but the two that say it will not send it."""
        return self not in (EventKind.REJECT, EventKind.RENDERING_FAILURE)


class Feedback(StrEnum):
    """DELIVERY.FEEDBACK. Events come unordered: a later one in this list wins, whenever it comes."""

    DELIVERED = "DELIVERED"
    BOUNCED = "BOUNCED"
    COMPLAINED = "COMPLAINED"
    REJECTED = "REJECTED"


FEEDBACK_OF = {
    EventKind.DELIVERY: Feedback.DELIVERED,
    EventKind.BOUNCE: Feedback.BOUNCED,
    EventKind.COMPLAINT: Feedback.COMPLAINED,
    EventKind.REJECT: Feedback.REJECTED,
    EventKind.RENDERING_FAILURE: Feedback.REJECTED,
}


@dataclass(frozen=True, slots=True)
class SesEvent:
    """One event of a mail of ours."""

    kind: EventKind
    delivery_id: int
    token: str
    message_id: str
    reason: str
    """Of a bounce, complaint, reject or rendering failure; '' otherwise."""
    suppressed: tuple[str, ...]
    """Addresses that must get no mail any more: of a permanent bounce, or a complaint."""


def read_event(body: str) -> SesEvent | None:
    """The event in a queue's message, raw or wrapped by SNS; None where it is no event of a mail of ours.

    Raises ValueError where it is no event at all.
    """
    record = _record(body)
    tags = _table(_table(record, "mail"), "tags")
    delivery, token = _tag(tags, "delivery"), _tag(tags, "token")
    try:
        kind = EventKind(str(record["eventType"]))
    except ValueError:
        return None  # a kind that SES has learnt since; it can't be ours to heed
    if not delivery.isdecimal() or len(delivery) > 18 or not token:
        return None
    message_id = str(_table(record, "mail").get("messageId", ""))
    reason, suppressed = _details(kind, record)
    return SesEvent(kind, int(delivery), token, message_id, reason[:1000], suppressed)


def feedback_after(found: Feedback | None, event: SesEvent) -> Feedback | None:
    """What FEEDBACK is once the event is heeded."""
    new = FEEDBACK_OF.get(event.kind)
    order = list(Feedback)
    if new is None or (found is not None and order.index(found) > order.index(new)):
        return found
    return new


def change_after(event: SesEvent, delivery: Change, *, has_update: bool) -> Change | None:
    """The change of state that an event makes; None where there is none.

    `delivery` stands for the row as it was found, as a change that leads nowhere. Evidence wins: whatever the state, a
    mail that SES has taken is SENT. A mail that SES will not send is FAILED where nobody knew, and never sent again.
    """
    found = delivery.before
    if event.kind.proves_acceptance:
        if found.status in (Status.SENT, Status.SKIPPED):
            return None
        update = UpdateStatus.DUE if has_update else UpdateStatus.NONE
        after, code, error = Standing(Status.SENT, found.attempt, update), None, None
    else:
        if found.status not in (Status.SENDING, Status.UNKNOWN):
            return None
        after = Standing(Status.FAILED, found.attempt, UpdateStatus.NONE)
        code, error = event.kind.value, event.reason or event.kind.value
    return Change(
        delivery_id=delivery.delivery_id,
        job_id=delivery.job_id,
        batch_no=delivery.batch_no,
        before=found,
        after=after,
        tries=delivery.tries,
        message_id=event.message_id or None,
        error_code=code,
        error=error,
    )


def _record(body: str) -> dict[str, object]:
    record = json.loads(body)
    if isinstance(record, dict) and "eventType" not in record and isinstance(record.get("Message"), str):
        record = json.loads(record["Message"])  # SNS without raw message delivery
    if not isinstance(record, dict) or "eventType" not in record:
        raise ValueError("no event record of SES")
    return record


def _table(record: dict[str, object], name: str) -> dict[str, object]:
    value = record.get(name, {})
    if not isinstance(value, dict):
        raise ValueError(f"{name} is no table")
    return value


def _tag(tags: dict[str, object], name: str) -> str:
    values = tags.get(name)
    return str(values[0]) if isinstance(values, list) and values else ""


def _details(kind: EventKind, record: dict[str, object]) -> tuple[str, tuple[str, ...]]:
    """The reason, and the addresses to suppress."""
    match kind:
        case EventKind.BOUNCE:
            bounce = _table(record, "bounce")
            reason = f"{bounce.get('bounceType', '')} {bounce.get('bounceSubType', '')}".strip()
            is_final = bounce.get("bounceType") == "Permanent"
            return reason, _addresses(bounce.get("bouncedRecipients")) if is_final else ()
        case EventKind.COMPLAINT:
            complaint = _table(record, "complaint")
            reason = str(complaint.get("complaintFeedbackType") or "complaint")
            return reason, _addresses(complaint.get("complainedRecipients"))
        case EventKind.REJECT:
            return str(_table(record, "reject").get("reason", "")), ()
        case EventKind.RENDERING_FAILURE:
            return str(_table(record, "failure").get("errorMessage", "")), ()
        case _:
            return "", ()


def _addresses(recipients: object) -> tuple[str, ...]:
    if not isinstance(recipients, list):
        return ()
    found = (str(one.get("emailAddress", "")) for one in recipients if isinstance(one, dict))
    return tuple(address.strip().lower() for address in found if address.strip())

"""What SES publishes of a mail that it was given: its event records, read and weighed. Pure.

Shapes: AWS's SES developer guide, 'Contents of event data that Amazon SES publishes to Amazon SNS'.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from mailer.errors import MalformedAddress
from mailer.model.address import parse_recipient
from mailer.model.delivery import Standing, Status, UpdateStatus
from mailer.model.encoded_word import one_line

REASON_LIMIT = 1000
MESSAGE_ID_LIMIT = 200
TOKEN_LIMIT = 32
"""Characters that the tables hold."""
ID_DIGITS = 18
"""A number of so many digits fits into a database's key."""
NOT_SPAM = "not-spam"
"""The complaintFeedbackType that takes a complaint back (RFC 6430)."""
TOPIC_VALIDATED = "Successfully validated SNS topic for Amazon SES event publishing."
"""What SES itself publishes once, when a topic becomes an event destination; no JSON."""


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
    message_id: str | None
    reason: str
    """Of a bounce, complaint, reject or rendering failure; '' otherwise."""
    suppresses: bool
    """Whether the recipient must get no mail any more: a permanent bounce, or a complaint."""
    named: tuple[str, ...]
    """The addresses that such an event names; a forwarding may have led to others than the recipient's."""


def read_event(body: str) -> SesEvent | None:
    """The event in a queue's message, raw or wrapped by SNS; None where it is none of a mail of ours.

    Raises ValueError where it is no event at all.
    """
    record = _record(body)
    if record is None:
        return None
    mail = _table(record, "mail")
    tags = mail.get("tags")
    if not isinstance(tags, dict):
        return None
    delivery, token = _tag(tags, "delivery"), _tag(tags, "token")
    try:
        kind = EventKind(str(record["eventType"]))
    except ValueError:
        return None  # a kind that SES has learnt since: what it says of a mail is not known
    if not (delivery.isascii() and delivery.isdecimal() and len(delivery) <= ID_DIGITS and _is_token(token)):
        return None
    reason, named = _details(kind, record)
    return SesEvent(
        kind=kind,
        delivery_id=int(delivery),
        token=token,
        message_id=_text(mail.get("messageId"))[:MESSAGE_ID_LIMIT] or None,
        reason=reason[:REASON_LIMIT],
        suppresses=named is not None,
        named=named or (),
    )


def feedback_after(found: Feedback | None, event: SesEvent) -> Feedback | None:
    """What FEEDBACK is once the event is heeded."""
    new = None if event.reason == NOT_SPAM else FEEDBACK_OF.get(event.kind)
    order = list(Feedback)
    if new is None or (found is not None and order.index(found) > order.index(new)):
        return found
    return new


def standing_after(found: Standing, event: SesEvent, *, has_update: bool) -> Standing | None:
    """Where a delivery stands once the event is heeded; None: where it stood.

    Evidence wins: whatever the state, a mail that SES has taken is SENT. One that SES will not send is FAILED where
    nobody knew, and never sent again by itself.
    """
    if event.kind.proves_acceptance:
        if found.status is Status.SENT:
            return None
        return Standing(Status.SENT, found.attempt, UpdateStatus.DUE if has_update else UpdateStatus.NONE)
    if found.status in (Status.SENDING, Status.UNKNOWN):
        return Standing(Status.FAILED, found.attempt, UpdateStatus.NONE)
    return None


def _record(body: str) -> dict[str, object] | None:
    """The event's own record; None for what SES publishes of a topic, and not of a mail."""
    if body.strip() == TOPIC_VALIDATED:
        return None
    try:
        record = json.loads(body)
    except RecursionError as error:
        raise ValueError("JSON of too many levels") from error
    if not isinstance(record, dict):
        raise ValueError("no event record of SES")
    if "eventType" in record:
        return record
    if isinstance(record.get("Message"), str):
        return _record(record["Message"])  # SNS without raw message delivery
    raise ValueError("no event record of SES")


def _table(record: Mapping[str, object], name: str) -> dict[str, object]:
    value = record.get(name)
    if not isinstance(value, dict):
        raise ValueError(f"{name} is no table")
    return value


def _tag(tags: Mapping[str, object], name: str) -> str:
    """The first value of a tag: SES lists them."""
    values = tags.get(name)
    return str(values[0]) if isinstance(values, list) and values else ""


def _is_token(token: str) -> bool:
    return 0 < len(token) <= TOKEN_LIMIT and token.isascii() and token.isprintable()


def _text(value: object) -> str:
    """What a table may hold: on one line, without halves of characters; '' for what is no text."""
    return one_line(value.encode("utf-8", "replace").decode("utf-8")) if isinstance(value, str) else ""


def _details(kind: EventKind, record: Mapping[str, object]) -> tuple[str, tuple[str, ...] | None]:
    """The reason, and the addresses that are named where nobody there must get a mail any more; None otherwise."""
    match kind:
        case EventKind.BOUNCE:
            bounce = _table(record, "bounce")
            kind_of_bounce = _text(bounce.get("bounceType"))
            reason = f"{kind_of_bounce} {_text(bounce.get('bounceSubType'))}".strip()
            return reason, _addresses(bounce.get("bouncedRecipients")) if kind_of_bounce == "Permanent" else None
        case EventKind.COMPLAINT:
            complaint = _table(record, "complaint")
            reason = _text(complaint.get("complaintFeedbackType"))
            return reason, _addresses(complaint.get("complainedRecipients")) if reason != NOT_SPAM else None
        case EventKind.REJECT:
            return _text(_table(record, "reject").get("reason")), None
        case EventKind.RENDERING_FAILURE:
            return _text(_table(record, "failure").get("errorMessage")), None
        case _:
            return "", None


def _addresses(recipients: object) -> tuple[str, ...]:
    """As the ledger writes them; what is no address is left out."""
    found: list[str] = []
    for one in recipients if isinstance(recipients, list) else ():
        address = one.get("emailAddress") if isinstance(one, dict) else None
        if isinstance(address, str):
            try:
                found.append(parse_recipient(address).lower())
            except MalformedAddress:
                continue
    return tuple(found)

"""What SES publishes of a mail: AWS's own examples, with a delivery's tags and what a test says of them.

The records in `ses_event_records/` are those of AWS's SES developer guide, 'Examples of event data that Amazon SES
publishes to Amazon SNS'.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

from mailer.model.ses_event import EventKind

_RECORDS = Path(__file__).parent / "ses_event_records"
TOPIC = "arn:aws:sns:ap-northeast-2:123456789012:ses-events"


def example(kind: EventKind) -> dict[str, Any]:
    """AWS's example of the kind: of a mail that is none of ours."""
    found: dict[str, Any] = json.loads(_text(kind))
    return found


def record(
    kind: EventKind,
    *,
    delivery: object,
    token: str,
    job: int = 1,
    message_id: str = "010001-ses",
    to: str = "hong@example.com",
    bounce: str = "Permanent",
) -> dict[str, Any]:
    """An event of a mail of ours. `to`: whom it names; `bounce`: its type, where it is one."""
    made = example(kind)
    made["mail"] |= {"messageId": message_id, "destination": [to]}
    own = {"job": [str(job)], "delivery": [str(delivery)], "token": [token]}
    made["mail"]["tags"] = {**made["mail"].get("tags", {}), **own}
    if kind is EventKind.BOUNCE:
        made["bounce"] |= {"bounceType": bounce}
        made["bounce"]["bouncedRecipients"][0]["emailAddress"] = to
    if kind is EventKind.COMPLAINT:
        made["complaint"]["complainedRecipients"][0]["emailAddress"] = to
    return made


@cache
def _text(kind: EventKind) -> str:
    return (_RECORDS / f"{kind.value.replace(' ', '')}.json").read_text(encoding="utf-8")


def wrapped(body: str) -> str:
    """As SNS hands a message on where raw message delivery is off."""
    return json.dumps(
        {
            "Type": "Notification",
            "MessageId": "0ec3ac6d-9f51-5389-a925-f287c0aac55e",
            "TopicArn": TOPIC,
            "Message": body,
            "Timestamp": "2026-11-24T16:00:59.499Z",
            "SignatureVersion": "1",
            "Signature": "…",
            "SigningCertURL": "https://sns.ap-northeast-2.amazonaws.com/SimpleNotificationService.pem",
            "UnsubscribeURL": "https://sns.ap-northeast-2.amazonaws.com/?Action=Unsubscribe",
        },
        ensure_ascii=False,
    )

"""A mail as the body of SES's SendEmail (API v2), for either client."""

import base64
import json
from functools import lru_cache

from mailer.model.encoded_word import one_line
from mailer.model.message import Attachment, Message

_KEPT_ATTACHMENTS = 4
"""Encoded attachments that are kept for the next mail with the same file."""
_KEEPS_UP_TO = 1_000_000
"""Bytes of an attachment that is kept encoded."""


def request_body(message: Message) -> bytes:
    """SendEmail's arguments as JSON: Simple content, of which SES makes MIME for far less of our time than we would.

    Attachments are spliced in: to encode 100 KB anew for each mail costs more than to send it.
    """
    body = json.dumps(_request(message)).encode("ascii")
    if message.attachments:
        # Within a text the quotes would have backslashes.
        files = b", ".join(map(_encoded, message.attachments))
        body = body.replace(b'"Attachments": null', b'"Attachments": [%s]' % files, 1)
    return body


def _encoded(attachment: Attachment) -> bytes:
    return _kept(attachment) if len(attachment.content) <= _KEEPS_UP_TO else _encode(attachment)


def _encode(attachment: Attachment) -> bytes:
    fields = {
        "FileName": attachment.name,
        "ContentType": attachment.content_type,
        "ContentDisposition": "ATTACHMENT",
        "ContentTransferEncoding": "BASE64",
    }
    begin = json.dumps(fields).removesuffix("}").encode("ascii")
    return b'%s, "RawContent": "%s"}' % (begin, base64.b64encode(attachment.content))


@lru_cache(maxsize=_KEPT_ATTACHMENTS)
def _kept(attachment: Attachment) -> bytes:
    """The same file for many recipients: bytes keep their hash, and are equal to themselves at a glance."""
    return _encode(attachment)


def _request(message: Message) -> dict[str, object]:
    body = {kind: _utf8(text) for kind, text in (("Html", message.html), ("Text", message.text)) if text}
    simple: dict[str, object] = {"Subject": _utf8(one_line(message.subject)), "Body": body}
    if message.headers:
        simple["Headers"] = _pairs(message.headers)
    if message.attachments:
        simple["Attachments"] = None
    request: dict[str, object] = {
        "FromEmailAddress": message.sender,
        "Destination": {"ToAddresses": [message.to]},
        "Content": {"Simple": simple},
    }
    if message.reply_to:
        request["ReplyToAddresses"] = list(message.reply_to)
    if message.tags:
        request["EmailTags"] = _pairs(message.tags)
    if message.configuration_set:
        request["ConfigurationSetName"] = message.configuration_set
    return request


def _utf8(text: str) -> dict[str, str]:
    return {"Data": text, "Charset": "UTF-8"}


def _pairs(pairs: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in pairs]

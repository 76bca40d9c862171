"""What a transport sends: one mail to one recipient, every part validated before it gets here."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from mailer.errors import AttachmentTooLarge, TemplateFault
from mailer.model.encoded_word import encode_words, one_line

MAX_MESSAGE_BYTES = 40 * 1024 * 1024
"""What SES takes at most, after base64 (its quotas page: 40 MB)."""
MAX_HEADERS = 15
"""Own headers of one mail (SES API v2, Message.Headers)."""
RESERVED_HEADERS = frozenset(
    {"bcc", "cc", "date", "from", "message-id", "mime-version", "reply-to", "return-path", "subject", "to"}
    | {"dkim-signature", "domainkey-signature", "received", "sender"}
)
"""Names, lower case, that an automation may not set: what SES refuses (developer guide, 'Amazon SES header fields'),
and what mailer or the servers on the way write."""
RESERVED_PREFIXES = ("content-", "resent-", "x-mailer-tag", "x-ses-")
"""Nor any name that begins with one of these."""

_HEADER_NAME = re.compile(r"[!-9;-~]{1,126}")
_MOST_OF_A_VALUE = 995
_MOST_OF_NAME_AND_VALUE = 996
_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")
_MOST_FILE_NAME_BYTES = 120
"""Of a key in a file name: leaves room for job, delivery and ending in the 255 that file systems take."""
_MIME_OVERHEAD = 2048
"""Bytes for the headers and boundaries that SES writes around the parts of a mail, generously."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a mail. `name` as the reader sees it (NFC), `content_type` like application/pdf."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """One mail. `sender` and `reply_to` are header values, their names RFC 2047-encoded; `to` is the bare address.

    `label` names the .eml file in the outbox (no ending; may hold one folder, as in 'alerts/…'); SES does not see it.
    An empty `html` or `text` is left out of the mail.
    """

    label: str
    sender: str
    to: str
    subject: str
    html: str
    text: str
    reply_to: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    configuration_set: str | None = None


def check_header_name(name: str) -> str | None:
    """Why an automation may not have a header of that name; None where it may."""
    if not _HEADER_NAME.fullmatch(name):
        return "a header's name is 1 to 126 printable ASCII characters without blanks and ':'"
    lower = name.lower()
    if lower in RESERVED_HEADERS or lower.startswith(RESERVED_PREFIXES):
        return f"the header {name!r} is set by mailer or SES"
    return None


def check_tag(name: str, value: str) -> str | None:
    """Why SES would refuse this EmailTag; None where it takes it (API v2, MessageTag)."""
    for part in (name, value):
        if not _TAG.fullmatch(part):
            return f"the tag {name!r} holds more than letters, digits, '_' and '-', is empty, or longer than 256"
    return None


def header_value(name: str, text: str) -> str:
    """A header's value out of rendered text: on one line, as encoded words where it is not ASCII.

    Raises TemplateFault where it is longer than SES takes.
    """
    line = one_line(text)
    try:
        value = encode_words(line)
    except UnicodeError as error:
        raise TemplateFault(f"the header {name!r} holds half a character") from error
    if len(value) > _MOST_OF_A_VALUE or len(name) + len(value) > _MOST_OF_NAME_AND_VALUE:
        raise TemplateFault(
            f"the header {name!r} is longer than the {_MOST_OF_A_VALUE} characters that SES takes",
            "Shorten what the definition or the row puts into it.",
        )
    return value


def message_headers(rendered: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """`Message.headers` out of names and rendered texts; those that came out blank are left out, for SES takes none.

    Raises TemplateFault as `header_value` does, and where there are more than MAX_HEADERS.
    """
    headers = tuple((name, value) for name, text in rendered if (value := header_value(name, text)))
    if len(headers) > MAX_HEADERS:
        raise TemplateFault(f"{len(headers)} headers; SES takes {MAX_HEADERS}", "Remove some of [automation.headers].")
    return headers


def safe_file_name(key: str) -> str:
    """`key` as a part of a file name, at most 120 bytes of UTF-8; letters of any script are kept.

    Where something had to be replaced or cut, eight hexadecimal digits of the key's hash follow, so that keys that
    differ still do.
    """
    if key.isascii() and key.isalnum() and len(key) <= _MOST_FILE_NAME_BYTES:
        return key
    composed = unicodedata.normalize("NFC", key)
    safe = "".join(letter if _fits_file_name(letter) else "_" for letter in composed)
    if safe.startswith("."):
        safe = "_" + safe[1:]
    if safe == composed and safe and len(safe.encode("utf-8")) <= _MOST_FILE_NAME_BYTES:
        return safe
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    kept = safe.encode("utf-8")[: _MOST_FILE_NAME_BYTES - 1 - len(digest)].decode("utf-8", "ignore")
    return f"{kept}-{digest}"


def base64_size(content_bytes: int) -> int:
    """Bytes that so many become in a mail: base64, in lines of 76 with CR LF."""
    characters = 4 * -(-content_bytes // 3)
    return characters + 2 * -(-characters // 76)


def estimated_size(message: Message) -> int:
    """Bytes of the whole mail as SES will count them, rather too many than too few."""
    texts = (message.subject, message.html, message.text, *(attachment.name for attachment in message.attachments))
    content = sum(base64_size(len(text.encode("utf-8"))) for text in texts)
    attached = sum(base64_size(len(attachment.content)) for attachment in message.attachments)
    headers = sum(len(name) + len(value) + 4 for name, value in message.headers)
    parts = 3 + len(message.attachments)
    return content + attached + headers + parts * _MIME_OVERHEAD


def check_size(message: Message) -> None:
    """Raises AttachmentTooLarge where SES would refuse the mail for its size; says how large it would be."""
    size = estimated_size(message)
    if size > MAX_MESSAGE_BYTES:
        names = ", ".join(attachment.name for attachment in message.attachments) or "no attachment"
        raise AttachmentTooLarge(
            f"the mail would be {size / 2**20:.1f} MB in base64; SES takes {MAX_MESSAGE_BYTES // 2**20} MB ({names})",
            "Send a smaller file, or a link to it.",
        )


def _fits_file_name(letter: str) -> bool:
    """Letters, marks and digits of any script, and a few signs that no file system or shell minds."""
    return letter in "._-@+=" or unicodedata.category(letter)[0] in "LNM"

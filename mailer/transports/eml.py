"""A mail as the bytes of an .eml file, composed by the standard library's email package."""

import base64
import hashlib
from collections.abc import Iterator
from datetime import datetime
from email.message import Message as Part
from email.policy import Compat32
from email.utils import format_datetime
from urllib.parse import quote

from mailer.model.encoded_word import encode_words, one_line
from mailer.model.message import Attachment, Message

_LINE = 78
"""Characters that a header line should not exceed (RFC 5322, 2.1.1)."""
_PARAMETER_PIECE = 60


class _AsGiven(Compat32):
    """Writes header lines that fit as they are. Header values come encoded already, and folding each costs 50 µs."""

    def fold_binary(self, name: str, value: str) -> bytes:
        """The header's line or lines."""
        line = f"{name}: {value}"
        if len(line) > _LINE or "\n" in line:
            return super().fold_binary(name, value)
        return f"{line}{self.linesep}".encode("ascii", "surrogateescape")


_POLICY = _AsGiven(linesep="\r\n")


def compose(message: Message, *, message_id: str, date: datetime) -> bytes:
    """The whole mail: headers, HTML and text as alternatives, attachments. `date` is aware.

    Raises UnicodeError where a text holds half a character (a lone surrogate).
    """
    body = _body(message)
    whole = _multipart("mixed", [body, *map(_attached, message.attachments)]) if message.attachments else body
    whole["MIME-Version"] = "1.0"
    for name, value in _headers(message, message_id, date):
        whole[name] = value
    return whole.as_bytes(policy=_POLICY)


def message_id(message: Message) -> str:
    """The same Message-ID for the same delivery: its tags, or its label's hash, at the sender's domain."""
    domain = message.sender.rpartition("@")[2].rstrip(">")
    local = ".".join(value for _, value in message.tags)
    if not local:
        local = hashlib.sha256(message.label.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"<{local}@{domain}>"


def _headers(message: Message, message_id: str, date: datetime) -> Iterator[tuple[str, str]]:
    yield "Message-ID", message_id
    yield "Date", format_datetime(date)
    yield "From", message.sender
    yield "To", message.to
    if message.reply_to:
        yield "Reply-To", ", ".join(message.reply_to)
    yield "Subject", encode_words(one_line(message.subject))
    yield from message.headers
    for name, value in message.tags:
        yield "X-Mailer-Tag", f"{name}={value}"


def _body(message: Message) -> Part:
    texts = [_text(text, kind) for kind, text in (("plain", message.text), ("html", message.html)) if text]
    return texts[0] if len(texts) == 1 else _multipart("alternative", texts)


def _text(text: str, subtype: str) -> Part:
    return _encoded(text.encode("utf-8"), f'text/{subtype}; charset="utf-8"')


def _attached(attachment: Attachment) -> Part:
    part = _encoded(attachment.content, attachment.content_type)
    part["Content-Disposition"] = "; ".join(["attachment", *_file_name_parameters(attachment.name)])
    return part


def _encoded(content: bytes, content_type: str) -> Part:
    part = Part(_POLICY)
    part["Content-Type"] = content_type
    part["Content-Transfer-Encoding"] = "base64"
    part.set_payload(base64.encodebytes(content).decode("ascii"))
    return part


def _multipart(subtype: str, parts: list[Part]) -> Part:
    whole = Part(_POLICY)
    # Base64 never holds '=_', so a fixed boundary can't occur in a part (RFC 2045, 6.7).
    whole["Content-Type"] = f'multipart/{subtype}; boundary="=_{subtype}"'
    for part in parts:
        whole.attach(part)
    return whole


def _file_name_parameters(name: str) -> list[str]:
    """The parameter `filename`: quoted ASCII, or percent-encoded UTF-8 in numbered pieces (RFC 2231, 3 and 4)."""
    plain = one_line(name)
    if plain.isascii() and len(plain) <= _PARAMETER_PIECE and '"' not in plain and "\\" not in plain:
        return [f'filename="{plain}"']
    pieces = [""]
    for letter in plain:
        encoded = quote(letter, safe="")
        if len(pieces[-1]) + len(encoded) > _PARAMETER_PIECE:
            pieces.append("")
        pieces[-1] += encoded
    pieces[0] = f"utf-8''{pieces[0]}"
    if len(pieces) == 1:
        return [f"filename*={pieces[0]}"]
    return [f"filename*{number}*={piece}" for number, piece in enumerate(pieces)]

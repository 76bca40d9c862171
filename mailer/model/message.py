"""What a transport sends: one mail to one recipient, every part validated before it gets here."""

from dataclasses import dataclass


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

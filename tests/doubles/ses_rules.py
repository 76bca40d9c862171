"""What SES refuses in a SendEmail call for what it says: the limits of its API model, and of its address parser."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from tests.doubles.ses_faults import ANSWERS, Answer

MAX_BODY = 41_943_040
_DISALLOWED = frozenset(
    {"bcc", "cc", "content-disposition", "content-type", "date", "from"}
    | {"message-id", "mime-version", "reply-to", "return-path", "subject", "to"}
)
_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")
_HEADER_NAME = re.compile(r"[!-9;-~]{1,126}")
_PRINTABLE = re.compile(r"[ -~]{1,995}")
_LOCAL = re.compile(r"(?:[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+|\"[ -~]+\")")
_DOMAIN = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")


def refusal(
    request: Mapping[str, Any],
    *,
    verified: Collection[str] | None,
    sandbox: bool,
    configuration_sets: Collection[str] | None,
) -> Answer | None:
    """Why SES would refuse this; None where it would accept. `verified` None: every identity is."""
    fault = next(_faults(request), None)
    if fault is not None:
        return Answer(400, "BadRequestException", fault)
    name = request.get("ConfigurationSetName")
    if name and configuration_sets is not None and name not in configuration_sets:
        return Answer(404, "NotFoundException", f"Configuration set <{name}> does not exist.")
    if verified is not None and not is_verified(request["FromEmailAddress"], verified):
        return ANSWERS["unverified-sender"]
    if verified is not None and sandbox and not is_verified(request["Destination"]["ToAddresses"][0], verified):
        return ANSWERS["unverified-recipient"]
    return None


def is_verified(address: str, verified: Collection[str]) -> bool:
    """Whether the address itself, its domain or a domain above is among the verified identities."""
    plain = _plain(address).lower()
    domain = plain.rpartition("@")[2]
    return plain in verified or any(domain == one or domain.endswith("." + one) for one in verified)


def _plain(mailbox: str) -> str:
    """The address in 'name <address>'; the standard library's parser would take a fifth of the double's time."""
    return mailbox.rpartition("<")[2].removesuffix(">")


def _faults(request: Mapping[str, Any]) -> Iterator[str]:
    yield from _address_faults(request)
    simple = request.get("Content", {}).get("Simple")
    if not isinstance(simple, dict):
        yield "Content must have Simple"
        return
    subject = simple.get("Subject", {}).get("Data")
    if not isinstance(subject, str):
        yield "Subject is missing"
    elif "\n" in subject or "\r" in subject:
        yield "Subject contains a line break"
    body = simple.get("Body", {})
    if not (body.get("Html", {}).get("Data") or body.get("Text", {}).get("Data")):
        yield "Body must have Html or Text"
    yield from _header_faults(simple.get("Headers", []))
    yield from _attachment_faults(simple.get("Attachments", []))
    yield from _tag_faults(request.get("EmailTags", []))


def _address_faults(request: Mapping[str, Any]) -> Iterator[str]:
    sender = request.get("FromEmailAddress")
    if not sender:
        yield "FromEmailAddress is missing"
        return
    yield from _mailbox_faults(sender)
    recipients = request.get("Destination", {}).get("ToAddresses", [])
    if not 1 <= len(recipients) <= 50:
        yield "Destination must have 1 to 50 recipients"
    for mailbox in (*recipients, *request.get("ReplyToAddresses", [])):
        yield from _mailbox_faults(mailbox)


def _mailbox_faults(mailbox: str) -> Iterator[str]:
    if not mailbox.isascii() or not mailbox.isprintable():
        yield "Local address contains control or non-ASCII characters"
        return
    local, at, domain = _plain(mailbox).rpartition("@")
    if not at or not domain:
        yield "Missing final '@domain'"
    elif not _LOCAL.fullmatch(local):
        yield "Local address contains illegal character"
    elif not _DOMAIN.fullmatch(domain):
        yield "Domain contains illegal character"


def _header_faults(headers: list[Mapping[str, str]]) -> Iterator[str]:
    if len(headers) > 15:
        yield "Headers must have at most 15 entries"
    for header in headers:
        name, value = header["Name"], header["Value"]
        if not _HEADER_NAME.fullmatch(name) or name.lower() in _DISALLOWED:
            yield f"Header name <{name}> is not allowed"
        if not _PRINTABLE.fullmatch(value) or len(name) + len(value) > 996:
            yield f"Header value of <{name}> is invalid"
    for name, times in Counter(header["Name"].lower() for header in headers).items():
        if times > 1:
            yield f"Header <{name}> appears more than once"


def _attachment_faults(attachments: list[Mapping[str, str]]) -> Iterator[str]:
    for attachment in attachments:
        if not 1 <= len(attachment.get("FileName", "")) <= 255:
            yield "Attachment FileName must have 1 to 255 characters"
        if not 1 <= len(attachment.get("ContentType", "x")) <= 78:
            yield "Attachment ContentType must have 1 to 78 characters"
        if "RawContent" not in attachment:
            yield "Attachment RawContent is missing"


def _tag_faults(tags: list[Mapping[str, str]]) -> Iterator[str]:
    for tag in tags:
        for part in (tag.get("Name", ""), tag.get("Value", "")):
            if not _TAG.fullmatch(part):
                yield f"Invalid tag <{part}>, only alphanumeric ASCII characters, '_' and '-' are allowed"
    if len({tag["Name"] for tag in tags}) < len(tags):
        yield "Duplicate tag names"

"""What the double of SES accepted."""

import base64
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Attached:
    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Mail:
    """One accepted mail. `at`: seconds since the epoch, when the whole request had come."""

    id: str
    at: float
    to: str
    sender: str
    subject: str
    html: str
    text: str
    reply_to: tuple[str, ...]
    headers: tuple[tuple[str, str], ...]
    attachments: tuple[Attached, ...]
    tags: Mapping[str, str]
    configuration_set: str | None

    def as_json(self) -> dict[str, Any]:
        """For a file or another process; bytes in base64."""
        whole = asdict(self)
        for attachment in whole["attachments"]:
            attachment["content"] = base64.b64encode(attachment["content"]).decode("ascii")
        return whole


def mail_of(request: Mapping[str, Any], *, identity: str, at: float, keep_content: bool = True) -> Mail:
    """The mail that a SendEmail request, known to be right, asks for; without its content if that is not wanted."""
    simple = request["Content"]["Simple"]
    return Mail(
        id=identity,
        at=at,
        to=request["Destination"]["ToAddresses"][0],
        sender=request["FromEmailAddress"],
        subject=simple["Subject"]["Data"],
        html=simple["Body"].get("Html", {}).get("Data", "") if keep_content else "",
        text=simple["Body"].get("Text", {}).get("Data", "") if keep_content else "",
        reply_to=tuple(request.get("ReplyToAddresses", ())),
        headers=tuple((header["Name"], header["Value"]) for header in simple.get("Headers", ())),
        attachments=tuple(
            Attached(one["FileName"], one.get("ContentType", ""), base64.b64decode(one["RawContent"]))
            for one in (simple.get("Attachments", ()) if keep_content else ())
        ),
        tags={tag["Name"]: tag["Value"] for tag in request.get("EmailTags", ())},
        configuration_set=request.get("ConfigurationSetName"),
    )


def mail_from_json(whole: Mapping[str, Any]) -> Mail:
    """What `Mail.as_json` wrote."""
    attachments = tuple(
        Attached(one["name"], one["content_type"], base64.b64decode(one["content"])) for one in whole["attachments"]
    )
    headers = tuple((name, value) for name, value in whole["headers"])
    return Mail(**{**whole, "attachments": attachments, "headers": headers, "reply_to": tuple(whole["reply_to"])})

"""What SES says about the account and its identities; for the rate at start, and for `doctor`."""

from collections.abc import Awaitable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parseaddr, parsedate_to_datetime
from typing import Protocol, TypedDict, TypeVar

import anyio
from botocore.exceptions import BotoCoreError, ClientError, NoRegionError, ProfileNotFound

from mailer.errors import TransportAway
from mailer.transports.ses_errors import CREDENTIAL_ERRORS, shown

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Account:
    """An SES account in one region, as GetAccount shows it. Rates and quotas count recipients."""

    max_rate: float
    """Mails per second."""
    max_24h: float
    """Mails in any 24 hours; -1: no limit."""
    sent_24h: float
    """By everybody who uses the account."""
    sending_enabled: bool
    production_access: bool
    """False: the sandbox, where every recipient must be verified."""
    enforcement_status: str
    """HEALTHY, PROBATION or SHUTDOWN."""
    answered_at: datetime | None = field(default=None, compare=False)
    """By SES's own clock, in whole seconds; None where it did not say."""


class _Quota(TypedDict, total=False):
    MaxSendRate: float
    Max24HourSend: float
    SentLast24Hours: float


class _Metadata(TypedDict, total=False):
    HTTPHeaders: dict[str, str]


class _AccountAnswer(TypedDict, total=False):
    SendQuota: _Quota
    SendingEnabled: bool
    ProductionAccessEnabled: bool
    EnforcementStatus: str
    ResponseMetadata: _Metadata


class _IdentityAnswer(TypedDict, total=False):
    VerifiedForSendingStatus: bool


class AskingClient(Protocol):
    """The two operations of an sesv2 client that read."""

    def get_account(self) -> Awaitable[_AccountAnswer]:
        """The account's quota and state."""
        ...

    def get_email_identity(self, *, EmailIdentity: str) -> Awaitable[_IdentityAnswer]:  # noqa: N803 - the SDK's name
        """The state of an address or a domain."""
        ...


class _WillNotSay(Exception):
    """SES answered, and refused this question."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


async def read_account(client: AskingClient, *, timeout: float) -> Account | None:
    """The account; None where SES won't say (these credentials may not call ses:GetAccount). Raises TransportAway."""
    try:
        answer = await _ask(client.get_account(), timeout)
    except _WillNotSay:
        return None
    quota = answer.get("SendQuota", {})
    return Account(
        max_rate=quota.get("MaxSendRate", 0.0),
        max_24h=quota.get("Max24HourSend", 0.0),
        sent_24h=quota.get("SentLast24Hours", 0.0),
        sending_enabled=answer.get("SendingEnabled", False),
        production_access=answer.get("ProductionAccessEnabled", False),
        enforcement_status=answer.get("EnforcementStatus", ""),
        answered_at=_date(answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date", "")),
    )


async def is_verified(client: AskingClient, sender: str, *, timeout: float) -> bool | None:
    """Whether SES may send from this header address: it, its domain or a domain above is a verified identity.

    None where SES won't say (ses:GetEmailIdentity). Raises TransportAway.
    """
    for identity in _identities(sender):
        try:
            answer = await _ask(client.get_email_identity(EmailIdentity=identity), timeout)
        except _WillNotSay as refusal:
            if refusal.code == "NotFoundException":
                continue
            return None
        if answer.get("VerifiedForSendingStatus"):
            return True
    return False


def away(error: Exception) -> TransportAway:
    """The error for a person who asked something of SES and could not be answered."""
    said = shown(str(error))
    if isinstance(error, NoRegionError):
        return TransportAway("no AWS region is set", "Set AWS_REGION, for example to ap-northeast-2.")
    if isinstance(error, (*CREDENTIAL_ERRORS, ProfileNotFound)):
        return TransportAway(
            f"no usable AWS credentials: {said}",
            "Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give this machine a role.",
        )
    if isinstance(error, ClientError) and _status(error) == 403:
        return TransportAway(
            f"SES refuses the AWS credentials: {said}",
            "Check the credentials and their permissions, and this machine's clock.",
        )
    return TransportAway(
        f"SES can't be asked: {said or type(error).__name__}",
        "Check the network, the proxy, AWS_REGION and AWS_ENDPOINT_URL_SESV2.",
    )


async def _ask(call: Awaitable[_Answer], timeout: float) -> _Answer:
    try:
        with anyio.fail_after(timeout):
            return await call
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        # A bare 404: an endpoint that does not know the operation, as some doubles of SES.
        if code in {"AccessDenied", "AccessDeniedException", "NotFoundException", "404"}:
            raise _WillNotSay(code) from error
        raise away(error) from error
    except TimeoutError as error:
        raise away(TimeoutError(f"no answer within {timeout:g} s")) from error
    except (BotoCoreError, OSError) as error:
        raise away(error) from error


def _identities(sender: str) -> Iterator[str]:
    """The address, its domain, and the domains above that have a dot: verifying one covers those below it."""
    address = parseaddr(sender)[1]
    yield address
    domain = address.rpartition("@")[2]
    while "." in domain:
        yield domain
        domain = domain.partition(".")[2]


def _date(header: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))

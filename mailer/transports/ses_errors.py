"""What an error of the AWS SDK means for the mail that was being sent.

Two questions decide: is it certain that SES did not accept the mail (if not: NoAnswer, never sent again by itself), and
whose fault is it: this recipient's, the whole job's, the account's, or nobody's.
Codes and texts: SES API v2, SendEmail, 'Errors'; the developer guide on sending quotas; other people's logs where AWS
is silent.
"""

import re
import socket

import aiohttp
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoAuthTokenError,
    NoCredentialsError,
    PartialCredentialsError,
    ProxyConnectionError,
    SSLError,
    SSOError,
    TokenRetrievalError,
)

from mailer.model.address import mask_addresses
from mailer.model.encoded_word import one_line
from mailer.model.message import Message
from mailer.model.outcome import (
    AccountPaused,
    JobRefused,
    NoAnswer,
    NotAccepted,
    RecipientRefused,
    Refused,
    Throttled,
    TransportDown,
)

CREDENTIAL_ERRORS = (
    CredentialRetrievalError,
    NoAuthTokenError,
    NoCredentialsError,
    PartialCredentialsError,
    SSOError,
    TokenRetrievalError,
)
"""Raised before a request is signed, so before anything left."""

_MOST_TEXT = 500
_ACCOUNT = {"AccountSuspendedException", "LimitExceededException", "SendingPausedException"}
_CREDENTIALS = {
    "AccessDenied",
    "AccessDeniedException",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
"""Some of these come with status 400 as well as 403."""
_JOB = {"MailFromDomainNotVerifiedException", "NotFoundException"}
_RATE = re.compile(r"sending rate exceeded", re.IGNORECASE)
_QUOTA_OR_PAUSE = re.compile(r"daily (message|sending) quota exceeded|sending (is )?paused", re.IGNORECASE)
_NOT_VERIFIED = re.compile(r"address(es)? (is|are) not verified", re.IGNORECASE)
_IDENTITIES = re.compile(r"failed the check in region [\w-]+:\s*(.+)", re.IGNORECASE | re.DOTALL)
# "Missing final '@domain'", "Local address contains …", "Domain starts with dot", "Invalid email address .".
_ABOUT_AN_ADDRESS = re.compile(r"address|domain|local name|recipient", re.IGNORECASE)


def outcome_of(error: Exception, message: Message) -> NotAccepted | NoAnswer:
    """What became of `message` when sending it raised `error`; anything unknown is NoAnswer."""
    if isinstance(error, ClientError):
        return _outcome_of_answer(error, message)
    code, text = type(error).__name__, shown(str(error))
    if _never_connected(error):
        return TransportDown(code, text)
    if isinstance(error, CREDENTIAL_ERRORS):
        return AccountPaused(code, text)
    if isinstance(error, EndpointConnectionError):
        text = f"the connection broke before SES answered: {shown(str(error.kwargs.get('error')))}"
    return NoAnswer(code, text)


def _never_connected(error: Exception) -> bool:
    """Whether no byte of the request can have reached SES.

    botocore says 'Could not connect' also for a connection that was reset after the whole request had gone out; only
    what aiohttp raised below it tells.
    """
    if isinstance(error, EndpointConnectionError):
        return isinstance(error.kwargs.get("error"), (aiohttp.ClientConnectorError, socket.gaierror))
    return isinstance(error, (ConnectTimeoutError, ProxyConnectionError, SSLError))


def _outcome_of_answer(error: ClientError, message: Message) -> NotAccepted | NoAnswer:
    answer = error.response
    code = str(answer.get("Error", {}).get("Code", ""))
    said = str(answer.get("Error", {}).get("Message", ""))
    status = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    text = shown(said or f"HTTP status {status}")
    if status >= 500 or not status:
        return NoAnswer(code, text)
    if _QUOTA_OR_PAUSE.search(said):
        return AccountPaused(code, text)
    if status == 429 or "Throttl" in code or _RATE.search(said):
        return Throttled(code, text)
    if not code or code.isdigit():
        return TransportDown(code, f"not SES, but something on the way to it answered: {text}")
    if status == 403 or code in _CREDENTIALS or code in _ACCOUNT:
        return AccountPaused(code, text)
    return _refusal(code, said, message)(code, text)


def _refusal(code: str, said: str, message: Message) -> type[JobRefused] | type[RecipientRefused] | type[Refused]:
    """Whose fault a 4xx answer is that concerns neither rate nor account."""
    if code in _JOB:
        return JobRefused
    if code == "MessageRejected":
        not_verified = _NOT_VERIFIED.search(said) and not _names_recipient_alone(said, message)
        return JobRefused if not_verified else RecipientRefused
    if code == "BadRequestException" and _ABOUT_AN_ADDRESS.search(said):
        return RecipientRefused
    return Refused


def _names_recipient_alone(said: str, message: Message) -> bool:
    """Whether the unverified identity is the recipient, which SES checks in the sandbox, and not the sender."""
    listed = _IDENTITIES.search(said)
    if listed is None:
        return False
    identities = {identity.strip().lower() for identity in listed[1].split(",")}
    recipient = message.to.lower()
    return identities == {recipient} and recipient not in message.sender.lower()


def shown(text: str) -> str:
    """What SES or the SDK said, for ledger and screen: on one line, bounded, no address in full."""
    return mask_addresses(one_line(text)[: 4 * _MOST_TEXT])[:_MOST_TEXT]

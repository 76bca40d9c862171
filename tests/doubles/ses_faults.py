"""What can go wrong with a call of SES, by name, and the script of what goes wrong when."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """An error as SES sends it; without a `code` it is not SES that answered. The text may use {to}, {sender}."""

    status: int
    code: str
    message: str


_NOT_VERIFIED = "Email address is not verified. The following identities failed the check in region AP-NORTHEAST-2: "
_PAUSED = (
    "Sending paused for this account. For more information, please check the inbox of the email address "
    "associated with your AWS account."
)

ANSWERS = {
    "rate": Answer(429, "TooManyRequestsException", "Maximum sending rate exceeded."),
    "rate-400": Answer(400, "ThrottlingException", "Maximum sending rate exceeded."),
    "quota": Answer(400, "LimitExceededException", "Daily message quota exceeded."),
    "quota-throttling": Answer(400, "Throttling", "Daily message quota exceeded"),
    "paused": Answer(400, "SendingPausedException", _PAUSED),
    "paused-rejected": Answer(400, "MessageRejected", _PAUSED),
    "suspended": Answer(400, "AccountSuspendedException", "The account's ability to send email has been suspended."),
    "expired-token": Answer(403, "ExpiredTokenException", "The security token included in the request is expired"),
    "unknown-key": Answer(403, "UnrecognizedClientException", "The security token included in the request is invalid."),
    "signature": Answer(403, "SignatureDoesNotMatch", "Signature expired: 20261124T000000Z is now earlier than …"),
    "access-denied": Answer(403, "AccessDeniedException", "User is not authorized to perform: ses:SendEmail"),
    "mail-from": Answer(400, "MailFromDomainNotVerifiedException", "The MAIL FROM domain is not verified."),
    "configuration-set": Answer(404, "NotFoundException", "Configuration set <monthly> does not exist."),
    "unverified-sender": Answer(400, "MessageRejected", _NOT_VERIFIED + "{sender}"),
    "unverified-recipient": Answer(400, "MessageRejected", _NOT_VERIFIED + "{to}"),
    "unverified-both": Answer(400, "MessageRejected", _NOT_VERIFIED + "{sender}, {to}"),
    "content": Answer(
        400, "MessageRejected", "Transaction failed: Unsupported attachment type: application/x-msdownload"
    ),
    "bad-address": Answer(400, "BadRequestException", "Missing final '@domain'"),
    "bad-request": Answer(
        400, "BadRequestException", "Invalid tag value <…>, only alphanumeric ASCII characters are allowed"
    ),
    "conflict": Answer(409, "ConflictException", "The resource is being modified by another request."),
    "500": Answer(500, "InternalServiceErrorException", "An internal error occurred."),
    "503": Answer(503, "ServiceUnavailableException", "Service is unavailable."),
    "proxy-404": Answer(404, "", "<html><body>404 Not Found</body></html>"),
    "proxy-413": Answer(413, "", "<html><body>413 Request Entity Too Large</body></html>"),
    "proxy-502": Answer(502, "", "<html><body>502 Bad Gateway</body></html>"),
}
"""Nothing is accepted."""

AFTER_ACCEPTING = {
    "hang": "the answer never comes",
    "half": "the connection ends in the middle of the answer",
    "reset": "the connection is reset instead of an answer",
    "close": "the connection is closed instead of an answer",
    "lost-500": "the answer is a 500",
    "late": "the answer comes after `seconds`",
}
BEFORE_ACCEPTING = {
    "hang-before": "the answer never comes",
    "reset-before": "the connection is reset instead of an answer",
    "close-before": "the connection is closed instead of an answer",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One line of the script: what, to whom or to which call, how often."""

    kind: str
    to: str | None = None
    """Only mails to this recipient."""
    nth: int | None = None
    """Only this SendEmail call, counted from 1 since the start."""
    times: int | None = 1
    """How many calls meet it; None: all until the script is cleared."""
    seconds: float = 0.0
    """How long until the answer."""

    def __post_init__(self) -> None:
        if self.kind not in ANSWERS | AFTER_ACCEPTING | BEFORE_ACCEPTING:
            raise ValueError(f"no such fault: {self.kind!r}")


class Script:
    """The faults to come; the first that fits a call is used up by it."""

    def __init__(self) -> None:
        self._lines: list[tuple[Fault, int | None]] = []

    def add(self, fault: Fault) -> None:
        self._lines.append((fault, fault.times))

    def clear(self) -> None:
        self._lines.clear()

    def next(self, call: int, recipient: str) -> Fault | None:
        """The fault that call number `call`, to `recipient`, meets."""
        for place, (fault, left) in enumerate(self._lines):
            if fault.nth not in {None, call} or fault.to not in {None, recipient}:
                continue
            if left == 1:
                del self._lines[place]
            elif left is not None:
                self._lines[place] = (fault, left - 1)
            return fault
        return None

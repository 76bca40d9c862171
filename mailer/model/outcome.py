"""What a transport can say of one call, as the decision that follows from it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Accepted:
    """The mail is taken; `message_id` as it came."""

    message_id: str


@dataclass(frozen=True, slots=True)
class _Refusal:
    code: str
    text: str


class RecipientRefused(_Refusal):
    """Refused for good because of this recipient or this content: FAILED."""


class Refused(_Refusal):
    """Provably not accepted, for a reason that names neither account nor recipient: tried again, and counted."""


class Throttled(_Refusal):
    """Provably not accepted: the account sends too fast. Slow down and try again; never counted."""


class TransportDown(_Refusal):
    """Provably not accepted: nothing could be reached or written. Nobody is failed for it; wait and go on."""


class AccountPaused(_Refusal):
    """Provably not accepted: the account may not send now (quota, pause, suspension, credentials). Wait and go on."""


class JobRefused(_Refusal):
    """Provably not accepted, for a reason that holds for the whole job (sender, configuration set): the job stops."""


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Nobody knows whether it was accepted: UNKNOWN, never sent again without proof or policy."""

    code: str
    text: str


NotAccepted = RecipientRefused | Refused | Throttled | TransportDown | AccountPaused | JobRefused
Outcome = Accepted | NotAccepted | NoAnswer

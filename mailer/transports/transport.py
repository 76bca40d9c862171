"""The port of a transport."""

from typing import Protocol

from mailer.model.message import Message
from mailer.model.outcome import Outcome


class Transport(Protocol):
    """Sends mails; opened by `async with`, used by many deliveries at once."""

    async def ready(self) -> None:
        """Renews what a call would have to wait for, such as credentials; awaited before a delivery is SENDING.

        Returns at once where nothing is to be done, and within seconds in any case; what fails is the call's to tell.
        """
        ...

    async def send(self, message: Message, *, timeout: float) -> Outcome:
        """One try, never repeated inside. `timeout` bounds the whole call, in seconds.

        Everything that can go wrong is an `Outcome`; past the timeout it is `NoAnswer` where the request may have
        left, and a refusal only where it provably was not accepted. Cancelled: not known.
        """
        ...

    async def max_rate(self) -> float | None:
        """Mails per second that the account allows; None where it can't be asked. Raises TransportAway."""
        ...

    async def __aenter__(self) -> "Transport": ...

    async def __aexit__(self, *details: object) -> None: ...

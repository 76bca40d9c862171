"""SES by its API v2, through the AWS SDK (aioboto3)."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from contextvars import ContextVar
from importlib.metadata import version
from typing import Protocol, TypedDict, cast

import aioboto3
from aiobotocore.config import AioConfig
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from mailer.model.message import Message
from mailer.model.outcome import Accepted, AccountPaused, NoAnswer, Outcome
from mailer.transports.ses_account import Account, AskingClient, away, is_verified, read_account
from mailer.transports.ses_errors import outcome_of, shown
from mailer.transports.ses_request import request_body
from mailer.transports.sigv4 import Credentials

_body: ContextVar[bytes] = ContextVar("body of this task's call")

USER_AGENT = f"mailer/{version('mailer')}"


class _SendAnswer(TypedDict, total=False):
    MessageId: str


class _ClientConfig(Protocol):
    sigv4a_signing_region_set: str | None


class _Events(Protocol):
    def register(self, event_name: str, handler: Callable[..., None]) -> None: ...


class _ClientMeta(Protocol):
    events: _Events
    endpoint_url: str
    region_name: str
    config: _ClientConfig


class _Client(AskingClient, Protocol):
    meta: _ClientMeta

    def send_email(self, **request: object) -> Awaitable[_SendAnswer]: ...


class _Credentials(Protocol):
    async def get_frozen_credentials(self) -> Credentials: ...


class SesTransport:
    """Sends each mail by one SendEmail call, which is never repeated: SES has no token that would make that safe.

    Endpoint, region and credentials come from the AWS SDK's own variables and files. `max_connections` must be at least
    the number of deliveries in flight: waiting for a connection would be time between the last check and the call.
    Timeouts are in seconds; `read_timeout` counts each read, so `send` has a deadline of its own beside it.
    """

    def __init__(self, *, max_connections: int = 100, connect_timeout: float = 3.0, read_timeout: float = 18.0) -> None:
        self._patience = connect_timeout + read_timeout
        self._settings = {
            "connect_timeout": connect_timeout,
            "read_timeout": read_timeout,
            # Made anew for each call otherwise, at 13 % of its cost.
            "user_agent": USER_AGENT,
        }
        self._max_connections = max_connections
        self._open = AsyncExitStack()
        self._client: _Client
        self._asking: AskingClient
        self._credentials: _Credentials

    async def ready(self) -> None:
        """See `Transport.ready`: the credentials of a role, first or once more."""
        with suppress(TimeoutError, BotoCoreError, ClientError, OSError, RuntimeError):
            async with asyncio.timeout(self._patience):
                await self._credentials.get_frozen_credentials()

    async def send(self, message: Message, *, timeout: float) -> Outcome:
        """One SendEmail call. Past `timeout` seconds NoAnswer, for an upload or a slow trickle has no other bound."""
        may_have_left = False
        try:
            async with asyncio.timeout(timeout) as limit:
                # Apart from the call: a renewal that hangs or fails leaves no doubt about the mail.
                credentials = await self._credentials.get_frozen_credentials()
                may_have_left = True
                return Accepted(await self._call(message, credentials))
        except Exception as error:  # noqa: BLE001 - whatever it is, the mail may have left; a cancellation passes
            if isinstance(error, TimeoutError) and limit.expired():
                return self._no_answer(timeout, may_have_left=may_have_left)
            if may_have_left:
                return outcome_of(error, message)
            return AccountPaused(type(error).__name__, f"the AWS credentials can't be renewed: {shown(str(error))}")

    async def _call(self, message: Message, credentials: Credentials) -> str:
        """SES's MessageId. Raises what the AWS SDK raises; `outcome_of` knows whether the mail may have left."""
        del credentials  # the SDK takes the same ones itself
        _body.set(request_body(message))
        answer = await self._client.send_email(Content={})
        return answer["MessageId"]

    def _no_answer(self, timeout: float, *, may_have_left: bool) -> Outcome:
        if may_have_left:
            return NoAnswer("Timeout", f"no answer from SES within {timeout:g} s")
        return AccountPaused("Timeout", f"the AWS credentials were not renewed within {timeout:g} s")

    async def max_rate(self) -> float | None:
        """The account's MaxSendRate, per second; None where these credentials may not ask. Raises TransportAway."""
        account = await self.account()
        return account.max_rate if account and account.max_rate > 0 else None

    async def account(self) -> Account | None:
        """The account's quota and state; None where these credentials may not ask. Raises TransportAway."""
        return await read_account(self._asking, timeout=self._patience)

    async def identity_verified(self, sender: str) -> bool | None:
        """Whether SES may send from the header address `sender`; None where it won't say. Raises TransportAway."""
        return await is_verified(self._asking, sender, timeout=self._patience)

    async def __aenter__(self) -> "SesTransport":
        """Opens the connections' pool. Raises TransportAway where region or credentials are missing."""
        async with AsyncExitStack() as opening:
            try:
                # Of all the AWS SDKs, Python's alone does not read AWS_REGION.
                session = aioboto3.Session(region_name=os.environ.get("AWS_REGION"))
                self._client = await opening.enter_async_context(session.client("sesv2", config=self._sending_config()))
                self._client.meta.events.register("before-call.sesv2.SendEmail", _put_body)
                self._asking = await opening.enter_async_context(session.client("sesv2", config=self._asking_config()))
                # Looked for once: a client that was made without credentials never gets any.
                credentials = await session.get_credentials()
            except (BotoCoreError, ValueError) as error:
                raise away(error) from error
            if credentials is None:
                raise away(NoCredentialsError())
            self._credentials = cast("_Credentials", credentials)
            self._open = opening.pop_all()
        return self

    async def __aexit__(self, *details: object) -> None:
        await self._open.aclose()

    def _sending_config(self) -> AioConfig:
        """Without the SDK's retries, which send a mail up to five times, and its check of parameters, which costs."""
        return AioConfig(
            retries={"mode": "standard", "total_max_attempts": 1},
            parameter_validation=False,
            max_pool_connections=self._max_connections,
            **self._settings,
        )

    def _asking_config(self) -> AioConfig:
        """With retries: to ask again is harmless, and all but sending is limited to one call a second."""
        return AioConfig(
            retries={"mode": "standard", "total_max_attempts": 3}, max_pool_connections=1, **self._settings
        )


def _put_body(params: dict[str, object], **_: object) -> None:
    """The SDK's hook before it signs: its own encoding takes several times as long, and far more with an attachment."""
    params["body"] = _body.get()

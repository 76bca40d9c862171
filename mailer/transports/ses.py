"""SES by its API v2, through the AWS SDK (aioboto3)."""

import os
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from importlib.metadata import version
from typing import Protocol, TypedDict, cast

import aioboto3
import anyio
from aiobotocore.config import AioConfig
from botocore.exceptions import BotoCoreError, NoCredentialsError

from mailer.model.encoded_word import one_line
from mailer.model.message import Message
from mailer.model.outcome import Accepted, AccountPaused, NoAnswer, Outcome
from mailer.transports.ses_account import Account, AskingClient, away, is_verified, read_account
from mailer.transports.ses_errors import outcome_of, shown


class _SendAnswer(TypedDict, total=False):
    MessageId: str


class _Client(AskingClient, Protocol):
    def send_email(self, **request: object) -> Awaitable[_SendAnswer]: ...


class _Credentials(Protocol):
    async def get_frozen_credentials(self) -> object: ...


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
            "user_agent": f"mailer/{version('mailer')}",
        }
        self._max_connections = max_connections
        self._open = AsyncExitStack()
        self._client: _Client
        self._asking: AskingClient
        self._credentials: _Credentials

    async def send(self, message: Message, *, timeout: float) -> Outcome:
        """One SendEmail call. Past `timeout` seconds NoAnswer, for an upload or a slow trickle has no other bound."""
        request = _request(message)
        may_have_left = False
        try:
            with anyio.move_on_after(timeout):
                # Apart from the call: a renewal that hangs or fails leaves no doubt about the mail.
                await self._credentials.get_frozen_credentials()
                may_have_left = True
                answer = await self._client.send_email(**request)
                return Accepted(answer["MessageId"])
        except Exception as error:  # noqa: BLE001 - whatever it is, the mail may have left; a cancellation passes
            if may_have_left:
                return outcome_of(error, message)
            return AccountPaused(type(error).__name__, f"the AWS credentials can't be renewed: {shown(str(error))}")
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


def _request(message: Message) -> dict[str, object]:
    """The arguments of SendEmail: Simple content, which SES makes MIME of for far less of our time."""
    body = {kind: _utf8(text) for kind, text in (("Html", message.html), ("Text", message.text)) if text}
    simple: dict[str, object] = {"Subject": _utf8(one_line(message.subject)), "Body": body}
    if message.headers:
        simple["Headers"] = _pairs(message.headers)
    if message.attachments:
        simple["Attachments"] = [
            {
                "FileName": attachment.name,
                "ContentType": attachment.content_type,
                "ContentDisposition": "ATTACHMENT",
                "ContentTransferEncoding": "BASE64",
                "RawContent": attachment.content,
            }
            for attachment in message.attachments
        ]
    request: dict[str, object] = {
        "FromEmailAddress": message.sender,
        "Destination": {"ToAddresses": [message.to]},
        "Content": {"Simple": simple},
    }
    if message.reply_to:
        request["ReplyToAddresses"] = list(message.reply_to)
    if message.tags:
        request["EmailTags"] = _pairs(message.tags)
    if message.configuration_set:
        request["ConfigurationSetName"] = message.configuration_set
    return request


def _utf8(text: str) -> dict[str, str]:
    return {"Data": text, "Charset": "UTF-8"}


def _pairs(pairs: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in pairs]

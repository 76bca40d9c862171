"""The SQS queue of SES's events, through the AWS SDK (aioboto3)."""

import os
import re
from collections.abc import Awaitable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Protocol, TypedDict, cast

import aioboto3
from aiobotocore.config import AioConfig
from botocore.exceptions import BotoCoreError, ClientError, NoRegionError, ProfileNotFound

from mailer.errors import TransportAway
from mailer.transports.ses_account import away
from mailer.transports.ses_errors import CREDENTIAL_ERRORS, shown

LONG_POLL = 20
"""Seconds for which SQS may hold an empty receive open; the most that it offers."""
AT_ONCE = 10
"""Messages of one receive, and receipts of one delete; the most that SQS takes."""
_REGION = re.compile(r"https://sqs\.([a-z0-9-]+)\.amazonaws\.com")


class _SqsMessage(TypedDict):
    Body: str
    ReceiptHandle: str


class _Received(TypedDict, total=False):
    Messages: list[_SqsMessage]


class _Attributes(TypedDict, total=False):
    Attributes: dict[str, str]


class _Client(Protocol):
    def receive_message(self, **request: object) -> Awaitable[_Received]: ...

    def delete_message_batch(self, **request: object) -> Awaitable[object]: ...

    def get_queue_attributes(self, **request: object) -> Awaitable[_Attributes]: ...


@dataclass(frozen=True, slots=True)
class QueuedMessage:
    """A message that stays in the queue, and comes again, until it is deleted."""

    body: str
    receipt: str


class EventQueue:
    """One queue by its URL; endpoint and credentials are the AWS SDK's own. To be entered by `async with`."""

    def __init__(self, url: str, *, readers: int = 1) -> None:
        """`readers`: receives that may be open at once."""
        self._url = url
        self._connections = 2 * readers
        self._open = AsyncExitStack()
        self._client: _Client

    async def receive(self) -> list[QueuedMessage]:
        """What there is, after at most `LONG_POLL` seconds. Raises TransportAway."""
        try:
            answer = await self._client.receive_message(
                QueueUrl=self._url, MaxNumberOfMessages=AT_ONCE, WaitTimeSeconds=LONG_POLL
            )
        except (BotoCoreError, ClientError) as error:
            raise _away(error) from error
        return [QueuedMessage(message["Body"], message["ReceiptHandle"]) for message in answer.get("Messages", [])]

    async def delete(self, messages: Sequence[QueuedMessage]) -> None:
        """These have been dealt with; one that could not be deleted comes again. Raises TransportAway."""
        if not messages:
            return
        entries = [{"Id": str(place), "ReceiptHandle": message.receipt} for place, message in enumerate(messages)]
        try:
            await self._client.delete_message_batch(QueueUrl=self._url, Entries=entries)
        except (BotoCoreError, ClientError) as error:
            raise _away(error) from error

    async def waiting(self) -> int:
        """About how many messages are there to be received. Raises TransportAway."""
        name = "ApproximateNumberOfMessages"
        try:
            answer = await self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=[name])
        except (BotoCoreError, ClientError) as error:
            raise _away(error) from error
        return int(answer.get("Attributes", {}).get(name, "0"))

    async def __aenter__(self) -> "EventQueue":
        """Raises TransportAway where there is no region."""
        config = AioConfig(
            connect_timeout=3,
            read_timeout=LONG_POLL + 10,
            max_pool_connections=self._connections,
            retries={"mode": "standard"},
        )
        of_url = _REGION.match(self._url)
        try:
            session = aioboto3.Session(region_name=of_url[1] if of_url else os.environ.get("AWS_REGION"))
            client = await self._open.enter_async_context(session.client("sqs", config=config))
        except (BotoCoreError, ValueError) as error:
            raise _away(error) from error
        self._client = cast("_Client", client)
        return self

    async def __aexit__(self, *details: object) -> None:
        await self._open.aclose()


def _away(error: Exception) -> TransportAway:
    if isinstance(error, (NoRegionError, ProfileNotFound, *CREDENTIAL_ERRORS)):
        return away(error)
    return TransportAway(
        f"the queue of SES's events can't be read: {shown(str(error)) or type(error).__name__}",
        "Check MAILER_SES_EVENTS_QUEUE, the network, and the right to receive, delete and count its messages.",
    )

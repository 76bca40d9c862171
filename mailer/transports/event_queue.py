"""The SQS queue of SES's events, through the AWS SDK (aioboto3)."""

from collections.abc import Awaitable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Protocol, TypedDict, cast

import aioboto3
from aiobotocore.config import AioConfig
from botocore.exceptions import BotoCoreError, ClientError

from mailer.transports.ses_account import away

LONG_POLL = 20
"""Seconds for which SQS may hold an empty receive open; the most that it offers."""
AT_ONCE = 10
"""Messages of one receive, and receipts of one delete; the most that SQS takes."""


class _SqsMessage(TypedDict):
    Body: str
    ReceiptHandle: str


class _Received(TypedDict, total=False):
    Messages: list[_SqsMessage]


class _Client(Protocol):
    def receive_message(self, **request: object) -> Awaitable[_Received]: ...

    def delete_message_batch(self, **request: object) -> Awaitable[object]: ...


@dataclass(frozen=True, slots=True)
class QueuedMessage:
    """A message that stays in the queue, and comes again, until it is deleted."""

    body: str
    receipt: str


class EventQueue:
    """One queue by its URL; region, endpoint and credentials are the AWS SDK's own. To be entered by `async with`."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._open = AsyncExitStack()
        self._client: _Client

    async def receive(self) -> list[QueuedMessage]:
        """What there is, after at most `LONG_POLL` seconds. Raises TransportAway."""
        try:
            answer = await self._client.receive_message(
                QueueUrl=self._url, MaxNumberOfMessages=AT_ONCE, WaitTimeSeconds=LONG_POLL
            )
        except (BotoCoreError, ClientError) as error:
            raise away(error) from error
        return [QueuedMessage(message["Body"], message["ReceiptHandle"]) for message in answer.get("Messages", [])]

    async def delete(self, messages: Sequence[QueuedMessage]) -> None:
        """These have been dealt with; one that could not be deleted comes again. Raises TransportAway."""
        if not messages:
            return
        entries = [{"Id": str(place), "ReceiptHandle": message.receipt} for place, message in enumerate(messages)]
        try:
            await self._client.delete_message_batch(QueueUrl=self._url, Entries=entries)
        except (BotoCoreError, ClientError) as error:
            raise away(error) from error

    async def __aenter__(self) -> "EventQueue":
        config = AioConfig(connect_timeout=3, read_timeout=LONG_POLL + 10, retries={"mode": "standard"})
        try:
            client = await self._open.enter_async_context(aioboto3.Session().client("sqs", config=config))
        except (BotoCoreError, ValueError) as error:
            raise away(error) from error
        self._client = cast("_Client", client)
        return self

    async def __aexit__(self, *details: object) -> None:
        await self._open.aclose()

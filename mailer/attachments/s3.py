"""An S3 prefix as attachment storage."""

import os
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from typing import Any, Self, TypeVar

import aioboto3
import aiohttp
import anyio
import anyio.to_thread
from aiobotocore.config import AioConfig
from botocore.exceptions import BotoCoreError, ClientError

from mailer.attachments.cache import KEEP_BYTES, ContentCache
from mailer.attachments.catalogue import Catalogue
from mailer.attachments.limit import refuse_too_large
from mailer.attachments.listed_index import ListedIndex
from mailer.attachments.names import shown
from mailer.attachments.s3_errors import s3_away
from mailer.errors import AttachmentMissing, ConfigurationError, StorageAway

T = TypeVar("T")

# Listing and reading change nothing, so the SDK may repeat them (sending mail is another matter).
_CLIENT = AioConfig(
    connect_timeout=5,
    read_timeout=20,
    max_pool_connections=50,
    retries={"mode": "standard", "total_max_attempts": 3},
)


class S3Storage:
    """The objects under a prefix, which is taken as a folder: 'a' and 'a/' are the same, 'ab/x' is not in them.

    Endpoint, region and credentials come from the AWS SDK's own variables. `patience`: seconds that a read, or a page
    of the listing, may take, repeats included.
    """

    def __init__(self, bucket: str, prefix: str, *, keep_bytes: int = KEEP_BYTES, patience: float = 60.0) -> None:
        self._bucket = bucket
        self._prefix = prefix.strip("/") + "/" if prefix.strip("/") else ""
        self._patience = patience
        self._contents = ContentCache(keep_bytes)
        self._open = AsyncExitStack()
        self._client: Any = None  # aioboto3 has no types

    async def __aenter__(self) -> Self:
        try:
            # Of all the AWS SDKs, Python's alone does not read AWS_REGION.
            session = aioboto3.Session(region_name=os.environ.get("AWS_REGION"))
            self._client = await self._open.enter_async_context(session.client("s3", config=_CLIENT))
        except (BotoCoreError, ValueError) as error:
            raise ConfigurationError(
                f"the AWS SDK can't be set up for MAILER_ATTACHMENTS={self._location}: {error}",
                "Check AWS_PROFILE, AWS_REGION and AWS_ENDPOINT_URL_S3.",
            ) from error
        return self

    async def __aexit__(self, *details: object) -> None:
        await self._open.aclose()

    async def index(self) -> ListedIndex:
        """Lists the prefix, 1,000 objects a request. Raises StorageAway."""
        catalogue = Catalogue()
        pages = aiter(self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix))
        while (page := await self._answer(anext(pages, None))) is not None:
            for listed in page.get("Contents", ()):
                catalogue.add(listed["Key"].removeprefix(self._prefix), listed["Size"])
        await anyio.to_thread.run_sync(catalogue.sort)
        return ListedIndex(catalogue, self._contents, self._read)

    async def _read(self, path: str) -> bytes:
        return await self._answer(self._content(path))

    async def _content(self, path: str) -> bytes:
        try:
            answer = await self._client.get_object(Bucket=self._bucket, Key=self._prefix + path)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "NoSuchKey":
                raise
            raise AttachmentMissing(
                f"{shown(path)} has gone from {self._location} since it was listed", "Put the object back."
            ) from error
        body = answer["Body"]
        async with body:  # without `as`: that would give aiohttp's stream, which does not check length and checksum
            refuse_too_large(path, answer["ContentLength"])
            content: bytes = await body.read()
            return content

    async def _answer(self, request: Awaitable[T]) -> T:
        try:
            with anyio.fail_after(self._patience):
                return await request
        except (ClientError, BotoCoreError, aiohttp.ClientError) as error:
            raise s3_away(self._location, error) from error
        except TimeoutError as error:
            raise StorageAway(
                f"S3 did not answer for {self._location} within {self._patience:g} s",
                "Check the network, AWS_REGION and AWS_ENDPOINT_URL_S3.",
            ) from error

    @property
    def _location(self) -> str:
        return f"s3://{self._bucket}/{self._prefix}"

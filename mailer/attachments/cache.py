"""Contents of files that many recipients get: read once, kept in bounded memory."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable

import anyio

from mailer.errors import MailerError

KEEP_BYTES = 64 * 1024 * 1024


class ContentCache:
    """Contents by key. Keeps the latest used, at most `keep_bytes` together; one larger than that is never kept."""

    def __init__(self, keep_bytes: int = KEEP_BYTES) -> None:
        self._keep_bytes = keep_bytes
        self._kept: OrderedDict[Hashable, bytes] = OrderedDict()
        self._kept_bytes = 0
        self._underway: dict[Hashable, _Reading] = {}

    async def get(self, key: Hashable, read: Callable[[], Awaitable[bytes]]) -> bytes:
        """The content of `key`, by `read` where it is not kept; who asks while it is being read shares that answer.

        Raises what `read` raises. Where the one who reads is cancelled, the next who waits reads.
        """
        while True:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            reading = self._underway.get(key)
            if reading is None:
                return await self._read(key, read)
            await reading.over.wait()
            if reading.failure is not None:
                raise reading.failure
            if reading.content is not None:
                return reading.content

    async def _read(self, key: Hashable, read: Callable[[], Awaitable[bytes]]) -> bytes:
        reading = self._underway[key] = _Reading()
        try:
            reading.content = await read()
        except MailerError as failure:
            reading.failure = failure
            raise
        finally:
            del self._underway[key]
            reading.over.set()
        self._keep(key, reading.content)
        return reading.content

    def _keep(self, key: Hashable, content: bytes) -> None:
        if len(content) > self._keep_bytes:
            return
        self._kept[key] = content
        self._kept_bytes += len(content)
        while self._kept_bytes > self._keep_bytes:
            _, oldest = self._kept.popitem(last=False)
            self._kept_bytes -= len(oldest)


class _Reading:
    """A read under way; neither content nor failure after it was cancelled."""

    __slots__ = ("content", "failure", "over")

    def __init__(self) -> None:
        self.over = anyio.Event()
        self.content: bytes | None = None
        self.failure: MailerError | None = None

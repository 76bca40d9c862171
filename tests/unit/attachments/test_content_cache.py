from collections.abc import Awaitable, Callable

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.attachments.cache import ContentCache
from mailer.errors import AttachmentMissing, StorageAway

Read = Callable[[], Awaitable[bytes]]


class File:
    """A file whose reads are counted, and wait until the test opens the gate."""

    def __init__(self, content: bytes = b"content", failure: Exception | None = None) -> None:
        self.reads = 0
        self.gate = anyio.Event()
        self._content = content
        self._failure = failure

    async def read(self) -> bytes:
        self.reads += 1
        await self.gate.wait()
        if self._failure:
            raise self._failure
        return self._content


def open_file(size: int) -> File:
    file = File(bytes(size))
    file.gate.set()
    return file


async def test_a_kept_content_is_not_read_again() -> None:
    cache, file = ContentCache(), open_file(10)
    assert await cache.get("a", file.read) is await cache.get("a", file.read)
    assert file.reads == 1


async def test_the_least_lately_used_content_makes_room() -> None:
    cache = ContentCache(keep_bytes=100)
    a, b, c = open_file(40), open_file(40), open_file(40)
    for key, file in (("a", a), ("b", b), ("a", a), ("c", c), ("a", a), ("c", c)):
        await cache.get(key, file.read)
    assert (a.reads, b.reads, c.reads) == (1, 1, 1)
    await cache.get("b", b.read)
    assert b.reads == 2


async def test_a_content_larger_than_the_cache_is_never_kept_and_displaces_nothing() -> None:
    cache = ContentCache(keep_bytes=100)
    small, large = open_file(100), open_file(101)
    for _ in range(2):
        await cache.get("small", small.read)
        await cache.get("large", large.read)
    assert (small.reads, large.reads) == (1, 2)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), max_size=40))
async def test_what_is_kept_is_what_a_plain_list_of_the_latest_would_keep(uses: list[tuple[int, int]]) -> None:
    cache, latest = ContentCache(keep_bytes=100), list[tuple[int, int]]()
    for key_and_size in uses:
        file = open_file(key_and_size[1] * 30)
        await cache.get(key_and_size, file.read)
        assert file.reads == (key_and_size not in latest)
        latest = [use for use in latest if use != key_and_size] + [key_and_size]
        while sum(size * 30 for _, size in latest) > 100:
            latest.pop(0)


@pytest.mark.parametrize("keep_bytes", [0, 100])
async def test_those_who_ask_while_it_is_read_share_the_read(keep_bytes: int) -> None:
    cache, file = ContentCache(keep_bytes), File()
    contents = list[bytes]()

    async def ask() -> None:
        contents.append(await cache.get("a", file.read))

    async with anyio.create_task_group() as tasks:
        for _ in range(50):
            tasks.start_soon(ask)
        await anyio.wait_all_tasks_blocked()
        file.gate.set()
    assert file.reads == 1
    assert len(contents) == 50
    assert all(content is contents[0] for content in contents)


async def test_a_failure_reaches_all_who_wait_and_the_next_reads_anew() -> None:
    cache, file = ContentCache(), File(failure=StorageAway("gone for a moment"))
    failures = list[StorageAway]()

    async def ask() -> None:
        with pytest.raises(StorageAway) as error:
            await cache.get("a", file.read)
        failures.append(error.value)

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(ask)
        await anyio.wait_all_tasks_blocked()
        file.gate.set()
    assert (file.reads, len(failures)) == (1, 5)
    assert await cache.get("a", open_file(3).read) == bytes(3)


async def test_when_the_one_who_reads_is_cancelled_another_reads_and_all_others_get_it() -> None:
    cache, file = ContentCache(), File()
    contents = list[bytes]()
    first = anyio.CancelScope()

    async def ask_first() -> None:
        with first:
            await cache.get("a", file.read)

    async def ask() -> None:
        contents.append(await cache.get("a", file.read))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask_first)
        await anyio.wait_all_tasks_blocked()
        for _ in range(5):
            tasks.start_soon(ask)
        await anyio.wait_all_tasks_blocked()
        assert file.reads == 1
        first.cancel()
        await anyio.wait_all_tasks_blocked()
        assert file.reads == 2
        file.gate.set()
    assert contents == [b"content"] * 5


async def test_one_who_waits_may_be_cancelled_and_the_read_goes_on() -> None:
    cache, file = ContentCache(), File()
    waiting = anyio.CancelScope()

    async def ask_and_give_up() -> None:
        with waiting:
            await cache.get("a", file.read)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(cache.get, "a", file.read)
        await anyio.wait_all_tasks_blocked()
        tasks.start_soon(ask_and_give_up)
        await anyio.wait_all_tasks_blocked()
        waiting.cancel()
        await anyio.wait_all_tasks_blocked()
        file.gate.set()
    assert await cache.get("a", file.read) == b"content"
    assert file.reads == 1


async def test_keys_are_read_side_by_side() -> None:
    cache, slow, quick = ContentCache(), File(), open_file(2)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(cache.get, "slow", slow.read)
        await anyio.wait_all_tasks_blocked()
        assert await cache.get("quick", quick.read) == bytes(2)
        slow.gate.set()


async def test_a_missing_file_is_asked_for_again_the_next_time() -> None:
    cache, file = ContentCache(), File(failure=AttachmentMissing("no"))
    file.gate.set()
    for _ in range(2):
        with pytest.raises(AttachmentMissing):
            await cache.get("a", file.read)
    assert file.reads == 2

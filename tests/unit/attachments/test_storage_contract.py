"""What every storage does: the same tests over a folder and over S3."""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from mailer.attachments.cache import KEEP_BYTES
from mailer.attachments.folder import FolderStorage
from mailer.attachments.s3 import S3Storage
from mailer.attachments.storage import Index, Storage
from mailer.errors import AttachmentAmbiguous, AttachmentMissing, AttachmentTooLarge
from mailer.model.message import MAX_MESSAGE_BYTES, Attachment

TOO_LARGE = MAX_MESSAGE_BYTES * 3 // 4
NAME = "김철수_명세서.pdf"
FORMS = [unicodedata.normalize("NFC", NAME), unicodedata.normalize("NFD", NAME)]


@dataclass(frozen=True)
class Place:
    """Where a test puts files, and the storage over it."""

    put: Callable[[str, bytes], None]
    delete: Callable[[str], None]
    storage: Callable[[int], Storage]


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest) -> Place:
    if request.param == "folder":
        return _folder(request.getfixturevalue("tmp_path") / "첨부")
    return _s3(request.getfixturevalue("s3"), request.getfixturevalue("bucket"))


def _folder(root: Path) -> Place:
    def put(path: str, content: bytes) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)

    root.mkdir()
    (root.parent / "secret.pdf").write_bytes(b"secret")
    return Place(put, lambda path: (root / path).unlink(), lambda keep: FolderStorage(root, keep_bytes=keep))


def _s3(s3: Any, bucket: str) -> Place:
    def put(path: str, content: bytes) -> None:
        s3.put_object(Bucket=bucket, Key=f"첨부/{path}", Body=content)

    def delete(path: str) -> None:
        s3.delete_object(Bucket=bucket, Key=f"첨부/{path}")

    s3.put_object(Bucket=bucket, Key="secret.pdf", Body=b"secret")
    return Place(put, delete, lambda keep: S3Storage(bucket, "첨부", keep_bytes=keep))


@pytest.mark.parametrize("asked", FORMS, ids=["asked NFC", "asked NFD"])
@pytest.mark.parametrize("stored", FORMS, ids=["stored NFC", "stored NFD"])
async def test_a_korean_name_matches_whichever_form_either_has(place: Place, stored: str, asked: str) -> None:
    place.put(f"2026-11/{stored}", b"%PDF-1")
    async with place.storage(KEEP_BYTES) as storage:
        index = await storage.index()
        for name in (asked, f"2026-11/{asked}"):
            assert await index.read(name) == Attachment(FORMS[0], "application/pdf", b"%PDF-1")
            assert index.size(name) == 6


async def test_a_bare_name_is_found_anywhere_and_a_path_only_there(place: Place) -> None:
    place.put("가.pdf", b"top")
    place.put("2026/11/나.pdf", b"deep")
    async with place.storage(KEEP_BYTES) as storage:
        index = await storage.index()
        assert (await index.read("가.pdf")).content == b"top"
        assert (await index.read("나.pdf")).content == b"deep"
        assert (await index.read("2026/11/나.pdf")).content == b"deep"
        for elsewhere in ("11/나.pdf", "2026/가.pdf", "2026/11", "2026"):
            with pytest.raises(AttachmentMissing):
                index.size(elsewhere)


@pytest.mark.parametrize(
    "name", ["../secret.pdf", "secret.pdf", "/etc/passwd", "..\\secret.pdf", "a\0", "", "가/../나"]
)
async def test_what_is_not_in_the_storage_is_missing(place: Place, name: str) -> None:
    place.put("가/나", b"inside")
    async with place.storage(KEEP_BYTES) as storage:
        index = await storage.index()
        with pytest.raises(AttachmentMissing):
            await index.read(name)
        with pytest.raises(AttachmentMissing):
            index.size(name)


async def test_two_files_of_one_name_are_an_error_only_for_who_asks_for_it(place: Place) -> None:
    place.put("10월/명세서.pdf", b"10")
    place.put("11월/명세서.pdf", b"11")
    place.put("11월/안내.txt", b"info")
    async with place.storage(KEEP_BYTES) as storage:
        index = await storage.index()
        assert (await index.read("안내.txt")).content == b"info"
        assert (await index.read("11월/명세서.pdf")).content == b"11"
        with pytest.raises(AttachmentAmbiguous, match=r"'10월/명세서.pdf' and '11월/명세서.pdf'"):
            await index.read("명세서.pdf")
        with pytest.raises(AttachmentAmbiguous):
            index.size("명세서.pdf")


async def test_one_content_is_read_once_for_many(place: Place) -> None:
    place.put("안내.pdf", b"for all")
    async with place.storage(KEEP_BYTES) as storage:
        index = await storage.index()
        first = await index.read("안내.pdf")
        place.delete("안내.pdf")
        assert (await index.read("안내.pdf")).content is first.content


async def test_those_who_ask_at_once_share_one_read_every_time(place: Place) -> None:
    place.put("안내.pdf", b"for all")
    async with place.storage(0) as storage:
        index = await storage.index()
        for _ in range(50):
            contents = await _read_at_once(index, "안내.pdf", 10)
            assert contents == [b"for all"] * 10
            assert all(content is contents[0] for content in contents)


async def _read_at_once(index: Index, name: str, times: int) -> list[bytes]:
    contents = list[bytes]()

    async def read() -> None:
        contents.append((await index.read(name)).content)

    async with anyio.create_task_group() as tasks:
        for _ in range(times):
            tasks.start_soon(read)
    return contents


async def test_a_reader_that_is_cancelled_does_not_break_the_others(place: Place) -> None:
    place.put("안내.pdf", b"for all")
    async with place.storage(0) as storage:
        index = await storage.index()
        for _ in range(50):
            assert await _read_beside_a_cancelled(index, "안내.pdf", 3) == [b"for all"] * 3


async def _read_beside_a_cancelled(index: Index, name: str, times: int) -> list[bytes]:
    contents = list[bytes]()
    cancelled = anyio.CancelScope()

    async def read_until_cancelled() -> None:
        with cancelled:
            await index.read(name)

    async def read() -> None:
        contents.append((await index.read(name)).content)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(read_until_cancelled)
        for _ in range(times):
            tasks.start_soon(read)
        await anyio.lowlevel.checkpoint()
        cancelled.cancel()
    return contents


async def test_a_file_that_vanished_since_the_listing_is_missing(place: Place) -> None:
    place.put("11월/명세서.pdf", b"11")
    async with place.storage(KEEP_BYTES) as storage:
        index = await storage.index()
        place.delete("11월/명세서.pdf")
        with pytest.raises(AttachmentMissing, match="since it was listed"):
            await index.read("명세서.pdf")


async def test_a_file_that_was_replaced_is_read_as_it_is_now_and_the_next_listing_sees_it_anew(place: Place) -> None:
    place.put("명세서.pdf", b"old")
    async with place.storage(KEEP_BYTES) as storage:
        index = await storage.index()
        place.put("명세서.pdf", b"newer")
        assert (await index.read("명세서.pdf")).content == b"newer"
        place.put("명세서.pdf", b"newest of all")
        assert (await index.read("명세서.pdf")).content == b"newer"
        again = await storage.index()
        assert (await again.read("명세서.pdf")).content == b"newest of all"
        assert (index.size("명세서.pdf"), again.size("명세서.pdf")) == (3, 13)


async def test_a_file_over_the_limit_is_refused_by_the_listing_and_also_when_it_grew_later(place: Place) -> None:
    place.put("늘 크다.zip", bytes(TOO_LARGE))
    place.put("자란다.zip", b"small")
    async with place.storage(KEEP_BYTES) as storage:
        index = await storage.index()
        with pytest.raises(AttachmentTooLarge, match=r"늘 크다.zip"):
            index.size("늘 크다.zip")
        place.delete("늘 크다.zip")
        with pytest.raises(AttachmentTooLarge):
            await index.read("늘 크다.zip")
        place.put("자란다.zip", bytes(TOO_LARGE))
        with pytest.raises(AttachmentTooLarge, match=r"자란다.zip"):
            await index.read("자란다.zip")
        place.delete("자란다.zip")


async def test_an_empty_file_and_an_empty_storage_are_no_error(place: Place) -> None:
    async with place.storage(KEEP_BYTES) as storage:
        with pytest.raises(AttachmentMissing):
            (await storage.index()).size("빈.txt")
        place.put("빈.txt", b"")
        assert await (await storage.index()).read("빈.txt") == Attachment("빈.txt", "text/plain", b"")

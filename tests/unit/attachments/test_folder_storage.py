import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest

from mailer.attachments.folder import FolderStorage, read_unchanged, walk
from mailer.attachments.storage import Index
from mailer.errors import AttachmentMissing, AttachmentTooLarge, ConfigurationError, StorageAway

NOBODY = 65534


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    (tmp_path / "밖").mkdir()
    (tmp_path / "밖/secret.pdf").write_bytes(b"secret")
    return tmp_path / "밖"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "첨부").mkdir()
    return tmp_path / "첨부"


async def index_of(root: Path) -> Index:
    async with FolderStorage(root) as storage:
        return await storage.index()


async def test_a_folder_that_does_not_exist_is_a_wrong_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for wrong in (tmp_path / "없다", tmp_path / "file", tmp_path / "file/below"):
        with pytest.raises(ConfigurationError, match="MAILER_ATTACHMENTS: there is no folder"):
            await index_of(wrong)


async def test_links_that_lead_out_of_the_folder_are_missing(root: Path, outside: Path) -> None:
    (root / "file.pdf").symlink_to(outside / "secret.pdf")
    (root / "relative.pdf").symlink_to("../밖/secret.pdf")
    (root / "folder").symlink_to(outside)
    (root / "sibling").symlink_to(root.parent / "첨부-2")
    (root / "sibling.pdf").symlink_to(root.parent / "첨부-2/b.pdf")
    (root.parent / "첨부-2").mkdir()
    (root.parent / "첨부-2/b.pdf").write_bytes(b"secret")
    index = await index_of(root)
    for name in (
        "file.pdf",
        "relative.pdf",
        "folder/secret.pdf",
        "secret.pdf",
        "sibling/b.pdf",
        "b.pdf",
        "sibling.pdf",
    ):
        with pytest.raises(AttachmentMissing):
            await index.read(name)


async def test_a_link_that_comes_after_the_listing_is_missing_too(root: Path, outside: Path) -> None:
    (root / "11월").mkdir()
    (root / "11월/secret.pdf").write_bytes(b"harmless")
    (root / "a.pdf").write_bytes(b"harmless")
    index = await index_of(root)
    (root / "a.pdf").unlink()
    (root / "a.pdf").symlink_to(outside / "secret.pdf")
    (root / "11월/secret.pdf").unlink()
    (root / "11월").rmdir()
    (root / "11월").symlink_to(outside)
    for name in ("a.pdf", "secret.pdf"):
        with pytest.raises(AttachmentMissing, match="leads out"):
            await index.read(name)


async def test_a_link_to_a_file_of_the_tree_counts_and_has_its_size(root: Path) -> None:
    (root / "2026").mkdir()
    (root / "2026/명세서.pdf").write_bytes(b"inside")
    (root / "최신.pdf").symlink_to("2026/명세서.pdf")
    index = await index_of(root)
    assert index.size("최신.pdf") == 6
    assert (await index.read("최신.pdf")).content == b"inside"


async def test_links_that_lead_nowhere_or_in_a_circle_do_not_stop_the_listing(root: Path) -> None:
    (root / "dangling.pdf").symlink_to("없다.pdf")
    (root / "circle.pdf").symlink_to("circle.pdf")
    (root / "up").symlink_to("..")
    (root / "here").symlink_to(".")
    (root / "a.pdf").write_bytes(b"a")
    index = await index_of(root)
    assert (await index.read("a.pdf")).content == b"a"
    for name in ("dangling.pdf", "circle.pdf", "here/a.pdf"):
        with pytest.raises(AttachmentMissing):
            await index.read(name)


async def test_a_folder_that_is_itself_a_link_is_followed_once_when_it_is_opened(root: Path, tmp_path: Path) -> None:
    (root / "a.pdf").write_bytes(b"a")
    (tmp_path / "current").symlink_to(root)
    async with FolderStorage(tmp_path / "current") as storage:
        (tmp_path / "current").unlink()
        assert (await (await storage.index()).read("a.pdf")).content == b"a"


async def test_snapshots_trash_and_lost_and_found_are_left_out(root: Path) -> None:
    for folder in (".snapshot/daily", ".Trash-1000", "lost+found", "2026"):
        (root / folder).mkdir(parents=True)
        (root / folder / "명세서.pdf").write_bytes(folder.encode())
    assert (await (await index_of(root)).read("명세서.pdf")).content == b"2026"


async def test_only_regular_files_are_listed_and_a_pipe_that_takes_a_files_place_is_not_waited_for(root: Path) -> None:
    os.mkfifo(root / "pipe.pdf")
    (root / "a.pdf").write_bytes(b"a")
    index = await index_of(root)
    (root / "a.pdf").unlink()
    os.mkfifo(root / "a.pdf")
    for name in ("pipe.pdf", "a.pdf"):
        with pytest.raises(AttachmentMissing):
            await index.read(name)


async def test_a_folder_in_the_place_of_a_file_is_missing(root: Path) -> None:
    (root / "a.pdf").write_bytes(b"a")
    index = await index_of(root)
    (root / "a.pdf").unlink()
    (root / "a.pdf").mkdir()
    with pytest.raises(AttachmentMissing, match="no longer a file"):
        await index.read("a.pdf")


async def test_a_huge_file_is_refused_without_being_read(root: Path) -> None:
    with (root / "huge.zip").open("wb") as file:
        file.truncate(1 << 40)
    (root / "grown.zip").write_bytes(b"")
    index = await index_of(root)
    os.truncate(root / "grown.zip", 1 << 40)
    for name in ("huge.zip", "grown.zip"):
        with pytest.raises(AttachmentTooLarge):
            await index.read(name)


async def test_more_files_than_a_slice_are_all_listed(root: Path) -> None:
    for number in range(4_001):
        (root / f"명세서_{number}.pdf").touch()
    index = await index_of(root)
    assert all(index.size(f"명세서_{number}.pdf") == 0 for number in range(4_001))


def test_a_folder_that_vanishes_while_the_tree_is_listed_is_left_out(root: Path) -> None:
    (root / "a.pdf").write_bytes(b"a")
    (root / "11월").mkdir()
    files = walk(str(root))
    assert next(files) == ("a.pdf", 1)
    (root / "11월").rmdir()
    assert list(files) == []


async def test_a_root_that_vanishes_is_away(root: Path) -> None:
    (root / "2026").mkdir()
    async with FolderStorage(root / "2026") as storage:
        (root / "2026").rmdir()
        with pytest.raises(StorageAway) as error:
            await storage.index()
    assert "MAILER_ATTACHMENTS" in error.value.next_step


@contextmanager
def without_rights() -> Iterator[None]:
    """As a user whom no file belongs to; root may read everything."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)


async def test_a_root_that_is_unmounted_or_gone_is_away_and_no_file_of_it_is_missing(root: Path) -> None:
    (root / "a.pdf").write_bytes(b"a")
    index = await index_of(root)
    disk = anyio.Path(root.with_name("disk"))
    await anyio.Path(root).rename(disk)
    with pytest.raises(StorageAway, match="No such file"):
        await index.read("a.pdf")
    await anyio.Path(root).mkdir()  # the mount point without its disk
    with pytest.raises(StorageAway, match="unmounted or replaced"):
        await index.read("a.pdf")
    await anyio.Path(root).rmdir()
    await disk.rename(root)
    assert (await index.read("a.pdf")).content == b"a"


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """A folder that everybody may reach, as pytest's own is not."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


async def test_what_may_not_be_read_is_away_and_says_which(open_to_all: Path) -> None:
    file, folder = open_to_all / "월급.pdf", open_to_all / "잠김"
    file.write_bytes(b"a")
    file.chmod(0)
    folder.mkdir()
    async with FolderStorage(open_to_all) as storage:
        index = await storage.index()
        folder.chmod(0)
        with without_rights():
            with pytest.raises(StorageAway, match=r"월급.pdf.*Permission denied") as error:
                await index.read("월급.pdf")
            assert "mailer's user" in error.value.next_step
            with pytest.raises(StorageAway, match=r"잠김.*Permission denied"):
                await storage.index()
    folder.chmod(0o700)


async def test_a_folder_that_does_not_answer_in_time_is_away(root: Path) -> None:
    (root / "a.pdf").write_bytes(b"a")
    storage = FolderStorage(root, patience=0)
    with pytest.raises(StorageAway, match="did not answer within 0 s") as error:
        await storage.__aenter__()
    assert "network share" in error.value.next_step


class Written(io.FileIO):
    """A file that somebody appends to while it is read."""

    def readall(self) -> bytes:
        return self._after_a_write(super().readall())

    def read(self, size: int | None = -1, /) -> bytes:
        return self._after_a_write(super().read(-1 if size is None else size) or b"")

    def _after_a_write(self, content: bytes) -> bytes:
        with Path(str(self.name)).open("ab") as writer:
            writer.write(b"more")
        return content


def test_a_file_that_is_written_while_it_is_read_is_not_taken_as_it_was(root: Path) -> None:
    (root / "a.pdf").write_bytes(b"begin")
    with Written(root / "a.pdf") as file:
        assert read_unchanged(file, "a.pdf") is None
    with (root / "a.pdf").open("rb") as file_at_rest:
        assert read_unchanged(file_at_rest, "a.pdf") == b"beginmore"

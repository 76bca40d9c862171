"""A folder tree as attachment storage."""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Self, TypeVar

import anyio
import anyio.to_thread

from mailer.attachments.cache import KEEP_BYTES, ContentCache
from mailer.attachments.catalogue import Catalogue
from mailer.attachments.limit import refuse_too_large
from mailer.attachments.listed_index import ListedIndex
from mailer.attachments.names import shown
from mailer.errors import AttachmentMissing, ConfigurationError, StorageAway

T = TypeVar("T")

_SLICE = 2_000
_THREADS = 16
_READS_OF_A_CHANGING_FILE = 3
# The file is gone, or a folder of its path is now a file, or a link leads in a circle.
_NOT_THERE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}


class FolderStorage:
    """The regular files of a folder and the folders below it.

    Links to files count where they lead to a file in the tree; links to folders are not followed. Folders that begin
    with a dot, and lost+found, are left out. `patience`: seconds that a read, or a slice of the listing, may take.
    """

    def __init__(self, folder: Path, *, keep_bytes: int = KEEP_BYTES, patience: float = 60.0) -> None:
        self._folder = folder
        self._patience = patience
        self._contents = ContentCache(keep_bytes)
        # Its own, so that a share that hangs does not take the threads of the rest of the program.
        self._threads = anyio.CapacityLimiter(_THREADS)
        self._root = ""

    async def __aenter__(self) -> Self:
        self._root = await self._in_thread(partial(_real_folder, self._folder))
        return self

    async def __aexit__(self, *details: object) -> None:
        """Nothing is held open."""

    async def index(self) -> ListedIndex:
        """Lists the tree. Raises StorageAway, also where one of its folders can't be read."""
        catalogue = Catalogue()
        listed = await self._in_thread(partial(_identity, self._root))
        files = walk(self._root)
        while await self._in_thread(partial(_add_slice, catalogue, files)):
            pass
        await self._in_thread(catalogue.sort)
        return ListedIndex(catalogue, self._contents, partial(self._read, listed))

    async def _read(self, listed: tuple[int, int], path: str) -> bytes:
        """A file that is not there is missing only where the folder is the one that was listed."""
        try:
            return await self._in_thread(partial(_read_file, self._root, path))
        except AttachmentMissing:
            if await self._in_thread(partial(_identity, self._root)) == listed:
                raise
        raise StorageAway(
            f"the attachment folder {self._folder} is not the one that was listed: it was unmounted or replaced",
            "Mount it again, then run 'mailer job retry'.",
        )

    async def _in_thread(self, work: Callable[[], T]) -> T:
        try:
            with anyio.fail_after(self._patience):
                return await anyio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=self._threads)
        except TimeoutError as error:
            raise StorageAway(
                f"the attachment folder {self._folder} did not answer within {self._patience:g} s",
                "Check the disk or the network share that MAILER_ATTACHMENTS names.",
            ) from error
        except OSError as error:
            raise StorageAway(
                f"can't read {shown(str(error.filename or self._folder))} of the attachment folder: {error.strerror}",
                "Check MAILER_ATTACHMENTS, and that mailer's user may read the folder and all that is in it.",
            ) from error


def _real_folder(folder: Path) -> str:
    try:
        real = os.path.realpath(folder, strict=True)
        if stat.S_ISDIR(Path(real).stat().st_mode):
            return real
    except OSError as error:
        if error.errno not in _NOT_THERE:
            raise
    raise ConfigurationError(
        f"MAILER_ATTACHMENTS: there is no folder {folder}",
        "Create it, or let MAILER_ATTACHMENTS name the folder that holds the attachments.",
    )


def _identity(root: str) -> tuple[int, int]:
    found = Path(root).stat()
    return found.st_dev, found.st_ino


def _add_slice(catalogue: Catalogue, files: Iterator[tuple[str, int]]) -> bool:
    """Lists the next files; False where there was none left."""
    slice_ = list(islice(files, _SLICE))
    for path, size in slice_:
        catalogue.add(path, size)
    return bool(slice_)


def walk(root: str) -> Iterator[tuple[str, int]]:
    """Each file's path within `root`, with '/' between the parts, and its size."""
    folders = [""]
    while folders:
        folder = folders.pop()
        try:
            entries = os.scandir(f"{root}/{folder}")
        except OSError as error:
            if folder and error.errno in _NOT_THERE:
                continue
            raise
        with entries:
            for entry in entries:
                path = folder + entry.name
                if entry.is_dir(follow_symlinks=False):
                    if not entry.name.startswith(".") and entry.name != "lost+found":
                        folders.append(path + "/")
                elif (size := _size(root, path, entry)) is not None:
                    yield path, size


def _size(root: str, path: str, entry: os.DirEntry[str]) -> int | None:
    """None where it is no regular file of the tree, or has just gone."""
    try:
        linked = entry.is_symlink()
        found = Path(_real_file(root, path)).stat() if linked else entry.stat(follow_symlinks=False)
    except AttachmentMissing:
        return None
    except OSError as error:
        if error.errno in _NOT_THERE:
            return None
        raise
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def _real_file(root: str, path: str) -> str:
    """The full path without links. Raises AttachmentMissing where it leads out of `root`, OSError where to nothing."""
    real = os.path.realpath(f"{root}/{path}", strict=True)
    if not real.startswith(root.rstrip(os.sep) + os.sep):
        raise AttachmentMissing(
            f"{shown(path)} is a link that leads out of the attachment folder",
            "Put the file itself there.",
        )
    return real


def _read_file(root: str, path: str) -> bytes:
    try:
        for _ in range(_READS_OF_A_CHANGING_FILE):
            with _open_file(root, path) as file:
                content = read_unchanged(file, path)
            if content is not None:
                return content
    except OSError as error:
        if error.errno in _NOT_THERE:
            raise AttachmentMissing(
                f"{shown(path)} has gone from the attachment folder since it was listed", "Put the file back."
            ) from error
        raise
    raise StorageAway(
        f"{shown(path)} changes while it is read",
        "Wait until its writer is done; move finished files into the folder rather than write them there.",
    )


def _open_file(root: str, path: str) -> BinaryIO:
    """Opens what the listing saw as a regular file; something else may be there by now, and opening must not wait."""
    real = _real_file(root, path)
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(real, flags)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise AttachmentMissing(f"{shown(path)} is no longer a file", "Put the file back.")
    return os.fdopen(descriptor, "rb")


def read_unchanged(file: BinaryIO, path: str) -> bytes | None:
    """The whole of an open file; None where somebody wrote to it meanwhile. Raises AttachmentTooLarge."""
    before = os.fstat(file.fileno())
    refuse_too_large(path, before.st_size)
    content = file.read(before.st_size + 1)
    after = os.fstat(file.fileno())
    same = (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    return content if same and len(content) == before.st_size else None

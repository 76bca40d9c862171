"""The list of a storage's files, found by name; compact, for it may hold millions."""

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from zlib import crc32

from mailer.attachments.names import asked, can_be_asked, composed, last_part, shown
from mailer.errors import AttachmentAmbiguous, AttachmentMissing


@dataclass(frozen=True, slots=True)
class Listed:
    """A file as the listing saw it: its real path within the storage, and its size in bytes."""

    path: str
    size: int


class Catalogue:
    """Files by name, in 28 bytes each beside their path: filled by `add`, then `sort`, then asked by `find`.

    A key is the hash of the file's own name followed by that of its whole path, so that a bare name is a range of
    keys. Keys lie in 256 shelves by their first byte, each sorted alone: no sort holds the interpreter for long.
    """

    def __init__(self) -> None:
        self._paths = bytearray()
        self._ends = array("Q")
        self._sizes = array("Q")
        self._shelves = tuple(_Shelf() for _ in range(256))

    def add(self, path: str, size: int) -> None:
        """Lists a file, unless nobody could ask for it (hidden folder, a name that is not text)."""
        try:
            encoded = path.encode()
        except UnicodeEncodeError:
            return
        if can_be_asked(path):
            key = _key(composed(path))
            self._shelves[key >> 56].append(key, len(self._ends))
            self._paths += encoded
            self._ends.append(len(self._paths))
            self._sizes.append(size)

    def sort(self) -> None:
        """Makes `find` ready; takes about a second for a million files, so run it in a thread."""
        for shelf in self._shelves:
            shelf.sort()

    def find(self, name: str) -> Listed:
        """The one file of that name anywhere, or at that path. Raises AttachmentMissing, AttachmentAmbiguous."""
        wanted = asked(name)
        files = self._matches(wanted)
        first = next(files, None)
        if first is None:
            raise AttachmentMissing(
                f"the attachment storage has no file {shown(name)}",
                "Put the file there, or correct the name; capitals count, and links out of the storage don't.",
            )
        # A folder that changes under the listing may show a file twice.
        second = next((file for file in files if file.path != first.path), None)
        if second is not None:
            raise _ambiguous(name, *sorted((first.path, second.path)))
        return first

    def __len__(self) -> int:
        return len(self._ends)

    def _matches(self, wanted: str) -> Iterator[Listed]:
        """Every file at the path `wanted`, or of that name where it is bare."""
        bare = "/" not in wanted
        key = _key(wanted)
        low, high = (key & ~0xFFFFFFFF, key | 0xFFFFFFFF) if bare else (key, key)
        for position in self._shelves[key >> 56].between(low, high):
            path = self._path(position)
            if (last_part(composed(path)) if bare else composed(path)) == wanted:
                yield Listed(path, self._sizes[position])

    def _path(self, position: int) -> str:
        start = self._ends[position - 1] if position else 0
        return self._paths[start : self._ends[position]].decode()


class _Shelf:
    """Keys in order, each with the position of its file."""

    __slots__ = ("_keys", "_positions")

    def __init__(self) -> None:
        self._keys = array("Q")
        self._positions = array("I")

    def append(self, key: int, position: int) -> None:
        self._keys.append(key)
        self._positions.append(position)

    def sort(self) -> None:
        order = sorted(range(len(self._keys)), key=self._keys.__getitem__)
        self._keys = array("Q", map(self._keys.__getitem__, order))
        self._positions = array("I", map(self._positions.__getitem__, order))

    def between(self, low: int, high: int) -> Iterator[int]:
        at = bisect_left(self._keys, low)
        while at < len(self._keys) and self._keys[at] <= high:
            yield self._positions[at]
            at += 1


def _key(path: str) -> int:
    return crc32(last_part(path).encode()) << 32 | crc32(path.encode())


def _ambiguous(name: str, one: str, other: str) -> AttachmentAmbiguous:
    both = f"two files answer to {shown(name)}: {shown(one)} and {shown(other)}"
    if composed(one) == composed(other):
        return AttachmentAmbiguous(f"{both}, the same letters in two Unicode forms", "Delete or rename one of them.")
    return AttachmentAmbiguous(both, "Rename one, or let the target query give the path within the storage.")

"""The primitives of Oracle's wire: how numbers, bytes and strings lie in a message.

Two ideas carry everything: a *variable number* is a length byte and that many big-endian bytes, and *length-prefixed
bytes* are NULL where their length is 0, so an empty string is NULL without further work, as in Oracle.
"""

from __future__ import annotations

_CHUNKED = 254
_LONGEST_SHORT = 252
_CHUNK = 32767
_NEGATIVE = 0x80


class MoreNeeded(Exception):
    """The bytes at hand end within the value: read another packet, then parse the same part again."""


class Reader:
    """Reads values from the front of a buffer that may still grow; `position` may be set back to parse a part again."""

    __slots__ = ("buffer", "position")

    def __init__(self, buffer: bytearray) -> None:
        self.buffer = buffer
        self.position = 0

    def raw(self, size: int) -> bytes:
        end = self.position + size
        if end > len(self.buffer):
            raise MoreNeeded
        value = bytes(self.buffer[self.position : end])
        self.position = end
        return value

    def byte(self) -> int:
        if self.position >= len(self.buffer):
            raise MoreNeeded
        value = self.buffer[self.position]
        self.position += 1
        return value

    def number(self) -> int:
        """A variable number (the driver's ub2, ub4, ub8 and their signed kin)."""
        size = self.byte()
        if size == 0:
            return 0
        value = int.from_bytes(self.raw(size & ~_NEGATIVE), "big")
        return -value if size & _NEGATIVE else value

    def numbers(self, count: int) -> list[int]:
        return [self.number() for _ in range(count)]

    def fields(self, layout: str) -> list[int]:
        """A run of plain bytes (`b` in the layout) and variable numbers (`n`)."""
        return [self.byte() if field == "b" else self.number() for field in layout if field != " "]

    def data(self) -> bytes | None:
        """Length-prefixed bytes; None is NULL."""
        size = self.byte()
        if size in (0, 255):
            return None
        if size != _CHUNKED:
            return self.raw(size)
        chunks = bytearray()
        while chunk := self.number():
            chunks += self.raw(chunk)
        return bytes(chunks)

    def counted_data(self) -> bytes | None:
        """Bytes behind a count of their own: how keys, values and locators are sent."""
        return self.data() if self.number() else None


def number(value: int) -> bytes:
    """A variable number; a negative one has the top bit of its length set."""
    if value == 0:
        return b"\0"
    magnitude = abs(value)
    needed = (magnitude.bit_length() + 7) // 8
    size = needed if needed <= 2 else 4 if needed <= 4 else 8
    return bytes((size | _NEGATIVE if value < 0 else size,)) + magnitude.to_bytes(size, "big")


def numbers(*values: int) -> bytes:
    return b"".join(map(number, values))


def data(value: bytes | None) -> bytes:
    """Length-prefixed bytes; None and b"" are both NULL."""
    if value is None:
        return b"\0"
    if len(value) <= _LONGEST_SHORT:
        return bytes((len(value),)) + value
    parts = [bytes((_CHUNKED,))]
    for start in range(0, len(value), _CHUNK):
        chunk = value[start : start + _CHUNK]
        parts += (number(len(chunk)), chunk)
    parts.append(b"\0")
    return b"".join(parts)


def counted_data(value: bytes | None) -> bytes:
    return number(len(value)) + data(value) if value else b"\0"

"""The LOBs of a session: contents by locator. A LOB of a row is a copy, as it was when the row was fetched."""

from __future__ import annotations

from . import replies
from .errors import OracleError
from .requests import LOCATOR_SIZE, LobCall, LobOperation
from .values import NATIONAL, OracleType, decode_text, encode_text
from .wire import data, number

_CHUNK = 8060
_AL32UTF8 = 873
_HEAD = b"\0\x26\0\x04"
_TEMPORARY = 0x01
_UTF16 = 0x80


class Lobs:
    def __init__(self) -> None:
        self._contents: dict[int, str | bytes] = {}
        self._next = 1

    def keep(self, content: str | bytes, *, national: bool = False) -> bytes:
        """The locator of new content."""
        kind = 0x41 if isinstance(content, bytes) else 0x42
        number_of = self._next
        self._next += 1
        self._contents[number_of] = content
        flags = bytes((kind, 8, _UTF16 if national else 0, _TEMPORARY))
        return (_HEAD + flags + b"\0\x01" + number_of.to_bytes(8, "big")).ljust(LOCATOR_SIZE, b"\0")

    def in_row(self, content: str | bytes, *, national: bool = False) -> bytes:
        """A LOB as a row has it: its locator, with its length told beforehand."""
        return (
            number(LOCATOR_SIZE) + number(len(content)) + number(_CHUNK) + data(self.keep(content, national=national))
        )

    def content(self, locator: bytes) -> str | bytes:
        try:
            return self._contents[_number(locator)]
        except KeyError:
            raise OracleError(22922) from None

    def free(self, locator: bytes) -> None:
        self._contents.pop(_number(locator), None)

    def operate(self, call: LobCall) -> bytes:
        """Does what the driver asks of a LOB; the answer but for its outcome."""
        if call.operation == LobOperation.CREATE_TEMPORARY:
            national = call.source_offset == NATIONAL
            empty: str | bytes = b"" if call.destination_offset == OracleType.BLOB else ""
            tail = number(call.amount) if call.has_amount else b""
            return replies.lob(b"", self.keep(empty, national=national), tail + number(_AL32UTF8) + b"\0")
        content, amount, tail = self.content(call.locator), call.amount, b""
        shown = b""
        form = NATIONAL if call.locator[6] & _UTF16 else 1
        start = call.source_offset - 1
        match call.operation:
            case LobOperation.LENGTH:
                amount = len(content)
            case LobOperation.READ:
                part = content[start : start + call.amount]
                amount = len(part)
                shown = encode_text(part.encode(), form) if isinstance(part, str) else part
            case LobOperation.WRITE:
                self._write(call.locator, content, start, call.data, form)
            case LobOperation.TRIM:
                self._contents[_number(call.locator)] = content[: call.amount]
            case LobOperation.CHUNK_SIZE:
                amount = _CHUNK
            case LobOperation.IS_OPEN:
                tail = b"\0"
        return replies.lob(shown, call.locator, (number(amount) if call.has_amount else b"") + tail)

    def _write(self, locator: bytes, content: str | bytes, start: int, written: bytes, form: int) -> None:
        if isinstance(content, str):
            text = decode_text(written, form).decode()
            self._contents[_number(locator)] = content[:start] + text + content[start + len(text) :]
        else:
            self._contents[_number(locator)] = content[:start] + written + content[start + len(written) :]


def _number(locator: bytes) -> int:
    return int.from_bytes(locator[10:18], "big")

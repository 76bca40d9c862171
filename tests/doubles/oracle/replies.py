"""What the server says: TTC messages made of values. An answer ends with exactly one status or outcome message."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from .authentication import Pair
from .columns import ResultColumn
from .errors import OracleError
from .wire import counted_data, data, number, numbers

_FIELD_VERSION_19C = 12
_AL32UTF8 = 873
_AL16UTF16 = 2000
_TRANSACTION_OPEN = 0x2
_BATCH_FAILED = 24381
_OUT, _ROW, _ROW_HEADER, _PARAMETERS, _STATUS, _IO_VECTOR, _DESCRIPTION, _LOB_DATA = 16, 7, 6, 8, 9, 11, 16, 14
_OUTCOME, _WARNING = 4, 15


def protocol() -> bytes:
    """Who we are: a 19c in AL32UTF8. Its capabilities keep the driver from asking for newer messages."""
    compile_time = bytearray(46)
    for at, value in {0: 6, 4: 0xEA, 7: _FIELD_VERSION_19C, 8: 1, 9: 1, 15: 0x29, 16: 0x90, 17: 3, 18: 7, 19: 3, 21: 1,
                      23: 0xCF, 26: 4, 27: 1, 31: 0x10, 34: 12, 37: 0xB8, 40: 0x04}.items():  # fmt: skip
        compile_time[at] = value
    long_strings = bytes((2, 0, 0, 0, 0, 0, 0x05))
    national = bytes(9) + struct.pack(">H", _AL16UTF16)
    return (
        b"\x01\x06\x00x86_64/Linux 2.4.xx\0"
        + struct.pack("<HBH", _AL32UTF8, 1, 0)
        + struct.pack(">H", len(national))
        + national
        + data(bytes(compile_time))
        + data(long_strings)
    )


def data_types() -> bytes:
    return b"\x02\0\0"


def parameters(pairs: Sequence[Pair]) -> bytes:
    body = (counted_data(pair.key.encode()) + counted_data(pair.value.encode()) + number(pair.flags) for pair in pairs)
    return bytes((_PARAMETERS,)) + number(len(pairs)) + b"".join(body)


def warning(error: OracleError) -> bytes:
    """What rides in front of a logon's answer, like ORA-28002."""
    text = str(error).encode()
    return bytes((_WARNING,)) + numbers(error.number, len(text), 0) + data(text)


def status(*, in_transaction: bool) -> bytes:
    return bytes((_STATUS,)) + numbers(_TRANSACTION_OPEN if in_transaction else 0, 0)


def outcome(
    error: OracleError | None = None,
    *,
    in_transaction: bool,
    cursor: int = 0,
    rows: int = 0,
    batch: Sequence[tuple[int, OracleError]] = (),
) -> bytes:
    """How a call ended. `batch` has the failures of an array by their offsets; its own number is ORA-24381 then."""
    if batch and error is None:
        error = OracleError(_BATCH_FAILED)
    code = error.number if error else 0
    position = error.position if error else 0
    parts = [
        bytes((_OUTCOME,)),
        numbers(_TRANSACTION_OPEN if in_transaction else 0, 0, 0, code & 0xFFFF, 0, 0, cursor, max(position, 0)),
        bytes(6),
        numbers(0, 0) + b"\0" + numbers(0, 0),  # row id
        number(0) + b"\0\0" + numbers(0, 0, 0),
        *_batch(batch),
        numbers(code, rows),
    ]
    if error:
        parts.append(data(str(error).encode()))
    return b"".join(parts)


def _batch(failures: Sequence[tuple[int, OracleError]]) -> list[bytes]:
    if not failures:
        return [numbers(0, 0, 0)]
    head = number(len(failures)) + b"\x01"
    texts = [str(error).encode() for _, error in failures]
    return [
        head + numbers(*(error.number for _, error in failures)),
        head + numbers(*(offset for offset, _ in failures)),
        head + b"".join(number(len(text)) + data(text) + b"\0\0" for text in texts),
    ]


def description(columns: Sequence[ResultColumn]) -> bytes:
    parts = [bytes((_DESCRIPTION,)), data(bytes(16)), numbers(sum(column.size for column in columns), len(columns))]
    if columns:
        parts.append(b"\0")
    for position, column in enumerate(columns, 1):
        name = column.name.encode()
        parts += (
            bytes((column.kind, 0, column.precision & 255, column.scale & 255)),
            numbers(column.size, 0, 0, 0, 0, _AL32UTF8 if column.character_set_form else 0),
            bytes((column.character_set_form,)),
            numbers(column.characters, 0),
            bytes((1, min(len(name), 255))),
            counted_data(name),
            numbers(0, 0, position, 0),
        )
    made = counted_data(bytes((120, 124, 1, 1, 1, 1, 1)))
    return b"".join([*parts, made, numbers(0, 0, 0, 0, 0)])


def row_header(rows: int) -> bytes:
    return bytes((_ROW_HEADER, 0)) + numbers(0, 0, rows, 0, 0, 0)


def row(values: Sequence[bytes]) -> bytes:
    return bytes((_ROW,)) + b"".join(values)


def returned_rows(columns: Sequence[Sequence[bytes]]) -> bytes:
    """What RETURNING … INTO gave for one execution: for each out bind its values, encoded."""
    return bytes((_ROW,)) + b"".join(
        number(len(values)) + b"".join(value + b"\0" for value in values) for values in columns
    )


def row_counts(counts: Sequence[int]) -> bytes:
    return bytes((_PARAMETERS,)) + numbers(0, 0, 0, 0, len(counts), *counts)


def out_values(values: Sequence[bytes | None]) -> bytes:
    """A PL/SQL block's binds: None for one that is only read, else its new value, encoded."""
    directions = bytes(_OUT if value is not None else 2 * _OUT for value in values)
    head = bytes((_IO_VECTOR, 0)) + numbers(len(values), 0, 1, 0, 0, 0) + directions
    given = [value + b"\0" for value in values if value is not None]
    return head + (bytes((_ROW,)) + b"".join(given) if given else b"")


def lob(content: bytes, locator: bytes, tail: bytes) -> bytes:
    return (bytes((_LOB_DATA,)) + data(content) if content else b"") + bytes((_PARAMETERS,)) + locator + tail

"""Oracle's values on the wire, and the text by which PostgreSQL takes and gives the same value."""

from __future__ import annotations

import functools
import re
import struct
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import IntEnum

from .errors import OracleError, unsupported


class OracleType(IntEnum):
    VARCHAR = 1
    NUMBER = 2
    BINARY_INTEGER = 3
    LONG = 8
    ROWID = 11
    DATE = 12
    RAW = 23
    LONG_RAW = 24
    CHAR = 96
    BINARY_FLOAT = 100
    BINARY_DOUBLE = 101
    CLOB = 112
    BLOB = 113
    TIMESTAMP = 180
    TIMESTAMP_TZ = 181
    INTERVAL_DS = 183
    UROWID = 208
    TIMESTAMP_LTZ = 231
    BOOLEAN = 252


NUMBERS = frozenset({OracleType.NUMBER, OracleType.BINARY_INTEGER})
TEXTS = frozenset({OracleType.VARCHAR, OracleType.CHAR, OracleType.LONG, OracleType.ROWID, OracleType.UROWID})
MOMENTS = frozenset({OracleType.DATE, OracleType.TIMESTAMP, OracleType.TIMESTAMP_TZ, OracleType.TIMESTAMP_LTZ})
LOBS = frozenset({OracleType.CLOB, OracleType.BLOB})
NATIONAL = 2
_MOST_DIGIT_PAIRS = 20
_EXPONENT_BIAS = 193
_INTERVAL_BIAS = 60
_SIGN_BIT = 0x80000000
_INTERVAL_PART = re.compile(r"(-?[\d.]+)([DHMS])")


@functools.lru_cache(65536)
def encode_number(text: bytes) -> bytes:
    """NUMBER: a biased exponent of 100 and up to 20 digit pairs; a negative one is complemented and ends with 102."""
    value = Decimal(text.decode())
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        raise OracleError(1722)
    figures = "".join(map(str, digits))
    if exponent % 2:
        figures, exponent = figures + "0", exponent - 1
    figures = figures.zfill(len(figures) + len(figures) % 2)
    pairs = [int(figures[at : at + 2]) for at in range(0, len(figures), 2)]
    places = len(pairs) + exponent // 2
    while pairs and pairs[0] == 0:
        pairs.pop(0)
        places -= 1
    pairs = pairs[:_MOST_DIGIT_PAIRS]
    while pairs and pairs[-1] == 0:
        pairs.pop()
    if not pairs:
        return b"\x80"
    head = places - 1 + _EXPONENT_BIAS
    if not sign:
        return bytes([head, *(pair + 1 for pair in pairs)])
    tail = [102] if len(pairs) < _MOST_DIGIT_PAIRS else []
    return bytes([~head & 255, *(101 - pair for pair in pairs), *tail])


def decode_number(wire: bytes) -> str:
    positive = bool(wire[0] & 0x80)
    if len(wire) == 1:
        return "0" if positive else "-1e126"
    exponent = (wire[0] if positive else ~wire[0] & 255) - _EXPONENT_BIAS
    mantissa = wire[1:]
    if not positive and mantissa[-1] == 102:
        mantissa = mantissa[:-1]
    digits = "".join(f"{pair - 1 if positive else 101 - pair:02d}" for pair in mantissa)
    value = Decimal((not positive, tuple(map(int, digits)), 2 * (exponent + 1) - len(digits)))
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def encode_moment(text: bytes, kind: int) -> bytes:
    """DATE has 7 bytes, TIMESTAMP its nanoseconds after them, WITH TIME ZONE the time in UTC and its offset."""
    moment = datetime.fromisoformat(text.decode())
    zone = b""
    if kind in (OracleType.TIMESTAMP_TZ, OracleType.TIMESTAMP_LTZ) and moment.tzinfo:
        minutes = int((moment.utcoffset() or timedelta()).total_seconds()) // 60
        moment = moment.astimezone(UTC)
        if kind == OracleType.TIMESTAMP_TZ:
            hours, rest = divmod(abs(minutes), 60)
            zone = bytes((hours + 20, rest + 60)) if minutes >= 0 else bytes((20 - hours, 60 - rest))
    century, year = divmod(moment.year, 100)
    clock = (moment.hour + 1, moment.minute + 1, moment.second + 1)
    wire = bytes((century + 100, year + 100, moment.month, moment.day, *clock))
    if kind == OracleType.DATE or (not zone and not moment.microsecond):
        return wire
    return wire + struct.pack(">I", moment.microsecond * 1000) + zone


def decode_moment(wire: bytes) -> str:
    microsecond = int.from_bytes(wire[7:11], "big") // 1000 if len(wire) >= 11 else 0
    year = (wire[0] - 100) * 100 + wire[1] - 100
    moment = datetime(year, wire[2], wire[3], wire[4] - 1, wire[5] - 1, wire[6] - 1, microsecond)  # noqa: DTZ001 - the wire has none
    return moment.isoformat(" ") + ("+00" if len(wire) >= 13 else "")


def encode_interval(text: bytes) -> bytes:
    """INTERVAL DAY TO SECOND, from PostgreSQL's ISO 8601 form (`P1DT2H3M4.5S`, each part with its own sign)."""
    parts = {unit: Decimal(amount) for amount, unit in _INTERVAL_PART.findall(text.decode())}
    whole = ((parts.get("D", Decimal()) * 24 + parts.get("H", Decimal())) * 60 + parts.get("M", Decimal())) * 60
    total = whole + parts.get("S", Decimal())
    sign = -1 if total < 0 else 1
    minutes, second = divmod(abs(total), 60)
    hours, minute = divmod(int(minutes), 60)
    day, hour = divmod(hours, 24)
    nanoseconds = int(second % 1 * 1_000_000_000)
    clock = bytes(_INTERVAL_BIAS + sign * part for part in (hour, minute, int(second)))
    return struct.pack(">I", _SIGN_BIT + sign * day) + clock + struct.pack(">I", _SIGN_BIT + sign * nanoseconds)


def decode_interval(wire: bytes) -> str:
    day = int.from_bytes(wire[:4], "big") - _SIGN_BIT
    hour, minute, second = (part - _INTERVAL_BIAS for part in wire[4:7])
    nanoseconds = int.from_bytes(wire[7:11], "big") - _SIGN_BIT
    seconds = Decimal(hour * 3600 + minute * 60 + second) + Decimal(nanoseconds) / 1_000_000_000
    return f"{day} days {seconds} seconds"


def encode_double(text: bytes) -> bytes:
    wire = struct.pack(">d", float(text))
    if wire[0] & 0x80:
        return bytes(~byte & 255 for byte in wire)
    return bytes((wire[0] | 0x80,)) + wire[1:]


def decode_double(wire: bytes) -> str:
    is_positive = wire[0] & 0x80
    plain = bytes((wire[0] & 0x7F,)) + wire[1:] if is_positive else bytes(~byte & 255 for byte in wire)
    (value,) = struct.unpack(">d" if len(plain) == 8 else ">f", plain)
    return repr(value)


def decode_text(wire: bytes, character_set_form: int) -> bytes:
    text = wire.decode("utf-16-be").encode() if character_set_form == NATIONAL else wire
    if b"\0" in text:
        raise unsupported("NUL in a text, which PostgreSQL would cut there")
    return text


def encode_text(text: bytes, character_set_form: int) -> bytes:
    return text.decode().encode("utf-16-be") if character_set_form == NATIONAL else text


def decode_bytes(text: bytes) -> bytes:
    r"""PostgreSQL's `\x0a0b` form of bytes."""
    return bytes.fromhex(text[2:].decode())


def encode_bytes(wire: bytes) -> bytes:
    return b"\\x" + wire.hex().encode()

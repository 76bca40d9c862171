"""Numbers, moments and lengths on the wire: whatever is written is read back, wherever a packet ends."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tests.doubles.oracle import wire
from tests.doubles.oracle.values import (
    OracleType,
    decode_double,
    decode_interval,
    decode_moment,
    decode_number,
    encode_double,
    encode_interval,
    encode_moment,
    encode_number,
)
from tests.doubles.oracle.wire import MoreNeeded, Reader

NUMBERS = some.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30, places=6)


@given(some.integers(-(2**63), 2**64 - 1))
def test_a_variable_number_is_read_back(value: int) -> None:
    assert Reader(bytearray(wire.number(value))).number() == value


@given(some.binary(max_size=100_000))
def test_bytes_are_read_back_and_none_are_null(value: bytes) -> None:
    assert Reader(bytearray(wire.data(value))).data() == (value or None)
    assert Reader(bytearray(wire.counted_data(value))).counted_data() == (value or None)


@given(some.binary(min_size=1, max_size=70_000), some.data())
def test_a_value_that_has_not_arrived_whole_asks_for_more(value: bytes, draw: some.DataObject) -> None:
    message = wire.data(value)
    cut = draw.draw(some.integers(0, len(message) - 1))
    with pytest.raises(MoreNeeded):
        Reader(bytearray(message[:cut])).data()


@given(NUMBERS)
def test_a_decimal_number_is_read_back_exactly(value: Decimal) -> None:
    assert Decimal(decode_number(encode_number(str(value).encode()))) == value


@given(NUMBERS, NUMBERS)
def test_numbers_sort_by_their_bytes(one: Decimal, other: Decimal) -> None:
    encoded = [encode_number(str(value).encode()) for value in (one, other)]
    assert (encoded[0] < encoded[1]) == (one < other)


@given(some.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31)))
def test_a_timestamp_is_read_back_to_the_microsecond(value: datetime) -> None:
    encoded = encode_moment(value.isoformat(" ").encode(), OracleType.TIMESTAMP)
    assert datetime.fromisoformat(decode_moment(encoded)) == value


def test_a_moment_with_a_zone_travels_in_utc_beside_its_offset() -> None:
    encoded = encode_moment(b"2026-11-24 09:30:00+09:00", OracleType.TIMESTAMP_TZ)
    assert decode_moment(encoded) == "2026-11-24 00:30:00+00"
    assert encoded[11:] == bytes((29, 60))
    assert encode_moment(b"2026-11-24 09:30:00-03:30", OracleType.TIMESTAMP_TZ)[11:] == bytes((17, 30))


@given(some.floats(allow_nan=False))
def test_a_double_is_read_back(value: float) -> None:
    assert float(decode_double(encode_double(repr(value).encode()))) == value


@pytest.mark.parametrize(
    ("text", "length"),
    [
        (b"P1DT2H3M4.5S", timedelta(days=1, hours=2, minutes=3, seconds=4.5)),
        (b"P-1DT-2H", -timedelta(days=1, hours=2)),
        (b"PT0S", timedelta()),
        (b"P3D", timedelta(days=3)),
        (b"PT-0.000001S", -timedelta(microseconds=1)),
    ],
)
def test_an_interval_is_read_back(text: bytes, length: timedelta) -> None:
    days, _, seconds, _ = decode_interval(encode_interval(text)).split()
    assert timedelta(days=int(days), seconds=float(seconds)) == length

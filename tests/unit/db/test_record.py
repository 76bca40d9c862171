"""A row of mailer's own tables, read by column name and type."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from mailer.db.record import Record

MOMENT = datetime(2026, 11, 24, 9, 0, 0, 123456, tzinfo=UTC)
ROW = Record(N=3, RATE=0.5, NAME="월간 명세서", AT="2026-11-24 09:00:00.123456", NOTHING=None, PHOTO=b"\x00")
GETTERS: dict[str, Callable[[Record, str], object]] = {
    "integer": Record.integer,
    "number": Record.number,
    "text": Record.text,
    "moment": Record.moment,
}
MAYBES: dict[str, Callable[[Record, str], object]] = {
    "integer": Record.maybe_integer,
    "number": Record.maybe_number,
    "text": Record.maybe_text,
    "moment": Record.maybe_moment,
}


@pytest.mark.parametrize(
    ("getter", "column", "value"),
    [
        ("integer", "N", 3),
        ("number", "RATE", 0.5),
        ("number", "N", 3.0),
        ("text", "NAME", "월간 명세서"),
        ("moment", "AT", MOMENT),
    ],
)
def test_a_column_is_read_as_its_type(getter: str, column: str, value: object) -> None:
    assert GETTERS[getter](ROW, column) == value
    assert MAYBES[getter](ROW, column) == value


@pytest.mark.parametrize(
    ("getter", "column"),
    [("integer", "NAME"), ("integer", "RATE"), ("number", "NAME"), ("text", "N"), ("moment", "N"), ("text", "PHOTO")],
)
def test_a_column_of_another_type_is_a_type_error_that_names_it(getter: str, column: str) -> None:
    for getters in (GETTERS, MAYBES):
        with pytest.raises(TypeError, match=column):
            getters[getter](ROW, column)


@pytest.mark.parametrize("getter", GETTERS)
def test_null_is_none_where_it_may_be_and_a_type_error_where_not(getter: str) -> None:
    assert MAYBES[getter](ROW, "NOTHING") is None
    with pytest.raises(TypeError, match="NOTHING"):
        GETTERS[getter](ROW, "NOTHING")


@pytest.mark.parametrize("value", [MOMENT.replace(tzinfo=None), MOMENT, "2026-11-24 09:00:00.123456"])
def test_a_time_is_utc_whichever_way_the_driver_gives_it(value: datetime | str) -> None:
    moment = Record(AT=value).moment("AT")
    assert (moment, moment.tzinfo) == (MOMENT, UTC)


def test_a_column_that_the_statement_does_not_have_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="MISSING"):
        ROW.maybe_integer("MISSING")

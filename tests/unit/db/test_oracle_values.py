"""Values on their way to Oracle and back."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum

import oracledb
import pytest

from mailer.db.oracle_values import adapt_binds, as_value, bind_types

MOMENT = datetime(2026, 11, 25, 9, 30, 0, 123456)  # noqa: DTZ001 - as Oracle's columns have it


class Colour(StrEnum):
    RED = "RED"


def test_a_time_goes_as_utc_without_a_zone() -> None:
    seoul = timezone(timedelta(hours=9))
    assert adapt_binds({"a": MOMENT.replace(tzinfo=UTC), "b": MOMENT.replace(tzinfo=seoul), "c": MOMENT}) == {
        "a": MOMENT,
        "b": MOMENT - timedelta(hours=9),
        "c": MOMENT,
    }


def test_a_boolean_goes_as_a_number_and_a_member_as_its_text() -> None:
    adapted = adapt_binds({"yes": True, "colour": Colour.RED})
    assert adapted == {"yes": 1, "colour": "RED"}
    assert [type(value) for value in adapted.values()] == [int, str]


def test_a_time_is_bound_with_its_fraction_also_where_the_first_row_has_none() -> None:
    rows: list[dict[str, datetime | None]] = [{"at": None}, {"at": MOMENT}]
    assert bind_types(rows) == {"at": oracledb.DB_TYPE_TIMESTAMP}


def test_numbers_of_different_kinds_are_one_column() -> None:
    rows: list[dict[str, int | float | Decimal | None]] = [{"n": None}, {"n": 1}, {"n": 1.5}, {"n": Decimal("0.1")}]
    assert bind_types(rows) == {"n": oracledb.DB_TYPE_NUMBER}


def test_what_is_unset_everywhere_has_the_type_that_is_said() -> None:
    unset = {"n": oracledb.DB_TYPE_NUMBER, "other": oracledb.DB_TYPE_NUMBER}
    assert bind_types([{"n": None, "text": None}], unset) == {"n": oracledb.DB_TYPE_NUMBER}


def test_the_driver_is_right_about_texts_days_and_bytes() -> None:
    assert bind_types([{"a": "글", "b": date(2026, 1, 1), "c": b"x"}]) == {}


def test_a_whole_number_is_an_int_however_long_and_another_a_decimal() -> None:
    assert as_value(Decimal(1234567890123456789)) == 1234567890123456789
    assert isinstance(as_value(Decimal(5)), int)
    assert as_value(Decimal("0.1")) == Decimal("0.1")
    assert isinstance(as_value(Decimal("0.1")), Decimal)


@pytest.mark.parametrize("value", [None, "글", 1, 1.5, b"x", MOMENT, date(2026, 1, 1)])
def test_what_the_ledger_keeps_is_kept(value: object) -> None:
    assert as_value(value) == value


def test_an_interval_and_json_are_texts() -> None:
    assert as_value(timedelta(hours=30)) == "1 day, 6:00:00"
    assert as_value({"이름": ["김"]}) == '{"이름": ["김"]}'


def test_what_is_no_value_is_refused() -> None:
    with pytest.raises(TypeError, match="object is no value"):
        as_value(object())

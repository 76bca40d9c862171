"""Binds by name: whose value each gets, and what is refused before it can write a wrong one."""

import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.errors import QueryFailed
from mailer.model.row import Value
from mailer.sources.binds import MAPPING_EXTRAS, UPDATE_EXTRAS, resolve_binds

COLUMNS = ("CUST_ID", "EMAIL", "이름")
ROW: dict[str, Value] = {"CUST_ID": 7, "EMAIL": "kim@example.co.kr", "이름": "김민지"}
SENT_AT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
EXTRAS: dict[str, Value] = {"JOB_ID": 17, "MESSAGE_ID": "m-1", "SENT_AT": SENT_AT}


def test_a_bind_gets_the_column_of_its_name_whatever_the_case_and_keeps_its_own_spelling() -> None:
    plan = resolve_binds(("cust_id", "Email", "이름"), COLUMNS, "CUST_ID")
    assert plan.bind(ROW, {}) == {"cust_id": 7, "Email": "kim@example.co.kr", "이름": "김민지"}


def test_columns_may_be_spelled_in_any_case() -> None:
    plan = resolve_binds(("CUST_ID", "EMAIL"), ("cust_id", "email"), "cust_id")
    assert plan.bind(ROW, {}) == {"CUST_ID": 7, "EMAIL": "kim@example.co.kr"}


def test_a_korean_name_matches_in_either_unicode_form() -> None:
    decomposed = unicodedata.normalize("NFD", "이름")
    assert decomposed != "이름"
    plan = resolve_binds((decomposed, "CUST_ID"), COLUMNS, "CUST_ID")
    assert plan.bind(ROW, {}) == {decomposed: "김민지", "CUST_ID": 7}


def test_an_update_query_may_bind_the_job_the_message_and_the_time() -> None:
    plan = resolve_binds(("sent_at", "MESSAGE_ID", "JOB_ID", "CUST_ID"), COLUMNS, "CUST_ID", UPDATE_EXTRAS)
    assert plan.bind(ROW, EXTRAS) == {"sent_at": SENT_AT, "MESSAGE_ID": "m-1", "JOB_ID": 17, "CUST_ID": 7}


def test_the_target_row_comes_before_the_extras() -> None:
    plan = resolve_binds(("SENT_AT", "CUST_ID"), (*COLUMNS, "SENT_AT"), "CUST_ID", UPDATE_EXTRAS)
    assert plan.bind({**ROW, "SENT_AT": "last month"}, EXTRAS) == {"SENT_AT": "last month", "CUST_ID": 7}


def test_a_mapping_query_may_bind_the_job_and_not_the_message() -> None:
    plan = resolve_binds(("JOB_ID", "CUST_ID"), COLUMNS, "CUST_ID", MAPPING_EXTRAS)
    assert plan.bind(ROW, {"JOB_ID": 17}) == {"JOB_ID": 17, "CUST_ID": 7}
    with pytest.raises(QueryFailed, match=":MESSAGE_ID"):
        resolve_binds(("MESSAGE_ID", "CUST_ID"), COLUMNS, "CUST_ID", MAPPING_EXTRAS)


@pytest.mark.parametrize("name", ["1", "id", "key", "아이디"])
def test_a_single_bind_of_an_unknown_name_gets_the_key(name: str) -> None:
    assert resolve_binds((name,), COLUMNS, "cust_id", UPDATE_EXTRAS).bind(ROW, EXTRAS) == {name: 7}


def test_one_unknown_name_in_two_spellings_is_still_a_single_bind() -> None:
    assert resolve_binds(("id", "ID"), COLUMNS, "CUST_ID").bind(ROW, {}) == {"id": 7, "ID": 7}


def test_a_single_bind_of_a_known_name_is_no_key() -> None:
    assert resolve_binds(("EMAIL",), COLUMNS, "CUST_ID").bind(ROW, {}) == {"EMAIL": "kim@example.co.kr"}
    assert resolve_binds(("JOB_ID",), COLUMNS, "CUST_ID", UPDATE_EXTRAS).bind(ROW, EXTRAS) == {"JOB_ID": 17}


def test_a_slip_in_one_of_several_binds_is_refused_with_the_nearest_right_name() -> None:
    with pytest.raises(QueryFailed) as caught:
        resolve_binds(("SENT_ATT", "CUST_ID"), COLUMNS, "CUST_ID", UPDATE_EXTRAS)
    assert ":SENT_ATT (did you mean :SENT_AT?)" in str(caught.value)
    assert "CUST_ID, EMAIL" in caught.value.next_step
    assert caught.value.exit_code == 2


def test_every_unknown_bind_is_named() -> None:
    with pytest.raises(QueryFailed, match=r":EMIAL \(did you mean :EMAIL\?\), :zzz:"):
        resolve_binds(("EMIAL", "zzz"), COLUMNS, "CUST_ID")


def test_a_key_that_the_target_query_does_not_return_is_refused_where_it_is_needed() -> None:
    with pytest.raises(QueryFailed, match="CUSTOMER_NO"):
        resolve_binds(("1",), COLUMNS, "CUSTOMER_NO")
    assert resolve_binds(("EMAIL",), COLUMNS, "CUSTOMER_NO").bind(ROW, {}) == {"EMAIL": "kim@example.co.kr"}


def test_a_query_without_binds_binds_nothing() -> None:
    assert resolve_binds((), COLUMNS, "CUST_ID", UPDATE_EXTRAS).bind(ROW, EXTRAS) == {}


@given(st.lists(st.text(st.sampled_from("ABCab이_1"), min_size=1, max_size=4), unique=True, max_size=5))
def test_a_plan_gives_each_bind_a_value_or_there_is_no_plan(names: list[str]) -> None:
    row: dict[str, Value] = {"A": 1, "B": 2, "AB": 3, "이": 4}
    all_known = {name.upper() for name in names} <= {*row, "C"}
    if all_known or len({name.upper() for name in names}) == 1:
        assert set(resolve_binds(names, row, "A", ("C",)).bind(row, {"C": 5})) == set(names)
    else:
        with pytest.raises(QueryFailed, match="unknown bind"):
            resolve_binds(names, row, "A", ("C",))

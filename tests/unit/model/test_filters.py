from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.errors import TemplateFault
from mailer.model.automation import Template
from mailer.model.row import Row, Value
from mailer.model.template import RenderLimits, compile_template
from mailer.model.template.filters import FILTERS

PLENTY = RenderLimits(seconds=60, bytes=1_000_000)
LINES: list[Row] = [
    {"ITEM": "연필", "AMOUNT": Decimal(1500), "ON": date(2026, 11, 3)},
    {"ITEM": "공책", "AMOUNT": 2000, "ON": None},
    {"ITEM": "가위", "AMOUNT": None, "ON": date(2026, 11, 1)},
    {"ITEM": None, "AMOUNT": 0.5, "ON": date(2026, 11, 2)},
]


def filtered(value: Value, filters: str, rows: Sequence[Row] = ()) -> str:
    compiled = compile_template(Template("", "", f"$(V | {filters})"))
    return compiled.render({"V": value}, rows, PLENTY, lambda: 0.0).text


def of_rows(source: str) -> str:
    return compile_template(Template("", "", source)).render({}, LINES, PLENTY, lambda: 0.0).text


def fault(value: Value, filters: str) -> TemplateFault:
    with pytest.raises(TemplateFault) as caught:
        filtered(value, filters)
    return caught.value


NUMBERS = [
    (1234567, "number", "1,234,567"),
    (Decimal("1234567.50"), "number", "1,234,567.50"),
    (0.99, "number", "0.99"),
    (1e21, "number", "1,000,000,000,000,000,000,000"),
    ("1234.5", "number", "1,234.5"),
    (" 7 ", "number", "7"),
    (-1234, "number", "-1,234"),
    (1234.5, "number(2)", "1,234.50"),
    (Decimal("2.5"), "number(0)", "3"),
    (1.005, "number(2)", "1.01"),
    (Decimal("-0.004"), "number(2)", "0.00"),
    (3, "number(decimals=1)", "3.0"),
    (1234567, "won", "1,234,567원"),
    (Decimal("1234.5"), "won", "1,235원"),
    (0, "won", "0원"),
    (-5000, "won", "-5,000원"),
    ("5000", "won", "5,000원"),
    (1234.5, "money", "1,234.50"),
    (1234.5, "money('$')", "$1,234.50"),
    (Decimal("-1234.5"), "money('$')", "-$1,234.50"),
    (1234.5, "money('¥', 0)", "¥1,235"),
    (0.256, "percent", "26%"),
    (Decimal("0.2564"), "percent(1)", "25.6%"),
    (12, "percent", "1,200%"),
    (2.345, "round(2)", "2.35"),
    (2.5, "round", "3"),
    (-5, "abs", "5"),
    (Decimal("-0.5"), "abs", "0.5"),
]


@pytest.mark.parametrize(("value", "filters", "printed"), NUMBERS)
def test_numbers_print_as_people_write_them(value: Value, filters: str, printed: str) -> None:
    assert filtered(value, filters) == printed


@pytest.mark.parametrize("filters", ["number", "won", "money", "percent", "round", "date", "abs"])
@pytest.mark.parametrize("nothing", [None, "", "  "])
def test_a_format_of_nothing_is_nothing(filters: str, nothing: Value) -> None:
    assert filtered(nothing, filters) == ""
    assert filtered(nothing, f"{filters} | default('-')") == "-"


@pytest.mark.parametrize("filters", ["number", "won", "money", "percent", "round"])
@pytest.mark.parametrize(
    "value", ["천 원", "1,234", "nan", "inf", date(2026, 11, 24), b"5", float("nan"), float("inf"), True]
)
def test_what_is_no_number_is_a_fault(value: Value, filters: str) -> None:
    assert "a number is needed" in str(fault(value, filters))


@settings(deadline=None)
@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30))
def test_a_formatted_number_is_the_number(number: Decimal) -> None:
    printed = FILTERS["number"](number)
    assert Decimal(str(printed).replace(",", "")) == number
    assert "E" not in str(printed)


@settings(deadline=None)
@given(st.integers(-(10**18), 10**18))
def test_won_groups_by_thousands(amount: int) -> None:
    assert FILTERS["won"](amount) == f"{amount:,}원"


MOMENT = datetime.fromisoformat("2026-03-05T15:04:09")


@pytest.mark.parametrize(
    ("value", "filters", "printed"),
    [
        (MOMENT, "date", "2026-03-05"),
        (MOMENT, "date('%Y-%m-%d %H:%M:%S')", "2026-03-05 15:04:09"),
        (MOMENT, "date('%-m월 %-d일 %-H시')", "3월 5일 15시"),
        (MOMENT, "date('%y/%-m/%d %I:%M')", "26/3/05 03:04"),
        (MOMENT, "date('%j일째, 100%%')", "064일째, 100%"),
        (MOMENT, "date('%Y년 %m월 %d일 (%a)', 'ko')", "2026년 03월 05일 (목)"),
        (MOMENT, "date('%A %p %-I시 %B %b', 'ko')", "목요일 오후 3시 3월 3월"),
        (MOMENT, "date('%a %A %b %B %p', language='en')", "Thu Thursday Mar March PM"),
        (datetime.fromisoformat("2026-03-05T00:30:00"), "date('%p %I:%M', 'ko')", "오전 12:30"),
        (date(2026, 11, 24), "date('%Y.%m.%d %H:%M')", "2026.11.24 00:00"),
        ("2026-11-24", "date('%m/%d')", "11/24"),
        (" 2026-11-24 09:30:00 ", "date('%m/%d %H:%M')", "11/24 09:30"),
        ("2026-11-24T09:30:00.123456", "date('%H:%M')", "09:30"),
        ("20261124", "date('%m/%d')", "11/24"),
        (date(1, 2, 3), "date", "0001-02-03"),
    ],
)
def test_dates_print_in_the_form_asked_for(value: Value, filters: str, printed: str) -> None:
    assert filtered(value, filters) == printed


@pytest.mark.parametrize("value", [20261124, "어제", "2026-13-01", "24.11.2026", b"2026-11-24", 2.5])
def test_what_is_no_date_is_a_fault(value: Value) -> None:
    assert "a date is needed" in str(fault(value, "date"))


@pytest.mark.parametrize("directive", ["%a", "%A", "%b", "%B", "%p"])
@pytest.mark.parametrize("language", ["", ", 'fr'", ", none"])
def test_names_in_a_date_need_a_language(directive: str, language: str) -> None:
    assert "'ko'" in fault(MOMENT, f"date('{directive}'{language})").next_step


@pytest.mark.parametrize("form", ["%Q", "%", "%-", "%한"])
def test_an_unknown_directive_is_a_fault(form: str) -> None:
    assert "%Y" in fault(MOMENT, f"date('{form}')").next_step


@settings(deadline=None)
@given(st.dates())
def test_a_date_of_any_day_prints_all_its_forms(day: date) -> None:
    assert FILTERS["date"](day) == day.isoformat()
    assert FILTERS["date"](day.isoformat(), "%Y-%m-%d") == day.isoformat()


@pytest.mark.parametrize(
    ("value", "filters", "printed"),
    [
        ("hong", "upper", "HONG"), ("HONG", "lower", "hong"), (" 홍길동 ", "trim", "홍길동"), (5, "upper", "5"),
        (None, "upper", ""), (None, "trim | default('고객')", "고객"), (None, "default('고객')", "고객"),
        ("", "default('고객')", "고객"), (" ", "default('고객')", "고객"), (0, "default('고객')", "0"),
        ("홍", "default('고객')", "홍"),
        ("홍길동", "length", "3"), (12345, "length", "5"), ("가-나-다", "replace('-', '/')", "가/나/다"),
        (None, "replace('-', '/')", ""), ("가나다라마", "truncate(3)", "가나…"), ("가나다", "truncate(3)", "가나다"),
        ("가나 다라", "truncate(4, '...')", "가..."),
        ("홍 길&동/?", "urlencode", "%ED%99%8D%20%EA%B8%B8%26%EB%8F%99%2F%3F"),
        (5, "urlencode", "5"), ("가\n나", "nl2br", "가\n나"), (None, "nl2br", ""), ("<b>", "safe", "<b>"),
        (1000, "won | josa('을/를')", "1,000원을"),
        (" 책 ", "trim | josa('을/를') | upper", "책을"), (None, "josa('을/를')", ""),
    ],
)  # fmt: skip
def test_texts_are_changed_as_asked(value: Value, filters: str, printed: str) -> None:
    assert filtered(value, filters) == printed


def html_of(value: Value, filters: str) -> str:
    compiled = compile_template(Template("", f"$(V | {filters})", ""))
    return compiled.render({"V": value}, (), PLENTY, lambda: 0.0).html


@pytest.mark.parametrize(
    ("value", "filters", "html"),
    [
        ("<가>\r\n<나>\n다", "nl2br", "&lt;가&gt;<br>\n&lt;나&gt;<br>\n다"),
        ("<b>굵게</b>", "safe", "<b>굵게</b>"),
        ("<b>", "upper", "&lt;B&gt;"),
        ("<책>", "josa('을/를')", "&lt;책&gt;을"),
        ("<", "default('-')", "&lt;"),
        (None, "default('<고객>')", "&lt;고객&gt;"),
        ("a", "replace('a', '<')", "&lt;"),
    ],
)
def test_what_a_filter_makes_is_escaped_too(value: Value, filters: str, html: str) -> None:
    assert html_of(value, filters) == html


def test_joined_texts_are_escaped_but_for_what_is_safe() -> None:
    compiled = compile_template(Template("", "$(A ~ (B | safe) ~ A)", ""))
    assert compiled.render({"A": "<", "B": "<br>"}, (), PLENTY, lambda: 0.0).html == "&lt;<br>&lt;"


@pytest.mark.parametrize(
    ("source", "printed"),
    [
        ("$(ROWS | length)", "4"),
        ("$(ROWS | sum('AMOUNT'))", "3500.5"),
        ("$(ROWS | sum('amount') | won)", "3,501원"),
        ("$(ROWS | join(', ', 'ITEM'))", "연필, 공책, 가위"),
        ("$(ROWS[:2] | join(column='item', separator='·'))", "연필·공책"),
        ("$([ROWS[0].ITEM, ROWS[3].ITEM, '끝'] | join('-'))", "연필-끝"),
        ("$([3, 1.5, ROWS[0].AMOUNT] | sum)", "1504.5"),
        ("$(ROWS | sort('ITEM') | join(' ', 'ITEM'))", "가위 공책 연필"),
        ("$(ROWS | sort('AMOUNT') | join(' ', 'AMOUNT'))", "0.5 1500 2000"),
        ("$(ROWS | sort('AMOUNT', reverse=true) | join(' ', 'AMOUNT'))", "2000 1500 0.5"),
        ("$((ROWS | sort('AMOUNT', true))[-1].ITEM)", "가위"),
        ("$(ROWS | sort('ON') | join(' ', 'ON'))", "2026-11-01 2026-11-02 2026-11-03"),
        ("$([ROWS[1].AMOUNT, 3, 10] | sort | join(' '))", "3 10 2000"),
        ("{% for L in ROWS | sort('ITEM') if L.AMOUNT %}$(L.ITEM){% endfor %}", "공책연필"),
    ],
)
def test_rows_are_counted_summed_joined_and_sorted(source: str, printed: str) -> None:
    assert of_rows(source) == printed


@pytest.mark.parametrize("filter_", ["sum('PRICE')", "sort('PRICE')", "join(',', 'PRICE')"])
def test_a_column_that_the_rows_do_not_have_is_a_fault(filter_: str) -> None:
    with pytest.raises(TemplateFault, match="there is no column PRICE"):
        of_rows(f"$(ROWS | {filter_})")


def test_unlike_values_are_sorted_nevertheless() -> None:
    assert of_rows("$([ROWS[0].ITEM, 3, ROWS[0].ON, 2] | sort | join(' '))") == "2 3 2026-11-03 연필"

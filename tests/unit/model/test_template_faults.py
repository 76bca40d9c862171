"""What a row can do wrong, and what a fault tells about it: part, line and variables, never a value."""

from collections.abc import Sequence
from decimal import Decimal

import pytest

from mailer.errors import TemplateFault
from mailer.model.automation import Template
from mailer.model.row import Row, Value
from mailer.model.template import RenderLimits, compile_template

PLENTY = RenderLimits(seconds=60, bytes=1_000_000)
LINES: list[Row] = [{"TRACK": "아리랑", "PRICE": Decimal("0.99")}, {"TRACK": "도라지", "PRICE": None}]


def fault(source: str, row: Row | None = None, rows: Sequence[Row] = ()) -> TemplateFault:
    compiled = compile_template(Template("", source, ""))
    with pytest.raises(TemplateFault) as caught:
        compiled.render(row or {}, rows, PLENTY, lambda: 0.0)
    return caught.value


@pytest.mark.parametrize(
    "source",
    [
        "$(CUST_NMAE)",
        "{% if CUST_NMAE %}{% endif %}",
        "$(CUST_NMAE | default('고객'))",
        "$(CUST_NMAE ~ '')",
        "$(CUST_NMAE | won)",
        "$('' if CUST_NMAE is none)",
        "$(CUST_NMAE == 1)",
        "$(CUST_NMAE + 1)",
        "$(1 if not CUST_NMAE)",
        "{% for L in CUST_NMAE %}{% endfor %}",
        "$(CUST_NMAE.X)",
        "$(CUST_NMAE[:1])",
        "$(ROW.CUST_NMAE)",
        "$(CUST_NMAE | length)",
        "$(CUST_NMAE | nl2br)",
        "$(CUST_NMAE | join)",
        "{% set A = CUST_NMAE %}$(A)",
    ],
)
def test_a_variable_without_a_value_to_come_from_is_a_fault_wherever_it_is_used(source: str) -> None:
    error = fault(f"가\n\n{source}", {"CUST_NAME": "홍길동"})
    assert str(error).startswith("html, line 3")
    assert "there is no column CUST_NMAE" in str(error)


def test_a_fault_names_the_column_of_a_loops_row() -> None:
    error = fault("{% for LINE in ROWS %}\n$(LINE.TRACK) $(LINE.TRAKC)\n{% endfor %}", {}, LINES)
    assert str(error) == "html, line 2, LINE.TRAKC: there is no column TRAKC"


def test_a_fault_names_its_own_variables_where_all_tags_stand_in_one_line() -> None:
    error = fault("$(A) $(B) $(C | date) $(A)", {"A": 1, "B": 2, "C": "어제"})
    assert str(error).startswith("html, line 1, C: a date is needed")


@pytest.mark.parametrize(
    ("source", "where"),
    [
        ("$(A)\n{% if A > B %}{% endif %}", "line 2, A, B"),
        ("$(A)\n{% if A == 1 %}\n{% elif A > B %}{% endif %}", "line 3, A, B"),
        ("$(A)\n\n{% set C = A * B %}$(C)", "line 3, A, B"),
        ("$(A)\n\n{% for L in ROWS if\n A > B %}{% endfor %}", "line 4, A, B"),
        ("$(A)\n\n\n{% for L in B %}{% endfor %}", "line 4, B"),
        ("$(A)\n{% for L in ROWS %}\n$(A) $(\nA > L.B) {% endfor %}", "line 4, A, L.B"),
    ],
)
def test_a_fault_is_found_in_every_kind_of_tag(source: str, where: str) -> None:
    row: Row = {"A": 5, "B": "비밀-홍길동"}
    error = fault(source, row)
    assert str(error).startswith(f"html, {where}: ")
    assert "홍길동" not in str(error)
    assert error.next_step


@pytest.mark.parametrize(
    "source",
    [
        "$(S | date)", "$(S | won)", "$(S | number(2))", "$(S * 2)", "$(S + S)", "$(S > 1)", "$(1 + S)", "$(S.X)",
        "$(S | sum)", "$(S | sort)", "$(S | josa(S))", "$(S | replace('', S))", "$(S | truncate(S))", "$(1 if 1 in S)",
        "$(S[1:S])", "$(S | number(S))", "$(ROWS | sum('S'))", "$(S | date(S, S))", "$(S | date(S))",
        "$(ROWS)", "$(ROW)", "$(B)", "$(1 if S is odd)", "$(S[99])", "$(S / 0)",
        "$(5 / (ROWS | length - 1))", "$(ROWS | round)",
    ],
)  # fmt: skip
def test_no_fault_ever_tells_a_value_of_the_row(source: str) -> None:
    error = fault(source, {"S": "비밀-홍길동", "B": "비밀-홍길동".encode()})
    assert "홍길동" not in str(error)
    assert "비밀" not in str(error)
    assert "비밀" not in error.next_step
    assert error.__cause__ is None
    assert error.__suppress_context__


@pytest.mark.parametrize("operator", ["*", "%", "+", "-", "/", "//"])
@pytest.mark.parametrize(
    ("value", "kind"), [("가", "a text"), (None, "NULL"), (b"\x00", "a binary value"), (True, "true or false")]
)
def test_sums_are_made_of_numbers_alone(operator: str, value: Value, kind: str) -> None:
    for source in (f"$(X {operator} 2)", f"$(2 {operator} X)"):
        assert f"works on numbers, and this is {kind}" in str(fault(source, {"X": value}))


@pytest.mark.parametrize("operator", ["*", "%", "+"])
def test_lists_are_no_numbers(operator: str) -> None:
    assert "this is a list" in str(fault(f"$(ROWS {operator} 2)"))


@pytest.mark.parametrize("source", ["$(1 / X)", "$(1 // X)", "$(1 % X)", "$(1.5 / X)"])
def test_a_division_by_zero_is_a_fault(source: str) -> None:
    assert "divided by zero" in str(fault(source, {"X": 0}))


def test_null_has_a_way_out() -> None:
    assert "default(0)" in fault("$(X + 1)", {"X": None}).next_step
    compiled = compile_template(Template("", "", "$((X | default(0)) + 1)"))
    assert compiled.render({"X": None}, (), PLENTY, lambda: 0.0).text == "1"


@pytest.mark.parametrize(("value", "kind"), [(b"\x00\x01", "binary value"), ((), "list")])
def test_what_has_no_text_can_not_be_printed(value: Value, kind: str) -> None:
    assert kind in str(fault("$(X)", {"X": value}))


def test_a_comparison_of_unlike_values_is_a_fault_with_a_next_step() -> None:
    error = fault("{% if X > 1 %}{% endif %}", {"X": None})
    assert "TypeError" in str(error)
    assert "is null" in error.next_step


def test_half_a_surrogate_pair_is_a_fault_and_no_crash() -> None:
    assert "can't be used" in str(fault("$(X)", {"X": "가\ud800"}))

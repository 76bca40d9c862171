from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from unicodedata import normalize

import pytest

from mailer.errors import TemplateFault
from mailer.model.automation import Template
from mailer.model.row import Row, Value
from mailer.model.template import Rendered, RenderLimits, compile_template

PLENTY = RenderLimits(seconds=60, bytes=1_000_000)
LINES: list[Row] = [{"TRACK": "아리랑", "PRICE": Decimal("0.99")}, {"TRACK": "도라지", "PRICE": Decimal("1.29")}]


def rendered(
    template: Template, row: Row, rows: Sequence[Row] = (), headers: Sequence[tuple[str, str]] = ()
) -> Rendered:
    return compile_template(template, headers).render(row, rows, PLENTY, lambda: 0.0)


def text(source: str, row: Row | None = None, rows: Sequence[Row] = ()) -> str:
    return rendered(Template("", "", source), row or {}, rows).text


def html(source: str, row: Row, rows: Sequence[Row] = ()) -> str:
    return rendered(Template("", source, ""), row, rows).html


def fault(source: str, row: Row | None = None, rows: Sequence[Row] = ()) -> TemplateFault:
    with pytest.raises(TemplateFault) as caught:
        text(source, row, rows)
    return caught.value


def test_every_part_of_a_mail_is_rendered_from_the_row() -> None:
    mail = rendered(
        Template("$(CUST_NAME)님, $(MONTH)월 명세서", "<p>$(CUST_NAME)님</p>", "$(CUST_NAME)님께"),
        {"CUST_NAME": "홍길동", "MONTH": 11},
        headers=[("X-Statement", "2026-$(MONTH)")],
    )
    assert mail == Rendered("홍길동님, 11월 명세서", "<p>홍길동님</p>", "홍길동님께", (("X-Statement", "2026-11"),))


def test_values_are_escaped_in_html_and_nowhere_else() -> None:
    mail = rendered(Template("$(N)", "$(N)", "$(N)"), {"N": "<b>김&박</b>"}, headers=[("X-N", "$(N)")])
    assert mail.html == "&lt;b&gt;김&amp;박&lt;/b&gt;"
    assert (mail.subject, mail.text, mail.headers) == ("<b>김&박</b>", "<b>김&박</b>", (("X-N", "<b>김&박</b>"),))


@pytest.mark.parametrize("name", ["CUST_NAME", "cust_name", "Cust_Name"])
def test_a_name_finds_its_column_in_any_case_of_letters(name: str) -> None:
    assert text(f"$({name})", {"CUST_NAME": "홍길동"}) == "홍길동"


def test_a_korean_name_finds_its_column_in_either_unicode_form() -> None:
    name = normalize("NFD", "고객명")
    assert text(f"$({name})", {"고객명": "홍길동"}) == "홍길동"
    assert text(f"$(ROW.{name}) $(ROW['{name}'])", {"고객명": "홍길동"}) == "홍길동 홍길동"


@pytest.mark.parametrize("source", ['$(ROW["CUST#NO"])', "$(row['cust#no'])", "$( ROW [ 'Cust#No' ] )"])
def test_a_column_whose_name_is_no_word_is_found_in_the_row(source: str) -> None:
    assert text(source, {"CUST#NO": "가-17"}) == "가-17"


def test_columns_win_over_attributes() -> None:
    row: Row = {"ITEMS": "연필", "KEYS": "열쇠", "GET": "받음"}
    assert text("$(ROW.items) $(ROW.keys) $(ROW.get) $(ROW['items'])", row) == "연필 열쇠 받음 연필"


def test_a_row_has_no_attributes_beside_its_columns() -> None:
    assert "no column VALUES" in str(fault("$(ROW.values)", {"A": 1}))


def test_null_prints_as_nothing() -> None:
    assert text("[$(MEMO)]", {"MEMO": None}) == "[]"
    assert html("[$(MEMO)]", {"MEMO": None}) == "[]"


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        (5, "5"),
        (0.99, "0.99"),
        (5.0, "5.0"),
        (1e22, "10000000000000000000000"),
        (1e-7, "0.0000001"),
        (Decimal("0.99"), "0.99"),
        (Decimal(5), "5"),
        (Decimal("5.00"), "5.00"),
        (Decimal("1E+3"), "1000"),
        (Decimal("1E-9"), "0.000000001"),
        (date(2026, 11, 24), "2026-11-24"),
        (datetime.fromisoformat("2026-11-24T09:30"), "2026-11-24 09:30:00"),
    ],
)
def test_a_value_prints_as_the_database_gives_it(value: Value, printed: str) -> None:
    assert text("$(V)", {"V": value}) == printed
    assert html("$(V)", {"V": value}) == printed


def test_rows_holds_the_rows_of_the_mapping_query() -> None:
    source = "{% for LINE in ROWS %}$(loop.index). $(LINE.TRACK) $(LINE.PRICE)\n{% endfor %}"
    assert text(source, LINES[0], LINES) == "1. 아리랑 0.99\n2. 도라지 1.29\n"


def test_rows_is_the_one_row_where_there_is_no_mapping_query() -> None:
    assert text("$(ROWS|length):{% for LINE in ROWS %}$(LINE.TRACK){% endfor %}", LINES[0]) == "1:아리랑"


@pytest.mark.parametrize("line", ["LINE", "line", "Line"])
@pytest.mark.parametrize("column", ["TRACK", "track", "Track"])
def test_a_loop_variable_and_its_columns_go_by_any_case(line: str, column: str) -> None:
    assert text(f"{{% for Line in rows %}}$({line}.{column}){{% endfor %}}", {}, LINES) == "아리랑도라지"


def test_a_loop_variable_ends_with_its_loop() -> None:
    source = "{% for NAME in ROWS %}$(NAME.TRACK) {% endfor %}$(NAME)"
    assert text(source, {"NAME": "홍길동"}, LINES) == "아리랑 도라지 홍길동"


def test_the_loop_tells_where_it_is() -> None:
    source = "{% for L in ROWS %}$(LOOP.Index0)$(loop.length)$('처음' if loop.first)$('끝' if loop.last) {% endfor %}"
    assert text(source, {}, LINES) == "02처음 12끝 "


def test_a_loop_cycles_and_sees_changes_and_neighbours() -> None:
    rows: list[Row] = [{"G": "가", "N": 1}, {"G": "가", "N": 2}, {"G": "나", "N": 3}]
    source = (
        "{% for L in ROWS %}{% if loop.changed(L.G) %}[$(L.G)]{% endif %}$(loop.cycle('홀', '짝'))"
        "{% if not loop.last %}$(loop.nextitem.N){% endif %}{% endfor %}"
    )
    assert text(source, {}, rows) == "[가]홀2짝3[나]홀"


def test_inner_loops_have_a_loop_of_their_own() -> None:
    source = "{% for A in ROWS %}{% for B in ROWS %}$(loop.index){% endfor %}$(loop.index);{% endfor %}"
    assert text(source, {}, LINES) == "121;122;"


def test_outside_a_loop_loop_is_a_column_like_any_other() -> None:
    assert text("$(loop)", {"LOOP": "고리"}) == "고리"


def test_a_loop_can_be_filtered_and_can_be_empty() -> None:
    source = "{% for L in ROWS if L.PRICE > 1 %}$(loop.index)$(L.TRACK){% else %}없음{% endfor %}"
    assert text(source, {}, LINES) == "1도라지"
    assert text(source, {}, LINES[:1]) == "없음"


def test_set_names_a_value_also_over_a_column_of_that_name() -> None:
    assert text("{% set Name = name | trim %}$(NAME)님", {"NAME": " 홍길동 "}) == "홍길동님"


def test_a_name_set_inside_a_loop_stays_there() -> None:
    assert text("{% set N = 'A' %}{% for L in ROWS %}{% set N = L.TRACK %}{% endfor %}$(N)", {}, LINES) == "A"


def test_rows_are_reached_by_place_and_slice() -> None:
    assert text("$(ROWS[1].TRACK) $(ROWS[-1]['track']) $(ROWS[:1] | join(',', 'track'))", {}, LINES) == (
        "도라지 도라지 아리랑"
    )


def test_conditions_compare_columns() -> None:
    source = "{% if GRADE in ('VIP', 'VVIP') and not OWES %}우대{% elif OWES > 10 %}연체{% else %}일반{% endif %}"
    assert text(source, {"GRADE": "VIP", "OWES": 0}) == "우대"
    assert text(source, {"GRADE": "일반", "OWES": Decimal("10.5")}) == "연체"
    assert text(source, {"GRADE": "일반", "OWES": 5}) == "일반"


@pytest.mark.parametrize(
    ("test", "value", "holds"),
    [
        ("none", None, True), ("null", None, True), ("null", "", False), ("not none", 0, True),
        ("blank", None, True), ("blank", "  ", True), ("blank", "값", False), ("blank", 0, False),
        ("odd", 3, True), ("even", 3, False), ("divisibleby(3)", 9, True), ("divisibleby 4", 9, False),
    ],
)  # fmt: skip
def test_tests_ask_about_a_value(test: str, value: Value, holds: bool) -> None:
    assert text(f"$('예' if V is {test} else '아니오')", {"V": value}) == ("예" if holds else "아니오")


def test_without_an_else_a_choice_is_nothing() -> None:
    assert text("[$('우대' if GRADE == 'VIP')]", {"GRADE": "일반"}) == "[]"


def test_texts_are_joined_with_a_tilde_and_null_adds_nothing() -> None:
    assert text("$(A ~ '-' ~ B ~ C)", {"A": "가", "B": None, "C": Decimal("1.50")}) == "가-1.50"


@pytest.mark.parametrize(
    ("sum_", "result"),
    [
        ("PRICE * QTY", "2.97"), ("QTY * 2", "6"), ("QTY / 2", "1.5"), ("6 / QTY", "2"), ("QTY - 5", "-2"),
        ("PRICE * 1.1", "1.089"), ("(-QTY) + 1", "-2"), ("7 // QTY", "2"), ("7 % QTY", "1"), ("0 - QTY", "-3"),
        ("DEC + 0.2", "0.3"), ("(QTY + 1) * (QTY - 1)", "8"),
    ],
)  # fmt: skip
def test_sums_are_decimal(sum_: str, result: str) -> None:
    assert text(f"$({sum_})", {"PRICE": 0.99, "QTY": 3, "DEC": Decimal("0.1")}) == result


def test_brackets_and_quotes_within_a_variable_end_where_they_should() -> None:
    assert (
        text("$(D | date('%Y-%m-%d')) ($(((A)) ~ ')') )", {"D": date(2026, 11, 24), "A": "가"}) == "2026-11-24 (가) )"
    )


def test_comments_print_nothing_and_may_hold_anything() -> None:
    assert text("가$(# $(X) {% if %} 설명 #)나") == "가나"


def test_minified_css_and_other_braces_pass_through() -> None:
    source = "<style>@media(max-width:480px){#page{padding:0}.a{#b}}</style>{{ X }} {# x #} $ 5 $5 %} ) #)"
    assert html(source, {}) == source


@pytest.mark.parametrize(
    ("source", "printed"), [("$('$(')1,200)", "$(1,200)"), ("$('{%')", "{%"), ("US$('$(')", "US$(")]
)
def test_the_delimiters_themselves_can_be_written(source: str, printed: str) -> None:
    assert text(source) == printed
    assert html(source, {}) == printed


def test_raw_text_passes_through() -> None:
    assert text("{% raw %}$(document).ready(){% endraw %}") == "$(document).ready()"


def test_line_ends_are_kept_as_line_feeds() -> None:
    assert text("가\r\n나\r다\n") == "가\n나\n다\n"


def test_blanks_around_blocks_go_where_a_minus_says_so() -> None:
    assert text("가 {%- if A %} 나 {%- endif -%} 다", {"A": 1}) == "가 나다"


@pytest.mark.parametrize(
    "breaks", ["\r\n", "\n", "\r", "\n\n \r\n", "\x0b", "\x0c", "\x85", "\u2028", "\u2029", "\t", "\x00", " \n\t "]
)
def test_line_breaks_never_reach_a_header(breaks: str) -> None:
    mail = rendered(
        Template("$(NAME)님 명세서", "", ""),
        {"NAME": f"홍길동{breaks}Bcc: x@example.com"},
        headers=[("X-N", "$(NAME)")],
    )
    assert mail.subject == "홍길동 Bcc: x@example.com님 명세서"
    assert mail.headers == (("X-N", "홍길동 Bcc: x@example.com"),)


@pytest.mark.timeout(5)
def test_a_subject_of_nothing_but_blanks_costs_nothing() -> None:
    assert rendered(Template("$(A)", "", ""), {"A": "\t" + " " * 200_000 + "가" + " " * 200_000}).subject == "가"


def test_blanks_that_are_no_line_breaks_stay_in_a_subject() -> None:
    assert rendered(Template("  $(A)\n", "", ""), {"A": "가  나\u3000다\u00a0라"}).subject == "가  나\u3000다\u00a0라"


def test_a_compiled_template_tells_the_columns_it_needs() -> None:
    template = Template(
        "$(cust_name) {% if VIP %}$(GIFT | default('없음')){% endif %}",
        "{% set TOTAL = A + B %}$(TOTAL) "
        "{% for LINE in ROWS | sort('X') %}$(LINE.track ~ CUR) $(loop.index){% endfor %} $(ROWS[0].no)",
        "$(row['Cust#No']) $(ROW.C)",
    )
    compiled = compile_template(template, [("X-A", "$(D)")])
    assert compiled.variables == {"CUST_NAME", "VIP", "GIFT", "A", "B", "CUR", "CUST#NO", "C", "D"}
    assert compiled.line_variables == {"TRACK", "NO", "X"}


def test_a_name_that_only_one_branch_sets_is_still_needed() -> None:
    one = compile_template(Template("", "{% if A %}{% set N = 1 %}{% endif %}$(N)", ""))
    both = compile_template(Template("", "{% if A %}{% set N = 1 %}{% else %}{% set N = 2 %}{% endif %}$(N)", ""))
    assert one.variables == {"A", "N"}
    assert both.variables == {"A"}


def test_one_compiled_template_renders_many_rows_without_mixing_them() -> None:
    compiled = compile_template(Template("$(N)", "{% set M = N %}$(M)", "$(N)"))
    for name in ("홍길동", "이몽룡", None, "성춘향"):
        mail = compiled.render({"N": name}, (), PLENTY, lambda: 0.0)
        assert mail.subject == mail.html == mail.text == (name or "")

import html
import re
import unicodedata
from datetime import date, datetime
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.errors import TemplateFault
from mailer.model.automation import Template
from mailer.model.row import Row, Value
from mailer.model.template import RenderLimits, compile_template, fold
from mailer.model.template.filters import FILTERS

PLENTY = RenderLimits(seconds=60, bytes=10_000_000)
NO_SURROGATES = st.characters(exclude_categories=["Cs"])
WITHOUT_TAGS = st.text(
    st.one_of(st.sampled_from("${}()%#<>&\r\n가"), NO_SURROGATES),
).filter(lambda text: "$(" not in text and "{%" not in text)

PIECES = [
    "$(", ")", "{%", "%}", "$(#", "#)", "-", " ", "\n", "if ", "for ", "in ", "endif", "endfor", "else",
    "elif ", "set ", "raw", "endraw", "X", "ROWS", "ROW", "L", "loop", ".", "[", "]", "'", '"', "index", "|",
    "won", "josa", "date", "(", ",", "=", "==", "<", "*", "**", "/", "+", "~", "not ", "is ", "none", "odd",
    "1", "0", "1e999", "9" * 50, "한글", "$", "{", "}", "\\", "sort", "join", "sum", "replace", "'a'", "True",
    "and ", "cycle", "changed", "previtem", ":", "%", "include ", "macro ", "block ",
]  # fmt: skip

VALUES: st.SearchStrategy[Value] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.decimals(),
    st.text(),
    st.binary(),
    st.dates(),
    st.datetimes(),
)


@settings(deadline=None)
@given(WITHOUT_TAGS)
def test_a_text_without_tags_renders_as_itself(source: str) -> None:
    mail = compile_template(Template("", source, source)).render({}, (), PLENTY, lambda: 0.0)
    assert mail.html == mail.text == re.sub("\r\n|\r", "\n", source)


@settings(deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join), VALUES)
def test_whatever_is_written_either_renders_or_is_a_fault(source: str, value: Value) -> None:
    row: Row = {"X": value, "한글": "값"}
    try:
        compiled = compile_template(Template(source, source, source))
        compiled.render(row, [row, row], PLENTY, lambda: 0.0)
    except TemplateFault as fault:
        assert str(fault).startswith("subject")  # noqa: PT017 most heaps of pieces are faults, and no other error


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operators = ["+", "-", "*", "/", "//", "%", "~", "<", "==", "in", "and", "or"]
    filters = sorted(name for name in FILTERS if name.isidentifier())
    tests = ["none", "blank", "odd", "even", "divisibleby(3)"]
    return st.one_of(
        st.tuples(inner, st.sampled_from(operators), inner).map(lambda parts: f"({' '.join(parts)})"),
        st.tuples(inner, st.sampled_from(filters), st.lists(inner, max_size=2).map(", ".join)).map(
            lambda parts: f"({parts[0]} | {parts[1]}({parts[2]}))"
        ),
        st.tuples(inner, st.sampled_from(tests)).map(lambda parts: f"({parts[0]} is {parts[1]})"),
        st.tuples(inner, inner, inner).map(lambda parts: f"({parts[0]} if {parts[1]} else {parts[2]})"),
        st.tuples(inner, st.sampled_from(["[0]", "[-1]", "[:2]", ".X", "['X']", "[9]"])).map("".join),
        st.tuples(inner, inner).map(lambda parts: f"{parts[0]}[{parts[1]}:]"),
        inner.map(lambda part: f"(-{part})"),
        st.lists(inner, max_size=3).map(lambda parts: f"[{', '.join(parts)}]"),
    )


EXPRESSIONS = st.recursive(
    st.sampled_from(
        ["X", "S", "L.X", "L", "ROW", "ROWS", "loop.index", "loop.previtem.X", "2", "1.5", "'을/를'", "none", "'X'"]
    ),
    _larger,
    max_leaves=6,
)


@settings(deadline=None)
@given(EXPRESSIONS, VALUES)
def test_any_expression_renders_or_is_a_fault_that_tells_no_value(expression: str, value: Value) -> None:
    row: Row = {"X": value, "S": "비밀-홍길동"}
    source = f"{{% for L in ROWS %}}$({expression}){{% endfor %}}"
    try:
        compile_template(Template("", source, "")).render(row, [row, row], PLENTY, lambda: 0.0)
    except TemplateFault as fault:
        assert str(fault).startswith("html, line 1")  # noqa: PT017 it may render as well
        assert "비밀" not in str(fault) + fault.next_step  # noqa: PT017 likewise


@settings(deadline=None)
@given(st.text(NO_SURROGATES))
def test_any_text_is_printed_as_it_is_and_escaped_in_html(value: str) -> None:
    mail = compile_template(Template("", "<p title='$(X)'>$(X)</p>", "[$(X)]")).render(
        {"X": value}, (), PLENTY, lambda: 0.0
    )
    assert mail.text == f"[{value}]"
    assert set("<>'\"").isdisjoint(mail.html.removeprefix("<p title='").removesuffix("</p>").replace("'>", "", 1))
    escaped = mail.html[len("<p title='") : mail.html.index("'>")]
    assert html.unescape(escaped) == html.unescape(html.escape(value))


@settings(deadline=None)
@given(VALUES)
def test_any_value_prints_the_same_in_every_part(value: Value) -> None:
    compiled = compile_template(Template("", "$(X)", "$(X)"))
    try:
        mail = compiled.render({"X": value}, (), PLENTY, lambda: 0.0)
    except TemplateFault:
        assert isinstance(value, bytes | Decimal | str)  # binary, absurdly long, or half a surrogate pair
        return
    assert html.unescape(mail.html) == mail.text or isinstance(value, str)
    assert "E" not in mail.text or isinstance(value, str)
    match value:
        case None:
            assert mail.text == ""
        case Decimal() if value.is_finite():
            assert Decimal(mail.text) == value
        case float() if value == value:
            assert float(mail.text) == value
        case datetime():
            assert datetime.fromisoformat(mail.text) == value
        case date():
            assert date.fromisoformat(mail.text) == value


@settings(deadline=None)
@given(st.text(NO_SURROGATES), st.text(NO_SURROGATES))
def test_no_header_ever_holds_a_control_character(before: str, after: str) -> None:
    compiled = compile_template(Template("$(A)\n$(B)", "", ""), [("X-A", "$(A)\r\n$(B)")])
    mail = compiled.render({"A": before, "B": after}, (), PLENTY, lambda: 0.0)
    for value in (mail.subject, mail.headers[0][1]):
        assert len(value.splitlines()) <= 1
        assert not any(unicodedata.category(character) == "Cc" for character in value)


@settings(deadline=None)
@given(st.text(NO_SURROGATES))
def test_folding_twice_is_folding_once_and_the_form_of_a_name_does_not_matter(name: str) -> None:
    assert fold(fold(name)) == fold(name)
    assert fold(unicodedata.normalize("NFD", name)) == fold(name)

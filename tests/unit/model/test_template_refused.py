"""What a template may not say."""

from collections.abc import Sequence
from decimal import Decimal

import pytest

from mailer.errors import TemplateFault
from mailer.model.automation import Template
from mailer.model.row import Row, Value
from mailer.model.template import RenderLimits, compile_template

PLENTY = RenderLimits(seconds=60, bytes=1_000_000)


def refused(source: str) -> TemplateFault:
    with pytest.raises(TemplateFault) as caught:
        compile_template(Template("", source, ""))
    return caught.value


def fault(source: str, row: Row | None = None, rows: Sequence[Row] = ()) -> TemplateFault:
    compiled = compile_template(Template("", source, ""))
    with pytest.raises(TemplateFault) as caught:
        compiled.render(row or {}, rows, PLENTY, lambda: 0.0)
    return caught.value


@pytest.mark.parametrize(
    "source",
    [
        "US$(1,200)", "US$(1)", "US$(1.5)", '$("#a")', "$('가')", "$(true)", "$(none)", "$(5 | won)", "$(['가'])",
        "$('가' ~ '나')", "$(1 + 2)", "$('{%' ~ '')",
    ],
)  # fmt: skip
def test_what_names_no_variable_is_refused_with_its_line_and_the_way_to_write_it(source: str) -> None:
    error = refused(f"<p>\n안녕하세요\n{source}</p>")
    assert "html, line 3" in str(error)
    assert "$('$(')" in error.next_step


@pytest.mark.parametrize("source", ["$(A, B)", "$(A,)", "$(TOTAL, 200)"])
def test_several_values_in_one_variable_are_refused(source: str) -> None:
    assert "one value" in str(refused(source))


@pytest.mark.parametrize(
    "source",
    [
        "$(", "$(A", "$()", "$(A B)", "$(])", "$(function(){})", "{% if A %}", "{% endif %}",
        "{% for %}{% endfor %}", "{% if %}{% endif %}", "{% frobnicate %}", "{%", "$(#", "{% raw %}", "$(CUST#NO)",
        "$(A$B)", "$(1ST)", "$('가)", "$(A | )", "$(A |won(])", "{% set %}", "{% do A %}", "$(A..B)", "$({)",
        "{% break %}",
    ],
)  # fmt: skip
def test_broken_syntax_is_refused_with_its_line(source: str) -> None:
    error = refused(f"가\n나 {source}")
    assert "html, line 2" in str(error)
    assert error.next_step


@pytest.mark.parametrize(("source"), ["$(-OWES)", "$(+OWES)", "$(- OWES)", "$(OWES -)", "$(OWES -)  원"])
def test_a_sign_at_the_edge_is_refused_because_jinja_would_swallow_it(source: str) -> None:
    assert "html, line 1" in str(refused(source))


@pytest.mark.parametrize(
    ("part", "template"),
    [
        ("subject", Template("$(", "", "")),
        ("html", Template("", "$(", "")),
        ("text", Template("", "", "$(")),
    ],
)
def test_a_fault_names_the_part(part: str, template: Template) -> None:
    with pytest.raises(TemplateFault, match=f"^{part}, line 1: "):
        compile_template(template)


def test_a_fault_in_a_header_names_the_header() -> None:
    with pytest.raises(TemplateFault, match=r"^header X-Statement, line 1: "):
        compile_template(Template("", "", ""), [("X-Fine", "$(A)"), ("X-Statement", "$(A B)")])


@pytest.mark.parametrize(
    ("tag", "source"),
    [
        ("include", "{% include 'x' %}"),
        ("import", "{% import 'x' as x %}"),
        ("from", "{% from 'x' import y %}"),
        ("extends", "{% extends 'x' %}"),
        ("block", "{% block x %}{% endblock %}"),
        ("macro", "{% macro x() %}{% endmacro %}"),
        ("call", "{% call x() %}{% endcall %}"),
        ("filter", "{% filter upper %}{% endfilter %}"),
        ("set … endset", "{% set x %}{% endset %}"),
        ("with", "{% with x = 1 %}{% endwith %}"),
        ("autoescape", "{% autoescape false %}{% endautoescape %}"),
    ],
)
@pytest.mark.parametrize("around", ["{}", "{{% if A %}}{}{{% endif %}}", "{{% for L in ROWS %}}{}{{% endfor %}}"])
def test_tags_beyond_if_for_and_set_are_refused(around: str, tag: str, source: str) -> None:
    error = refused(f"\n{around.format(source)}")
    assert f"{{% {tag} %}}" in str(error)
    assert "line 2" in str(error)


@pytest.mark.parametrize("source", ["$(range(9))", "$(lipsum())", "$(NAME.upper())", "$(ROWS.append(1))", "$(NAME())"])
def test_nothing_can_be_called(source: str) -> None:
    assert "nothing can be called" in str(refused(source))


def test_no_globals_are_left() -> None:
    for name in ("range", "lipsum", "dict", "cycler", "joiner", "namespace", "self", "caller", "varargs"):
        assert "there is no column" in str(fault(f"$({name})"))


@pytest.mark.parametrize(
    "source", ["$(X ** 9)", "{% set Y = 2 ** X %}", "{% if X ** X %}{% endif %}", "$(X | number(2**9))"]
)
def test_powers_are_refused(source: str) -> None:
    assert "no **" in str(refused(source))


@pytest.mark.parametrize(
    "source",
    [
        "{% for C in 'abc' %}{% endfor %}", "{% for C in [1, 2] %}{% endfor %}", "{% for C in 9 %}{% endfor %}",
        "{% for A, B in ROWS %}{% endfor %}", "{% for L in ROWS recursive %}{% endfor %}",
        "{% for LOOP in ROWS %}{% endfor %}", "{% for ROW in ROWS %}{% endfor %}",
    ],
)  # fmt: skip
def test_loops_that_run_over_no_data_are_refused(source: str) -> None:
    assert "line 1" in str(refused(source))


@pytest.mark.parametrize("value", ["가나다", 5, Decimal(9), b"\x00", None, 2.5, True])
def test_a_loop_over_a_value_that_is_no_list_is_a_fault(value: Value) -> None:
    assert "a loop runs over rows" in str(fault("{% for C in X %}$(C){% endfor %}", {"X": value}))


def test_a_loop_over_listed_columns_is_fine() -> None:
    compiled = compile_template(Template("", "", "{% for C in [A, B] if C is not blank %}$(C) {% endfor %}"))
    assert compiled.render({"A": "서울", "B": None}, (), PLENTY, lambda: 0.0).text == "서울 "


@pytest.mark.parametrize("name", ["rows", "Row", "LOOP"])
def test_a_name_of_mailers_own_can_not_be_set(name: str) -> None:
    assert "a name of its own" in str(refused(f"{{% set {name} = A %}}"))


def test_set_takes_one_plain_name() -> None:
    assert "sets one name" in str(refused("{% set A, B = C %}"))
    assert "sets one name" in str(refused("{% set A.B = C %}"))


@pytest.mark.parametrize(
    "source",
    [
        "$(loop)",
        "$(LOOP | won)",
        "$(loop.depth)",
        "$(loop.cycle)",
        "$(loop['index'])",
        "$(loop())",
        "$(loop.cycle(*A))",
        "$(loop.cycle(a=1))",
    ],
)
def test_within_a_loop_only_what_the_loop_tells_can_be_asked(source: str) -> None:
    assert "line 1" in str(refused(f"{{% for L in ROWS %}}{source}{{% endfor %}}"))


@pytest.mark.parametrize(
    "source",
    [
        "$(ROW[X])",
        "$(ROWS[X])",
        "$(ROWS[1.5])",
        "$(ROWS[true])",
        "$(ROW[none])",
        "$(2[X:])",
        "$('가'.X)",
        "$({'a': X})",
    ],
)
def test_places_are_constants(source: str) -> None:
    refused(source)


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("$(X | moeny)", "did you mean 'money'?"),
        ("$(X | Won)", "did you mean 'won'?"),
        ("$(X | attr('__class__'))", "there are "),
        ("$('' if X is defind else '')", "there are "),
        ("$('' if X is evn else '')", "did you mean 'even'?"),
    ],
)
def test_an_unknown_filter_or_test_is_refused_with_the_nearest(source: str, hint: str) -> None:
    error = refused(source)
    assert error.next_step.startswith(hint)
    assert "there is no " in str(error)


@pytest.mark.parametrize(
    "source",
    ["$(X | josa)", "$(X | won(1))", "$(X | date('a', 'b', 'c'))", "$(X | number(places=2))", "$(X | join(*Y))"],
)
def test_arguments_that_a_filter_does_not_take_are_refused_when_it_is_compiled(source: str) -> None:
    assert "does not take these arguments" in str(refused(source))


@pytest.mark.parametrize("source", ["$(ROWS | sum(S))", "$(ROWS | sort(column=S))", "$(ROWS | join(', ', 5))"])
def test_a_filters_column_is_a_name_in_quotes(source: str) -> None:
    assert "in quotes" in str(refused(source))


def test_two_names_that_python_takes_for_one_are_refused() -> None:
    assert "another name" in str(refused("$(A)$(Ａ)"))
    compiled = compile_template(Template("", "", "$(A)$(ROW['Ａ'])"))
    assert compiled.render({"A": "가", "Ａ": "나"}, (), PLENTY, lambda: 0.0).text == "가나"

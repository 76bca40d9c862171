"""No template takes more time, memory or output than it is given, nor gets out of its sandbox."""

import time
import tracemalloc
from collections.abc import Callable, Sequence
from contextlib import suppress
from decimal import Decimal
from itertools import count

import pytest

from mailer.errors import TemplateFault
from mailer.model.automation import Template
from mailer.model.row import Row
from mailer.model.template import RenderLimits, compile_template

MANY: list[Row] = [{"N": number, "NAME": "홍길동"} for number in range(1000)]


def stopped(
    source: str,
    limits: RenderLimits,
    row: Row | None = None,
    rows: Sequence[Row] = MANY,
    monotonic: Callable[[], float] = time.monotonic,
) -> TemplateFault:
    compiled = compile_template(Template("", source, ""))
    with pytest.raises(TemplateFault) as caught:
        compiled.render(row or {}, rows, limits, monotonic)
    return caught.value


def a_clock_that_gains(seconds: float) -> Callable[[], float]:
    ticks = count()
    return lambda: next(ticks) * seconds


@pytest.mark.parametrize(
    "inner",
    ["", "{% set X = B.N %}", "{% if A.N == B.N %}{% endif %}", "$(A.N)", "$('x' if A.N < 0)"],
)
def test_nested_loops_end_at_the_deadline_even_where_they_print_nothing(inner: str) -> None:
    loops = ["{% for A in ROWS %}", "{% for B in ROWS %}", "{% for C in ROWS %}"]
    error = stopped(
        "\n" + "".join([*loops, inner, *["{% endfor %}"] * 3]),
        RenderLimits(seconds=2, bytes=10**9),
        monotonic=a_clock_that_gains(0.001),
    )
    assert str(error) == "html, line 2, ROWS: rendering took longer than 2 s"
    assert "MAILER_RENDER_SECONDS" in error.next_step


def test_the_real_clock_stops_a_billion_rounds_in_time() -> None:
    source = "{% for A in ROWS %}{% for B in ROWS %}{% for C in ROWS if C.N < 0 %}{% endfor %}{% endfor %}{% endfor %}"
    start = time.monotonic()
    stopped(source, RenderLimits(seconds=0.2, bytes=1000))
    assert time.monotonic() - start < 5


def test_the_deadline_counts_for_all_parts_together() -> None:
    loop = "{% for A in ROWS %}{% endfor %}"
    compiled = compile_template(Template(loop, loop, loop), [("X-A", loop)])
    seconds = RenderLimits(seconds=3.5, bytes=1000)
    with pytest.raises(TemplateFault, match=r"^header X-A, line 1, ROWS: rendering took longer"):
        compiled.render({}, MANY, seconds, a_clock_that_gains(0.001))


def test_a_mail_within_its_time_is_rendered() -> None:
    compiled = compile_template(Template("", "", "{% for A in ROWS %}{% endfor %}끝"))
    assert compiled.render({}, MANY, RenderLimits(2, 1000), a_clock_that_gains(0.001)).text == "끝"


@pytest.mark.parametrize(("size", "fits"), [(9, True), (8, False), (0, False)])
def test_output_is_counted_in_bytes_to_the_byte(size: int, fits: bool) -> None:
    compiled = compile_template(Template("", "$(NAME)", ""))
    limits = RenderLimits(seconds=60, bytes=size)
    if fits:
        assert compiled.render({"NAME": "홍길동"}, (), limits, time.monotonic).html == "홍길동"
    else:
        with pytest.raises(TemplateFault, match=r"^html: the mail is larger than"):
            compiled.render({"NAME": "홍길동"}, (), limits, time.monotonic)


def test_output_counts_for_all_parts_together() -> None:
    compiled = compile_template(Template("1234", "1234", "1234"), [("X-A", "1234")])
    assert compiled.render({}, (), RenderLimits(60, 16), time.monotonic).headers == (("X-A", "1234"),)
    with pytest.raises(TemplateFault, match=r"^header X-A"):
        compiled.render({}, (), RenderLimits(60, 15), time.monotonic)


def test_output_stops_while_it_is_generated_and_not_after() -> None:
    tracemalloc.start()
    try:
        error = stopped(
            "{% for A in ROWS %}{% for B in ROWS %}{% for C in ROWS %}$(A.NAME){% endfor %}{% endfor %}{% endfor %}",
            RenderLimits(seconds=600, bytes=300_000),
        )
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert "larger than 300,000 bytes" in str(error)
    assert "MAILER_RENDER_BYTES" in error.next_step
    assert peak < 20_000_000


DOUBLING = {
    "tilde": "{% set X = X ~ X %}",
    "join": "{% set X = [X, X] | join %}",
    "separator": "{% set X = ['a', 'b', 'c'] | join(X) ~ X %}",
    "replace": "{% set X = X | replace('가', '가가') %}",
    "multiplication": "{% set X = X * X %}",
}


@pytest.mark.parametrize("way", DOUBLING)
def test_no_value_doubles_itself_into_the_memory(way: str) -> None:
    value = 7 if way == "multiplication" else "가"
    tracemalloc.start()
    try:
        stopped(DOUBLING[way] * 60, RenderLimits(seconds=600, bytes=1_000_000), {"X": value})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000


@pytest.mark.parametrize(
    "step",
    [
        "{% set Y = X | upper %}",
        "{% set Y = X[::-1] %}",
        "{% set Y = ROWS | sort('N') %}",
        "{% if X | length %}{% endif %}",
    ],
)
def test_a_row_of_filters_and_slices_ends_at_the_deadline_though_each_is_short(step: str) -> None:
    limits = RenderLimits(seconds=1, bytes=1000)
    assert "rendering took longer" in str(stopped(step * 100, limits, {"X": "가"}, monotonic=a_clock_that_gains(0.1)))


def test_what_a_filter_makes_is_no_larger_than_the_mail_may_be() -> None:
    error = stopped("$(X | urlencode | truncate(3))", RenderLimits(seconds=60, bytes=1000), {"X": "가" * 200})
    assert "larger than 1,000 bytes" in str(error)
    compiled = compile_template(Template("", "", "$(X | truncate(3))"))
    assert compiled.render({"X": "가" * 200}, (), RenderLimits(60, 1000), time.monotonic).text == "가가…"


def test_what_is_slow_to_make_is_not_begun_for_a_text_that_is_too_large() -> None:
    row: Row = {"X": "가" * 1_000_000}
    tracemalloc.start()
    try:
        stopped("$(X | urlencode)", RenderLimits(seconds=600, bytes=1000), row)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000


def test_millions_of_lines_are_broken_without_an_object_for_each() -> None:
    row: Row = {"X": "&\n" * 2_000_000}
    compiled = compile_template(Template("", "$(X | nl2br)", ""))
    began = time.process_time()
    assert len(compiled.render(row, (), RenderLimits(600, 10**8), time.monotonic).html) == 20_000_000 - 5
    assert time.process_time() - began < 3  # a fraction of a second; line by line, eight


@pytest.mark.parametrize(("begin", "end"), ["[]", "()"])
def test_lists_are_not_put_into_lists_for_to_compare_them_would_take_for_ever(begin: str, end: str) -> None:
    def list_of(name: str) -> str:
        return f"{{% set {name} = {begin}{name}, {name}{end} %}}"

    error = stopped(
        (list_of("X") + list_of("Y")) * 60 + "{% if X == Y %}{% endif %}", RenderLimits(60, 1000), {"X": 1, "Y": 1}
    )
    assert "a list holds values" in str(error)


@pytest.mark.parametrize(
    "source",
    [
        "$(X*10**9)",
        "$('a' * 1000000000 ~ X)",
        "$(X * 1000000000)",
        "$('%1000000000d' % X)",
        "$([X] * 99999999)",
        "$(ROWS * 99999999)",
        "$(X + X)",
        "$(ROWS + ROWS)",
    ],
)
def test_nothing_but_numbers_is_multiplied(source: str) -> None:
    with pytest.raises(TemplateFault):
        compile_template(Template("", "", source)).render({"X": "가"}, MANY, RenderLimits(60, 10**9), time.monotonic)


@pytest.mark.parametrize(
    "source",
    [
        "$(X | number(999999999))",
        "$(X | round(-1))",
        "$(X | money('', 21))",
        "$(X | date('%999999999Y'))",
        "$(X | truncate(-5))",
    ],
)
def test_formats_have_bounds(source: str) -> None:
    with pytest.raises(TemplateFault):
        compile_template(Template("", "", source)).render({"X": 1}, (), RenderLimits(60, 10**9), time.monotonic)


@pytest.mark.parametrize("value", ["1e999999999", Decimal("1e999999"), Decimal("1e-999999"), "1e-999999999"])
@pytest.mark.parametrize("format_", ["number", "number(2)", "won", "money", "percent", "round", "abs"])
def test_a_number_of_absurd_length_is_a_fault_or_nothing(value: str | Decimal, format_: str) -> None:
    compiled = compile_template(Template("", "", f"$(X | {format_})"))
    with suppress(TemplateFault):
        assert len(compiled.render({"X": value}, (), RenderLimits(60, 10**9), time.monotonic).text) < 100


@pytest.mark.parametrize(
    "source",
    [
        "$(X.__class__)", "$(X['__class__'])", "$(ROW.__class__.__mro__)", "$(ROWS.__len__)",
        "$(X | attr('__class__'))", "$(''.__class__)", "$(X.__class__.__base__.__subclasses__())", "$(X.format(X))",
        "$('{0.__class__}'.format(X))", "$(X.format_map(ROW))", "$(self)", "$(self.__init__.__globals__)",
        "$(loop.__class__)", "$(_context)", "$(environment)", "$(context)", "$(X | map('attr', '__class__'))",
        "$(X | list)", "$(X | format)", "$(X | tojson)", "$(X | pprint)", "$(X | safe.__class__)",
        "$(cycler.__init__.__globals__.os)", "$(lipsum.__globals__)", "$(X is sameas X)", "$(X is callable)",
        "$(X | groupby('X'))", "$(x() )", "$(ROW | dictsort)", "$(X | select)", "$(namespace(a=1))",
        "{% set ns = namespace() %}", "{% set ns.x = X %}", "{% for L in ROWS %}$(loop.__init__){% endfor %}",
        "{% for L in ROWS %}$(loop.cycle.__globals__){% endfor %}",
        "{% for L in ROWS %}$(loop._iterable){% endfor %}",
        "{% for L in ROWS %}$(loop.previtem.__class__){% endfor %}", "$(X |' budget')", "$(ROW[' budget'])",
        "$([X] | ' joined')", "{% for L in ROWS %}$(loop(ROWS)){% endfor %}", "$(X[X])", "$(ROWS.sort)",
        "$(ROWS.append(X))", "$(caller())", "{% import os %}", "$(get_flashed_messages.__globals__)", "$(config)",
        "$(request)", "$(X.mro)", "$(varargs)", "$(kwargs)",
    ],
)  # fmt: skip
def test_tries_to_leave_the_sandbox_fail(source: str) -> None:
    with pytest.raises(TemplateFault):
        compile_template(Template("", source, "")).render({"X": "가"}, (), RenderLimits(60, 10**6), time.monotonic)


def test_a_template_in_a_value_is_only_a_value() -> None:
    compiled = compile_template(Template("$(X)", "$(X)", "$(X)"))
    mail = compiled.render({"X": "$(Y){% for A in ROWS %}$(#"}, (), RenderLimits(60, 10**6), time.monotonic)
    assert mail.subject == mail.html == mail.text == "$(Y){% for A in ROWS %}$(#"


@pytest.mark.parametrize(
    "source",
    [
        "$(" + "(" * 5000 + "A" + ")" * 5000 + ")",
        "$(" + "not " * 5000 + "A)",
        "{% if A %}" * 3000 + "{% endif %}" * 3000,
        "{% for A in ROWS %}" * 25 + "{% endfor %}" * 25,
        "$(A + " + "9" * 5000 + ")",
        "$(A" + " | upper" * 3000 + ")",
        "$(A" + " ~ A" * 3000 + " + 1" * 3000 + ")",
        "$(A == 1e999999)",
    ],
    ids=["brackets", "nots", "ifs", "loops", "digits", "filters", "sums", "infinity"],
)
def test_a_template_beyond_all_measure_is_a_fault_or_renders(source: str) -> None:
    with suppress(TemplateFault):
        compiled = compile_template(Template("", source, ""))
        compiled.render({"A": 1}, (), RenderLimits(60, 10**6), time.monotonic)

import math
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.model.duration import format_duration, parse_duration

FORMS = "write a number of seconds, or 500ms, 2s, 15m, 1h, 1d"


@pytest.mark.parametrize(
    ("written", "duration"),
    [
        ("500ms", timedelta(milliseconds=500)),
        ("2s", timedelta(seconds=2)),
        ("15m", timedelta(minutes=15)),
        ("1h", timedelta(hours=1)),
        ("1d", timedelta(days=1)),
        ("1.5h", timedelta(minutes=90)),
        ("0.1ms", timedelta(microseconds=100)),
        ("30", timedelta(seconds=30)),
        ("0.25", timedelta(milliseconds=250)),
        (" 2s ", timedelta(seconds=2)),
        (30, timedelta(seconds=30)),
        (0.25, timedelta(milliseconds=250)),
        (0, timedelta(0)),
        ("0", timedelta(0)),
    ],
)
def test_a_duration_is_a_number_of_seconds_or_a_number_with_a_unit(written: str | float, duration: timedelta) -> None:
    assert parse_duration(written) == duration


@pytest.mark.parametrize(
    "written",
    [
        "",
        "s",
        "15 minutes",
        "15 m",
        "15M",
        "1h30m",
        "+5s",
        "--5s",
        "1.s",
        ".5s",
        "1e3",
        "nan",
        "inf",
        "５s",
        "십 초",
        True,
    ],
)
def test_what_is_no_duration_is_refused_with_the_forms_that_are(written: str | bool) -> None:
    with pytest.raises(ValueError, match="is no duration") as refusal:
        parse_duration(written)
    assert str(refusal.value) == f"{written!r} is no duration; {FORMS}"


@pytest.mark.parametrize("written", ["-5s", "-1", " -0.5h", -1, -0.25])
def test_a_negative_duration_is_refused(written: str | float) -> None:
    with pytest.raises(ValueError, match="a duration can't be negative"):
        parse_duration(written)


def test_not_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="nan is no duration"):
        parse_duration(math.nan)


@pytest.mark.parametrize("written", [math.inf, -math.inf, 10**400, "1000000000d", "9" * 5000])
def test_a_duration_that_no_calendar_holds_is_refused(written: str | float) -> None:
    with pytest.raises(ValueError, match="is too long for a duration"):
        parse_duration(written)


@pytest.mark.parametrize(
    ("duration", "written"),
    [
        (timedelta(0), "0s"),
        (timedelta(milliseconds=500), "500ms"),
        (timedelta(milliseconds=1500), "1500ms"),
        (timedelta(seconds=60), "1m"),
        (timedelta(minutes=90), "90m"),
        (timedelta(hours=36), "36h"),
        (timedelta(days=14), "14d"),
        (timedelta(microseconds=1), "0.001ms"),
        (timedelta(seconds=1, microseconds=250), "1000.25ms"),
    ],
)
def test_a_duration_is_written_as_a_whole_number_of_its_longest_unit(duration: timedelta, written: str) -> None:
    assert format_duration(duration) == written


def test_a_negative_duration_is_not_written() -> None:
    with pytest.raises(ValueError, match="can't be negative"):
        format_duration(timedelta(microseconds=-1))


@given(st.timedeltas(min_value=timedelta(0)))
def test_what_is_written_is_read_back_exactly(duration: timedelta) -> None:
    assert parse_duration(format_duration(duration)) == duration


@given(st.integers(0, 10**9), st.sampled_from([timedelta(milliseconds=1), timedelta(hours=1), timedelta(days=1)]))
def test_no_other_whole_number_of_a_unit_is_shorter(number: int, unit: timedelta) -> None:
    try:
        duration = number * unit
    except OverflowError:
        return
    shortest = format_duration(duration)
    for letters in ("ms", "s", "m", "h", "d"):
        one = parse_duration(f"1{letters}")
        assert duration % one or len(f"{duration // one}{letters}") >= len(shortest)


@given(st.text(alphabet="0123456789.-+dhms e", max_size=8))
def test_no_text_gives_anything_but_a_duration_or_a_sentence(written: str) -> None:
    try:
        duration, sentence = parse_duration(written), ""
    except ValueError as refusal:
        duration, sentence = timedelta(0), str(refusal)
    assert duration >= timedelta(0)
    assert not sentence or FORMS in sentence

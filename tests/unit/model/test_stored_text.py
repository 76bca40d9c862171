"""Whatever the text: it is short enough, and can be encoded."""

from hypothesis import given
from hypothesis import strategies as st

from mailer.model.stored_text import maybe_storable, storable


def test_half_a_letter_and_nul_are_taken_out_and_the_rest_is_kept() -> None:
    assert storable("거절: \ud83d, \0끝", 100) == "거절: \ufffd, 끝"


def test_a_letter_in_two_halves_becomes_whole() -> None:
    assert storable("\ud83d\ude00", 10) == "😀"


def test_what_is_too_long_is_cut() -> None:
    assert storable("가" * 2000, 1000) == "가" * 1000


def test_no_text_stays_none() -> None:
    assert maybe_storable(None, 10) is None
    assert maybe_storable("a\0b", 10) == "ab"


@given(st.text(st.characters(codec=None, categories=None)), st.integers(0, 20))
def test_any_text_can_be_encoded_and_is_short_enough(text: str, limit: int) -> None:
    kept = storable(text, limit)
    assert len(kept) <= limit
    assert "\0" not in kept
    kept.encode("utf-8")


@given(st.text(max_size=20))
def test_a_proper_text_is_kept_as_it_is(text: str) -> None:
    assert storable(text, 20) == text.replace("\0", "")

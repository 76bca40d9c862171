from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.errors import TemplateFault
from mailer.model.template.josa import final_sound, with_particle


@pytest.mark.parametrize(
    ("pair", "closed", "opened"),
    [
        ("을/를", "책을", "사과를"),
        ("이/가", "홍길동이", "영희가"),
        ("은/는", "서울은", "제주는"),
        ("과/와", "책과", "사과와"),
        ("아/야", "길동아", "영희야"),
        ("이나/나", "책이나", "사과나"),
        ("이랑/랑", "길동이랑", "영희랑"),
        ("이라고/라고", "책이라고", "사과라고"),
        ("이에요/예요", "책이에요", "사과예요"),
        ("으로/로", "부산으로", "제주로"),
        ("으로부터/로부터", "부산으로부터", "제주로부터"),
    ],
)
def test_a_particle_follows_the_final_consonant(pair: str, closed: str, opened: str) -> None:
    after_consonant, after_vowel = pair.split("/")
    assert with_particle(closed.removesuffix(after_consonant), pair) == closed
    assert with_particle(opened.removesuffix(after_vowel), pair) == opened


def test_after_rieul_the_way_is_the_short_form_alone() -> None:
    assert with_particle("서울", "으로/로") == "서울로"
    assert with_particle("서울", "을/를") == "서울을"


@pytest.mark.parametrize("pair", ["를/을", "로/으로", "가/이", "예요/이에요", "나/이나"])
def test_the_two_forms_may_stand_either_way(pair: str) -> None:
    first, second = pair.split("/")
    assert with_particle("사과", pair) == "사과" + first
    assert with_particle("책", pair) == "책" + second


@pytest.mark.parametrize(
    "sentence",
    [
        "0을", "1을", "2를", "3을", "4를", "5를", "6을", "7을", "8을", "9를", "10을", "20을", "100을", "1,000을",
        "10000을", "100,000,000을", "1000000000000를", "10000000000000000을", "3.2를", "3.50을", "00을",
        "제2를", "1,234원을",
    ],
)  # fmt: skip
def test_digits_are_read_in_korean(sentence: str) -> None:
    assert with_particle(sentence[:-1], "을/를") == sentence


@pytest.mark.parametrize(
    ("number", "result"), [("1", "1로"), ("7", "7로"), ("8", "8로"), ("3", "3으로"), ("2", "2로"), ("10", "10으로")]
)
def test_numbers_that_end_in_rieul_take_the_short_form(number: str, result: str) -> None:
    assert with_particle(number, "으로/로") == result


@pytest.mark.parametrize(
    "sentence",
    [
        "SMS를", "URL을", "VIP를", "PIN을", "ATM을", "QR을", "A를", "Google을", "Apple을", "Gmail을",
        "Amazon을", "iPhone을", "Chrome을", "Music을", "Facebook을", "Internet을", "Samsung을", "Server를",
        "Coffee를", "Data를", "Microsoft를", "Card를",
    ],
)  # fmt: skip
def test_latin_words_are_read_as_koreans_say_them(sentence: str) -> None:
    assert with_particle(sentence[:-1], "을/를") == sentence


def test_latin_words_that_end_in_l_take_the_short_form() -> None:
    assert with_particle("Google", "으로/로") == "Google로"
    assert with_particle("URL", "으로/로") == "URL로"
    assert with_particle("iPhone", "으로/로") == "iPhone으로"


@pytest.mark.parametrize(
    "sentence",
    [
        "사과(국산)를", "'사과'를", "『책』을", "책!?을", "(주)를", "삼성(주)을", "책😀을", "사과(국산)(특)를",
        "책 을", "책 (중고)을",
    ],
)  # fmt: skip
def test_brackets_and_signs_at_the_end_are_not_spoken(sentence: str) -> None:
    assert with_particle(sentence[:-1], "을/를") == sentence


@pytest.mark.parametrize("word", ["漢", "東京", "カメラ", "ひらがな", "Москва", "ㅋㅋ", "…", ""])
def test_where_nobody_knows_the_sound_both_forms_stand(word: str) -> None:
    assert with_particle(word, "을/를") == f"{word}을(를)"


def test_either_unicode_form_is_read_alike() -> None:
    assert with_particle(normalize("NFD", "책"), "을/를") == normalize("NFD", "책") + "을"
    assert with_particle("책", normalize("NFD", "을/를")) == "책을"


@pytest.mark.parametrize("pair", ["을", "", "/", "을/", "/를", "을/은", "은를", "을/를/은", "이/이", "으로"])
def test_what_is_no_pair_is_a_fault(pair: str) -> None:
    with pytest.raises(TemplateFault) as caught:
        with_particle("책", pair)
    assert "josa('을/를')" in caught.value.next_step


@settings(deadline=None)
@given(st.text(alphabet=[chr(code) for code in range(ord("가"), ord("힣") + 1)], min_size=1, max_size=5))
def test_every_syllable_says_its_final_consonant(word: str) -> None:
    decomposed = normalize("NFD", word)
    assert (final_sound(word) != 0) == ("\u11a8" <= decomposed[-1] <= "\u11c2")


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_gets_one_of_the_forms(word: str) -> None:
    assert with_particle(word, "을/를")[len(word) :] in ("을", "를", "을(를)")


@pytest.mark.timeout(5)
@pytest.mark.parametrize(
    "word", ["()" * 100_000 + "가", "(" * 100_000, " " * 100_000 + "!", ")" * 100_000, "가" + "(" * 100_000 + "!"]
)
def test_a_long_text_costs_nothing(word: str) -> None:
    for _ in range(1000):
        with_particle(word, "을/를")

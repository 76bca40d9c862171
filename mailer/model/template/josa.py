"""Korean particles, which follow the sound that a word ends in: 책을, 사과를."""

import re
from unicodedata import normalize

from mailer.errors import TemplateFault

_NONE, _RIEUL = 0, 8
"""Places in the Unicode Standard's list of final consonants (section 3.12): none, and ㄹ, after which 로 stands."""
_OTHER = 1
"""Any other final consonant: no particle tells them apart."""

_PAIRS = frozenset({("을", "를"), ("이", "가"), ("은", "는"), ("과", "와"), ("아", "야"), ("이에요", "예요")})

# 영 일 이 삼 사 오 육 칠 팔 구
_DIGITS = dict(zip("0123456789", (1, 8, 0, 1, 0, 0, 1, 8, 8, 0), strict=True))
# L 엘, M 엠, N 엔, R 알; all other letters' names end in a vowel.
_LETTERS = {"L": _RIEUL, "M": _OTHER, "N": _OTHER, "R": _RIEUL}
# As Koreans say loanwords: 구글 애플, 아이폰 크롬, 쇼핑, 뮤직 웹 팁 인터넷, 페이스북.
_LATIN_WORD = re.compile(r"(?P<rieul>le?$)|[mn]e?$|ng$|(?<=[aeiou])[bckpt]$|ck$", re.IGNORECASE)

_LAST_WORD = re.compile(r"(?P<number>[0-9,]*[0-9])$|(?P<latin>[A-Za-z]+)$|(?P<hangul>[가-힣])$")
_TAIL = 200
"""Characters at the end that are looked at, so that a long text costs nothing."""


def with_particle(word: str, pair: str) -> str:
    """The word with the form of `pair` that its sound asks for: ('책', '을/를') → '책을'.

    The form after a consonant may stand first or second. Brackets and signs at the word's end are not spoken.
    Where the sound is not known (a script other than Hangul and Latin) both stand: '漢을(를)'.
    """
    closed, opened = _forms(pair)
    sound = final_sound(word)
    if sound is None:
        return f"{word}{closed}({opened})"
    if sound == _NONE or (sound == _RIEUL and opened.startswith("로")):
        return word + opened
    return word + closed


def final_sound(word: str) -> int | None:
    """The final consonant's place as the Unicode Standard counts, 0 for a vowel; None where nobody can tell."""
    last = _LAST_WORD.search(_spoken(normalize("NFC", word[-_TAIL:])))
    if last is None:
        return None
    match last.lastgroup:
        case "hangul":
            return (ord(last[0]) - ord("가")) % 28
        case "number":
            return _number_sound(last[0].replace(",", ""), fraction=last.string[: last.start()].endswith("."))
        case _:
            return _latin_sound(last[0])


def _spoken(text: str) -> str:
    while text and not text[-1].isalnum():
        opening = text.rfind("(") if text.endswith(")") else 0
        text = text[:opening] if opening > 0 else text[:-1]
    return text


def _number_sound(digits: str, *, fraction: bool) -> int:
    zeros = len(digits) - len(digits.rstrip("0"))
    if fraction or zeros in (0, len(digits)):
        return _DIGITS[digits[-1]]
    # 십 백 천 만 억 end in a consonant, 조 (10^12 to 10^15) in a vowel, 경 (10^16) in one again.
    return _NONE if 12 <= zeros < 16 else _OTHER


def _latin_sound(word: str) -> int:
    if word.isupper():
        return _LETTERS.get(word[-1], _NONE)
    found = _LATIN_WORD.search(word)
    if found is None:
        return _NONE
    return _RIEUL if found["rieul"] else _OTHER


def _forms(pair: str) -> tuple[str, str]:
    first, slash, second = normalize("NFC", pair).partition("/")
    for closed, opened in ((first, second), (second, first)):
        if slash and opened and ((closed, opened) in _PAIRS or closed in ("이" + opened, "으" + opened)):
            return closed, opened
    raise TemplateFault("josa needs both forms of a particle", "write them as in josa('을/를'), josa('으로/로')")

"""The rows of the demo's database: made up, the same each time, with faults planted in a few.

Addresses are under domains that nobody can own (RFC 2606).
"""

import unicodedata
from collections.abc import Iterator
from enum import StrEnum

Row = dict[str, str | int | None]

GUIDE = "이용안내.pdf"
"""A file that many get."""


class Planted(StrEnum):
    """What is wrong, or odd, with a target row on purpose."""

    NO_ADDRESS = "no address"
    MALFORMED_ADDRESS = "malformed address"
    SEVERAL_ADDRESSES = "several addresses"
    NO_KEY = "no key"
    NO_MAPPING_ROW = "mapping query returned no row"
    REPEATED_KEY = "repeated key"
    ATTACHMENT_MISSING = "attachment missing"
    ATTACHMENT_AMBIGUOUS = "attachment ambiguous"
    UPDATE_REFUSED = "update query refused"
    UPDATE_OF_NO_ROW = "update query touches no row"
    UPDATE_OF_TWO_ROWS = "update query touches two rows"
    NO_ATTACHMENT = "blank attachment name"
    OTHER_UNICODE_FORM = "attachment name in another Unicode form than the file's"
    NULL_PRINTED = "NULL in a column that the template prints"
    ODD_ADDRESS = "unusual but right address"


COLUMN_PLANTS: tuple[tuple[Planted, int, str, str | None], ...] = (
    (Planted.NO_ADDRESS, 10_023, "EMAIL", None),
    (Planted.NO_ADDRESS, 10_241, "EMAIL", ""),
    (Planted.NO_ADDRESS, 10_466, "EMAIL", "   "),
    (Planted.MALFORMED_ADDRESS, 10_037, "EMAIL", "seoyeon.kim.example.com"),
    (Planted.MALFORMED_ADDRESS, 10_118, "EMAIL", "minjun lee@example.com"),
    (Planted.MALFORMED_ADDRESS, 10_199, "EMAIL", "김하은@example.com"),
    (Planted.MALFORMED_ADDRESS, 10_305, "EMAIL", "김하은 <haeun@example.com>"),
    (Planted.MALFORMED_ADDRESS, 10_412, "EMAIL", "jiwoo.park@example..com"),
    (Planted.MALFORMED_ADDRESS, 10_519, "EMAIL", "doyun@example.com\r\nBcc: everybody@example.com"),
    (Planted.SEVERAL_ADDRESSES, 10_142, "EMAIL", "narae@example.com, garam@example.com"),
    (Planted.SEVERAL_ADDRESSES, 10_489, "EMAIL", "siwoo@example.com;siwoo@example.net"),
    (Planted.NO_KEY, 10_172, "CUST_ID", None),
    (Planted.NO_KEY, 10_386, "CUST_ID", None),
    (Planted.ATTACHMENT_MISSING, 10_085, "ATTACH_NAME", "명세서_2026-10_10085_재발행.pdf"),
    (Planted.ATTACHMENT_MISSING, 10_221, "ATTACH_NAME", "명세서_2026-10_10221_재발행.pdf"),
    (Planted.ATTACHMENT_MISSING, 10_437, "ATTACH_NAME", "명세서_2026-10_10437_재발행.pdf"),
    (Planted.ATTACHMENT_MISSING, 10_352, "ATTACH_NAME", f"{GUIDE};쿠폰_2026-10.pdf"),
    (Planted.ATTACHMENT_MISSING, 10_601, "ATTACH_NAME", "../crm.db"),
    (Planted.UPDATE_REFUSED, 10_101, "LEGAL_HOLD", "Y"),
    (Planted.UPDATE_REFUSED, 10_336, "LEGAL_HOLD", "Y"),
    (Planted.UPDATE_OF_NO_ROW, 10_256, "CLOSED_ON", "2026-10-31"),
    (Planted.NO_ATTACHMENT, 10_052, "ATTACH_NAME", None),
    (Planted.NO_ATTACHMENT, 10_158, "ATTACH_NAME", None),
    (Planted.NO_ATTACHMENT, 10_319, "ATTACH_NAME", ""),
    (Planted.NO_ATTACHMENT, 10_502, "ATTACH_NAME", "   "),
    (Planted.OTHER_UNICODE_FORM, 10_273, "ATTACH_NAME", unicodedata.normalize("NFD", GUIDE)),
    (Planted.NULL_PRINTED, 10_073, "GRADE", None),
    (Planted.NULL_PRINTED, 10_397, "GRADE", None),
    (Planted.NULL_PRINTED, 10_623, "GRADE", None),
    (Planted.ODD_ADDRESS, 10_130, "EMAIL", "boram@우편.example.com"),
    (Planted.ODD_ADDRESS, 10_262, "EMAIL", '"kang, minjun"@example.com'),
    (Planted.ODD_ADDRESS, 10_448, "EMAIL", '"han..gyeol"@example.com'),
    (Planted.ODD_ADDRESS, 10_570, "EMAIL", "  taeo.oh@example.com "),
)
"""What a row of CUSTOMER has in one column; everything else about it is in order."""
OTHER_PLANTS = {
    Planted.NO_MAPPING_ROW: (10_019, 10_206, 10_373, 10_555),
    Planted.REPEATED_KEY: (10_064, 10_327, 10_580),
    # A key that is there twice has two rows for its update to touch.
    Planted.UPDATE_OF_TWO_ROWS: (10_064, 10_327, 10_580),
    Planted.ATTACHMENT_AMBIGUOUS: (10_288,),
}

_FIRST, _AGREED, _NOT_AGREED = 10_001, 637, 25
_BRANCHES = ("서울", "부산", "대구", "광주", "대전")
_FAMILY = (
    *(("김", "kim"), ("이", "lee"), ("박", "park"), ("최", "choi"), ("정", "jung"), ("강", "kang"), ("조", "cho")),
    *(("윤", "yoon"), ("장", "jang"), ("임", "lim"), ("한", "han"), ("오", "oh"), ("서", "seo"), ("신", "shin")),
)
_GIVEN = (
    *(("서연", "seoyeon"), ("민준", "minjun"), ("지우", "jiwoo"), ("도윤", "doyun"), ("하은", "haeun")),
    *(("예준", "yejun"), ("수빈", "subin"), ("시우", "siwoo"), ("지민", "jimin"), ("은솔", "eunsol")),
    *(("태오", "taeo"), ("가람", "garam"), ("다온", "daon"), ("나래", "narae"), ("해찬", "haechan")),
    *(("새봄", "saebom"), ("한결", "hangyeol"), ("미르", "mireu"), ("보람", "boram")),
)
_DOMAINS = ("example.com", "example.net", "example.org", "mail.example.com")
_ITEMS = (
    *(("유기농 현미", 18_900), ("제주 감귤", 19_900), ("무농약 표고버섯", 9_800), ("국산 참기름", 11_500)),
    *(("강원도 감자", 7_400), ("남해 멸치", 13_200), ("토종 벌꿀", 24_000), ("햇사과 한 상자", 32_000)),
    *(("손두부", 3_200), ("순창 고추장", 12_700), ("볶은 귀리", 8_600), ("<봄·가을> 모둠 & 나물", 15_300)),
)


def customers() -> list[Row]:
    """The rows of CUSTOMER: 640 that agreed to mail, faults included, and 25 that did not."""
    rows = {_FIRST + n: _customer(n) for n in range(_AGREED + _NOT_AGREED)}
    for _, cust_id, column, value in COLUMN_PLANTS:
        rows[cust_id][column] = value
    return [*rows.values(), *({**rows[cust_id], "BRANCH": "세종"} for cust_id in OTHER_PLANTS[Planted.REPEATED_KEY])]


def statements() -> Iterator[tuple[Row, list[Row]]]:
    """Each row of STATEMENT with its rows of ORDER_LINE; a few customers have none."""
    for n in range(_AGREED + _NOT_AGREED):
        if _FIRST + n not in OTHER_PLANTS[Planted.NO_MAPPING_ROW]:
            lines = _order_lines(n)
            yield _statement(n, sum(int(line["AMOUNT"] or 0) for line in lines)), lines


def signups() -> list[Row]:
    """The rows of SIGNUP: who is to be welcomed."""
    return [
        {
            "SIGNUP_ID": 1 + n,
            "CUST_NAME": _FAMILY[n][0] + _GIVEN[-1 - n][0],
            "EMAIL": f"{_GIVEN[-1 - n][1]}.{_FAMILY[n][1]}@example.com",
            "COUPON": f"WELCOME-{7919 * (n + 3):05X}",
            "JOINED_ON": f"2026-11-{12 + n}",
        }
        for n in range(12)
    ]


def files() -> Iterator[tuple[str, str, str]]:
    """Each attachment: its folder ('' for the top), its name, the line that it shows."""
    yield "", GUIDE, "예시상점 이용 안내"
    for n in range(_AGREED):
        yield _branch(n), _file_name(n), f"{_name(n)}님 2026년 10월 명세서"
    for cust_id in OTHER_PLANTS[Planted.ATTACHMENT_AMBIGUOUS]:
        yield "정정본", _file_name(cust_id - _FIRST), f"{_name(cust_id - _FIRST)}님 2026년 10월 명세서 (정정)"


def _customer(n: int) -> Row:
    is_best = n % 9 == 0
    return {
        "CUST_ID": _FIRST + n,
        "CUST_NAME": _name(n),
        "EMAIL": f"{_GIVEN[n * 5 % len(_GIVEN)][1]}.{_FAMILY[n % len(_FAMILY)][1]}{n}@{_DOMAINS[n % len(_DOMAINS)]}",
        "GRADE": "으뜸" if is_best else "버금" if n % 4 == 0 else "일반",
        "BRANCH": _branch(n),
        "MAIL_AGREED": "Y" if n < _AGREED else "N",
        "LEGAL_HOLD": None,
        "CLOSED_ON": None,
        "ATTACH_NAME": _file_name(n) + (f";{GUIDE}" if is_best else ""),
    }


def _name(n: int) -> str:
    return _FAMILY[n % len(_FAMILY)][0] + _GIVEN[n * 5 % len(_GIVEN)][0]


def _branch(n: int) -> str:
    return _BRANCHES[n % len(_BRANCHES)]


def _file_name(n: int) -> str:
    return f"명세서_2026-10_{_FIRST + n}_{_name(n)}.pdf"


def _statement(n: int, total: int) -> Row:
    supply = round(total / 1.1)
    return {
        "STATEMENT_ID": 1 + n,
        "CUST_ID": _FIRST + n,
        "ISSUED_ON": "2026-11-01",
        "YEAR": 2026,
        "MONTH": 10,
        "DUE_ON": "2026-11-25",
        "SUPPLY": supply,
        "VAT": total - supply,
        "TOTAL": total,
        "UNPAID": 3_500 * (1 + n % 7) if n % 17 == 5 else 0,
        "POINTS": n * 37 % 5_000,
    }


def _order_lines(n: int) -> list[Row]:
    days = sorted(1 + (n * 3 + place * 11) % 31 for place in range(1 + n % 5))
    return [
        {
            "STATEMENT_ID": 1 + n,
            "LINE_NO": place + 1,
            "ORDERED_ON": f"2026-10-{day:02}",
            "ITEM": _ITEMS[(n + place * 5) % len(_ITEMS)][0],
            "QUANTITY": (quantity := 1 + (n + place) % 3),
            "AMOUNT": quantity * _ITEMS[(n + place * 5) % len(_ITEMS)][1],
        }
        for place, day in enumerate(days)
    ]

"""Recipients, header addresses and their masks."""

import unicodedata
from email.header import decode_header, make_header
from email.utils import parseaddr

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mailer.errors import MalformedAddress
from mailer.model.address import header_address, mask_address, mask_addresses, parse_recipient


@pytest.mark.parametrize(
    ("raw", "address"),
    [
        ("kim@example.co.kr", "kim@example.co.kr"),
        ("  kim@example.co.kr\t", "kim@example.co.kr"),
        ("\u3000kim@example.co.kr\u00a0", "kim@example.co.kr"),
        ("Kim.Lee+news@Example.CO.KR", "Kim.Lee+news@example.co.kr"),
        ("kim@한국.kr", "kim@xn--3e0b707e.kr"),
        ("kim@고객센터.한국", "kim@xn--i49alon81c06o.xn--3e0b707e"),
        ("kim@BÜCHER.de", "kim@xn--bcher-kva.de"),
        ("kim@faß.de", "kim@xn--fa-hia.de"),  # IDNA 2008; the older rule made it fass.de
        ("kim@example。co．kr", "kim@example.co.kr"),
        ("kim@xn--3e0b707e.kr", "kim@xn--3e0b707e.kr"),
        ('"kim, lee; park"@example.co.kr', '"kim, lee; park"@example.co.kr'),
        ('"a@b \\" c"@example.co.kr', '"a@b \\" c"@example.co.kr'),
        ("x" * 64 + "@example.co.kr", "x" * 64 + "@example.co.kr"),
    ],
)
def test_one_address_is_taken_with_its_domain_as_dns_has_it(raw: str, address: str) -> None:
    assert parse_recipient(raw) == address


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ("", "empty"),
        (" \t", "empty"),
        ("kim", "no '@'"),
        ("@example.co.kr", "nothing before"),
        ("kim@", "no domain"),
        ("kim@example", "no full domain"),
        ("kim@example.co.kr.", "no full domain"),
        ("kim@10.0.0.1", "no full domain"),
        ("kim@[10.0.0.1]", "no domain"),
        ("kim@my_host.kr", "no domain"),
        ("kim@-host.kr", "no domain"),
        ("kim@xn--zzzzzzzz99.kr", "no domain"),
        ("kim@a..kr", "no domain"),
        ("홍길동@example.co.kr", "not ASCII"),
        ("kim@example.co.kr\r\nBcc: lee@example.co.kr", "line break"),
        ("kim@example.co.kr\n", "line break"),
        ("kim\0@example.co.kr", "control character"),
        ("kim@example.co.kr,lee@example.co.kr", "several addresses"),
        ("kim@example.co.kr; lee@example.co.kr", "several addresses"),
        ("kim@example.co.kr lee@example.co.kr", "several addresses"),
        ("kim@example.co.kr,", "','"),
        ("kim;lee@example.co.kr", "';'"),
        ("홍길동 <kim@example.co.kr>", "display name"),
        ("<kim@example.co.kr>", "angle brackets"),
        ('"Kim" <kim@example.co.kr>', "display name"),
        ("kim lee@example.co.kr", "blank"),
        ("kim..lee@example.co.kr", "misplaced dot"),
        (".kim@example.co.kr", "misplaced dot"),
        ("kim.@example.co.kr", "misplaced dot"),
        ("kim(work)@example.co.kr", "what none may hold"),
        ("kim@lee@example.co.kr", "what none may hold"),
        ("x" * 65 + "@example.co.kr", "64 characters"),
        ("x@" + "y." * 126 + "kr", "254 characters"),
    ],
)
def test_what_is_not_one_address_is_refused_with_the_reason(raw: str, why: str) -> None:
    with pytest.raises(MalformedAddress, match="^malformed address: .*" + why) as refused:
        parse_recipient(raw)
    assert "example" not in str(refused.value)


def test_an_address_of_254_characters_is_taken_and_one_more_is_not() -> None:
    longest = "x" * 64 + "@" + ("y" * 61 + ".") * 3 + "kr"
    assert len(longest) == 253
    assert parse_recipient(longest + "x") == longest + "x"
    with pytest.raises(MalformedAddress, match="254"):
        parse_recipient(longest + "xx")


@settings(deadline=None)
@given(st.text(max_size=80))
def test_whatever_comes_in_an_address_comes_out_or_a_refusal(raw: str) -> None:
    try:
        address = parse_recipient(raw)
    except MalformedAddress:
        return
    assert address.isascii()
    assert address.isprintable()
    assert parse_recipient(address) == address


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("billing@Example.co.kr", "billing@example.co.kr"),
        ("<billing@example.co.kr>", "billing@example.co.kr"),
        ("Billing <billing@example.co.kr>", "Billing <billing@example.co.kr>"),
        ("고객센터 <billing@example.co.kr>", "=?utf-8?b?6rOg6rCd7IS87YSw?= <billing@example.co.kr>"),
        ('"고객센터" <billing@한국.kr>', "=?utf-8?b?6rOg6rCd7IS87YSw?= <billing@xn--3e0b707e.kr>"),
        ("Kim, Inc. <a@example.co.kr>", '"Kim, Inc." <a@example.co.kr>'),
        ('"Kim \\"K\\" Inc." <a@example.co.kr>', '"Kim \\"K\\" Inc." <a@example.co.kr>'),
        ("a@example.co.kr <a@example.co.kr>", '"a@example.co.kr" <a@example.co.kr>'),
        ("=?utf-8?b?6rOg6rCd?= <a@example.co.kr>", "=?utf-8?b?6rOg6rCd?= <a@example.co.kr>"),
    ],
)
def test_a_header_address_has_its_name_as_mail_headers_want_it(raw: str, value: str) -> None:
    assert header_address(raw) == value


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "고객센터",
        "고객센터 <>",
        "고객센터 <billing>",
        "고객센터 <billing@example.co.kr> 서울",
        "A <a@example.co.kr>, B <b@example.co.kr>",
        "a@example.co.kr, B <b@example.co.kr>",
        "a@example.co.kr, b@example.co.kr",
        "고객\r\nBcc: x@example.co.kr <a@example.co.kr>",
        "\ud800 <a@example.co.kr>",
        "긴" * 400 + " <a@example.co.kr>",
    ],
)
def test_what_is_no_single_header_address_is_refused(raw: str) -> None:
    with pytest.raises(MalformedAddress):
        header_address(raw)


def test_a_long_korean_name_becomes_several_encoded_words_on_one_line() -> None:
    name = "대한민국 고객만족센터 " * 8 + "끝"
    value = header_address(f"{name} <billing@example.co.kr>")
    words = value.rpartition(" ")[0].split(" ")
    assert len(words) > 1
    assert all(len(word) <= 75 for word in words)
    assert "\n" not in value
    assert value.isascii()
    assert str(make_header(decode_header(value))) == f"{name} <billing@example.co.kr>"


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=("C", "Zl", "Zp", "Zs")), min_size=1, max_size=60))
def test_a_quoted_name_of_any_script_is_read_back_as_it_was(name: str) -> None:
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    assume("=?" not in name)
    value = header_address(f'"{quoted}" <a@example.co.kr>')
    assert value.isascii()
    if value.startswith("=?"):
        assert str(make_header(decode_header(value))) == f"{unicodedata.normalize('NFC', name)} <a@example.co.kr>"
    else:
        assert parseaddr(value) == (name, "a@example.co.kr")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("kim@example.co.kr", "k***@example.co.kr"),
        (" kim@example.co.kr ", "k***@example.co.kr"),
        ("홍길동@한국.kr", "홍***@한국.kr"),
        ('"kim lee"@example.co.kr', "k***@example.co.kr"),
        ("홍길동 <kim@example.co.kr>", "홍***@example.co.kr"),
        ("kim@example.co.kr, lee@example.com", "k***@example.com"),
        ("@example.co.kr", "***@example.co.kr"),
        ("010-1234-5678", "***"),
        ("kim@", "***"),
        ("kim@\x1b[31mexample.co.kr", "***"),
        ("kim@example.co.kr\nlee", "***"),
        ("", "***"),
    ],
)
def test_a_masked_address_shows_its_first_letter_and_its_domain(address: str, shown: str) -> None:
    assert mask_address(address) == shown


@settings(deadline=None)
@given(st.text())
def test_a_mask_never_shows_more_than_one_letter_before_the_at_sign(raw: str) -> None:
    before, _, _ = mask_address(raw).partition("***")
    assert len(before) <= 1
    assert mask_address(raw).isprintable()


def test_addresses_within_a_text_are_masked() -> None:
    text = "identities failed the check: billing@example.co.kr, 홍길동 <hong@한국.kr>."
    assert mask_addresses(text) == "identities failed the check: b***@example.co.kr, 홍길동 <h***@한국.kr>."

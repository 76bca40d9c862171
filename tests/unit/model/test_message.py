"""What a mail may hold: headers, tags, sizes, and file names made of keys."""

import unicodedata
from email.header import decode_header, make_header

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.errors import AttachmentTooLarge, TemplateFault
from mailer.model.encoded_word import encode_words, one_line
from mailer.model.message import (
    MAX_HEADERS,
    MAX_MESSAGE_BYTES,
    RESERVED_HEADERS,
    Attachment,
    Message,
    check_header_name,
    check_size,
    check_tag,
    estimated_size,
    header_value,
    message_headers,
    safe_file_name,
)


def mail(*attachments: Attachment) -> Message:
    return Message(
        label="7-1-1",
        sender="billing@example.co.kr",
        to="kim@example.co.kr",
        subject="명세서",
        html="<p>안녕</p>",
        text="안녕",
        attachments=attachments,
    )


@pytest.mark.parametrize("name", ["X-Campaign", "List-Unsubscribe", "List-Unsubscribe-Post", "Precedence", "x" * 126])
def test_an_automation_may_set_a_header_of_its_own(name: str) -> None:
    assert check_header_name(name) is None


@pytest.mark.parametrize(
    "name", [*sorted(RESERVED_HEADERS), "SUBJECT", "Content-Type", "X-SES-Message-Tags", "X-Mailer-Tag"]
)
def test_a_header_that_mailer_or_ses_sets_is_refused(name: str) -> None:
    assert "is set by mailer or SES" in (check_header_name(name) or "")


@pytest.mark.parametrize("name", ["", "X Name", "X:", "이름", "X\r\nBcc", "x" * 127])
def test_a_header_name_that_ses_does_not_take_is_refused(name: str) -> None:
    assert "printable ASCII" in (check_header_name(name) or "")


def test_a_header_value_of_another_script_is_encoded_and_stays_on_one_line() -> None:
    value = header_value("X-Customer", "홍길동\r\nBcc: x@example.co.kr")
    assert value.isascii()
    assert value.isprintable()
    assert str(make_header(decode_header(value))) == "홍길동 Bcc: x@example.co.kr"


def test_a_header_value_longer_than_ses_takes_is_a_template_fault() -> None:
    assert header_value("X", "v" * 995) == "v" * 995
    for name, value in [("X", "v" * 996), ("X-Long", "v" * 991)]:
        with pytest.raises(TemplateFault, match="longer than"):
            header_value(name, value)


def test_a_header_without_a_value_is_left_out_and_a_sixteenth_refused() -> None:
    assert message_headers([("X-A", "1"), ("X-B", "\n"), ("X-C", "")]) == (("X-A", "1"),)
    message_headers([(f"X-{number}", "v") for number in range(MAX_HEADERS)])
    with pytest.raises(TemplateFault, match="16 headers"):
        message_headers([(f"X-{number}", "v") for number in range(MAX_HEADERS + 1)])


@pytest.mark.parametrize(("name", "value"), [("job", "17"), ("token", "a_B-9"), ("delivery", "x" * 256)])
def test_a_tag_of_letters_digits_hyphen_and_underscore_is_taken(name: str, value: str) -> None:
    assert check_tag(name, value) is None


@pytest.mark.parametrize(("name", "value"), [("job", ""), ("job", "a@b"), ("작업", "17"), ("job", "x" * 257)])
def test_a_tag_that_ses_does_not_take_is_refused(name: str, value: str) -> None:
    assert check_tag(name, value) is not None


@pytest.mark.parametrize("key", ["1001", "홍길동", "AB-12_3.4", "kim@example.co.kr", "Zürich"])
def test_a_key_that_fits_a_file_name_is_kept_as_it_is(key: str) -> None:
    assert safe_file_name(key) == key


@pytest.mark.parametrize("key", ["a/b", "..", ".", ".hidden", "", "a b", "A\\B", "c:d", "줄\n바꿈", "nul\0", "홍" * 60])
def test_a_key_that_fits_no_file_name_is_made_to_and_keeps_a_mark_of_its_own(key: str) -> None:
    name = safe_file_name(key)
    assert not set(name) & set('/\\:\0\n" ')
    assert not name.startswith(".")
    assert len(name.encode("utf-8")) <= 120
    assert name != safe_file_name(key + "x")


def test_a_key_has_one_file_name_whichever_unicode_form_it_came_in() -> None:
    assert safe_file_name(unicodedata.normalize("NFD", "홍길동")) == "홍길동"


@settings(deadline=None)
@given(st.text(), st.text())
def test_file_names_of_different_keys_differ(one: str, other: str) -> None:
    if unicodedata.normalize("NFC", one) != unicodedata.normalize("NFC", other):
        assert safe_file_name(one) != safe_file_name(other)


def test_the_estimated_size_is_no_less_than_the_attachment_in_base64() -> None:
    attachment = Attachment("명세서.pdf", "application/pdf", bytes(3_000_000))
    assert estimated_size(mail(attachment)) > 4_000_000
    assert estimated_size(mail()) < 10_000


def test_a_mail_over_40_mb_after_base64_is_too_large_and_one_just_under_is_not() -> None:
    fits = MAX_MESSAGE_BYTES * 57 // 78 - 20_000
    check_size(mail(Attachment("큰.bin", "application/octet-stream", bytes(fits))))
    with pytest.raises(AttachmentTooLarge, match=r"40 MB \(큰\.bin\)"):
        check_size(mail(Attachment("큰.bin", "application/octet-stream", bytes(fits + 40_000))))


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp"))))
def test_encoded_words_are_read_back_as_they_were(text: str) -> None:
    line = one_line(text)
    value = encode_words(line)
    assert value.isascii()
    if value != line:
        assert str(make_header(decode_header(value))) == unicodedata.normalize("NFC", line)
        assert all(len(word) <= 75 for word in value.split(" "))


@pytest.mark.parametrize("text", ["명세서\r\nBcc: x@example.co.kr", "a\nb", "a\u2028b", "a\x0b\tb", "\na\x85"])
def test_no_line_break_survives_in_one_line(text: str) -> None:
    line = one_line(text)
    assert len(line.splitlines()) == 1
    assert line == line.strip()

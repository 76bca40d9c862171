"""The .eml file of a mail, read back with the standard library's own parser."""

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.model.message import Attachment, Message
from mailer.transports.eml import compose, message_id

WHEN = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


def read(message: Message) -> EmailMessage:
    parsed = message_from_bytes(compose(message, message_id="<7.12@example.co.kr>", date=WHEN), policy=default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def content(parsed: EmailMessage, subtype: str) -> str:
    body = parsed.get_body((subtype,))
    assert body is not None
    payload = body.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode("utf-8")


def test_a_mail_is_read_back_as_it_was(mail: Message) -> None:
    parsed = read(mail)

    assert parsed["Message-ID"] == "<7.12@example.co.kr>"
    assert parsed["Date"].datetime == WHEN
    assert parsed["From"] == "고객센터 <billing@example.co.kr>"
    assert parsed["To"] == "hong@example.com"
    assert [address.addr_spec for address in parsed["Reply-To"].addresses] == [
        "help@example.co.kr",
        "crm@example.co.kr",
    ]
    assert parsed["Subject"] == mail.subject
    assert parsed["List-Unsubscribe"] == "<https://example.co.kr/u/1>"
    assert parsed["X-Customer"] == "홍길동"
    assert parsed.get_all("X-Mailer-Tag") == ["job=7", "delivery=12", "token=aB_9-x"]
    assert (content(parsed, "html"), content(parsed, "plain")) == (mail.html, mail.text)
    attached = list(parsed.iter_attachments())
    assert [one.get_filename() for one in attached] == [one.name for one in mail.attachments]
    assert [one.get_content_type() for one in attached] == [one.content_type for one in mail.attachments]
    assert [one.get_payload(decode=True) for one in attached] == [one.content for one in mail.attachments]
    assert all(not part.defects for part in parsed.walk())


def test_html_and_text_are_alternatives_the_better_one_last(mail: Message) -> None:
    parsed = read(replace(mail, attachments=()))
    assert parsed.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in parsed.iter_parts()] == ["text/plain", "text/html"]


def test_a_mail_of_text_alone_has_one_part(mail: Message) -> None:
    parsed = read(replace(mail, html="", attachments=()))
    assert parsed.get_content_type() == "text/plain"
    assert content(parsed, "plain") == mail.text


def test_every_line_is_ascii_short_enough_and_ends_in_cr_lf(mail: Message) -> None:
    names = ("아주 긴 이름의 첨부 파일 " * 20 + ".pdf", 'quote " and \\.txt', "a" * 200 + ".txt")
    long = replace(
        mail,
        subject="홍길동님, 11월 명세서 " * 30,
        sender="=?utf-8?b?6rOg6rCd?= " * 20 + "<billing@example.co.kr>",
        headers=(("X-Long", "word " * 190 + "end"),),
        attachments=tuple(Attachment(name, "application/pdf", b"x") for name in names),
    )
    raw = compose(long, message_id="<7.12@example.co.kr>", date=WHEN)
    lines = raw.split(b"\r\n")
    assert b"\n" not in b"".join(lines)
    assert max(map(len, lines)) <= 998
    assert raw.isascii()
    assert [one.get_filename() for one in read(long).iter_attachments()] == list(names)


def test_a_long_korean_subject_is_read_back_whole(mail: Message) -> None:
    subject = "홍길동님, 2026년 11월 명세서가 도착했습니다. " * 12 + "끝"
    header = message_from_bytes(compose(replace(mail, subject=subject), message_id="<1@a.kr>", date=WHEN))["Subject"]
    assert str(make_header(decode_header(header))) == subject


def test_a_line_break_in_a_subject_begins_no_header(mail: Message) -> None:
    parsed = read(replace(mail, subject="명세서\r\nBcc: everybody@example.com"))
    assert parsed["Bcc"] is None
    assert parsed["Subject"] == "명세서 Bcc: everybody@example.com"


def test_a_line_break_in_a_file_name_begins_no_header(mail: Message) -> None:
    parsed = read(replace(mail, attachments=(Attachment('a"\r\nX-Bad: 1.txt', "text/plain", b"x"),)))
    (attached,) = parsed.iter_attachments()
    assert attached["X-Bad"] is None
    assert attached.get_filename() == 'a" X-Bad: 1.txt'


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp", "Zs")), min_size=1, max_size=120))
def test_an_attachment_of_any_name_is_read_back_under_it(name: str) -> None:
    named = Message(
        "1", "a@example.co.kr", "b@example.co.kr", "s", "h", "t", attachments=(Attachment(name, "a/b", b""),)
    )
    (attached,) = read(named).iter_attachments()
    assert attached.get_filename() == name


def test_the_message_id_is_the_same_for_the_same_delivery(mail: Message) -> None:
    assert message_id(mail) == "<7.12.aB_9-x@example.co.kr>"
    assert message_id(replace(mail, subject="again")) == message_id(mail)
    untagged = replace(mail, tags=())
    assert message_id(untagged) != message_id(replace(untagged, label="8-홍길동-13"))
    assert message_id(untagged).endswith("@example.co.kr>")


def test_half_a_character_in_a_text_is_an_error(mail: Message) -> None:
    with pytest.raises(UnicodeError):
        read(replace(mail, html="\ud800"))

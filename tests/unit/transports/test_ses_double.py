"""The double of SES is no kinder than SES: what it refuses, counts, records and does from another process."""

import json
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from mailer.model.message import Attachment, Message
from mailer.model.outcome import (
    Accepted,
    AccountPaused,
    JobRefused,
    RecipientRefused,
    Refused,
    Throttled,
    TransportDown,
)
from mailer.transports.ses import SesTransport
from tests.doubles.ses import SesDouble
from tests.doubles.ses_faults import Fault, Script
from tests.doubles.ses_process import ses_process
from tests.doubles.ses_rate import worst_second
from tests.doubles.ses_record import mail_from_json

PATIENT = 60.0


async def test_it_refuses_what_ses_refuses(ses: SesDouble, transport: SesTransport, mail: Message) -> None:
    plain = replace(mail, attachments=())
    wrong = {
        "a tag": (replace(plain, tags=(("job", "a@b"),)), Refused),
        "a repeated tag": (replace(plain, tags=(("job", "1"), ("job", "2"))), Refused),
        "16 headers": (replace(plain, headers=tuple((f"X-{n}", "v") for n in range(16))), Refused),
        "a header of SES": (replace(plain, headers=(("Subject", "v"),)), Refused),
        "a repeated header": (replace(plain, headers=(("X-A", "v"), ("x-a", "v"))), Refused),
        "a header of another script": (replace(plain, headers=(("X-A", "홍길동"),)), Refused),
        "a header without value": (replace(plain, headers=(("X-A", ""),)), Refused),
        "no body": (replace(plain, html="", text=""), Refused),
        "a file without name": (replace(plain, attachments=(Attachment("", "text/plain", b"x"),)), Refused),
        "a content type too long": (replace(plain, attachments=(Attachment("a", "x" * 79, b"x"),)), Refused),
        "a Korean local part": (replace(plain, to="홍길동@example.com"), RecipientRefused),
        "a Korean domain": (replace(plain, to="hong@한국.kr"), RecipientRefused),
        "no domain": (replace(plain, to="hong"), RecipientRefused),
        "no recipient": (replace(plain, to=""), RecipientRefused),
        "a Korean sender": (replace(plain, sender="고객센터 <billing@example.co.kr>"), RecipientRefused),
    }
    decisions = {name: type(await transport.send(message, timeout=PATIENT)) for name, (message, _) in wrong.items()}
    assert decisions == {name: decision for name, (_, decision) in wrong.items()}
    assert ses.mails == []


async def test_an_unverified_sender_or_sandboxed_recipient_is_refused(
    ses: SesDouble, transport: SesTransport, mail: Message
) -> None:
    ses.verified = {"example.co.kr"}
    assert isinstance(await transport.send(mail, timeout=PATIENT), Accepted)
    ses.sandbox = True
    assert isinstance(await transport.send(mail, timeout=PATIENT), RecipientRefused)
    ses.verified = {"hong@example.com"}
    assert isinstance(await transport.send(mail, timeout=PATIENT), JobRefused)


async def test_a_configuration_set_that_is_not_there_is_refused(
    ses: SesDouble, transport: SesTransport, mail: Message
) -> None:
    ses.configuration_sets = {"weekly"}
    assert isinstance(await transport.send(mail, timeout=PATIENT), JobRefused)


async def test_it_keeps_a_rate_a_quota_and_a_pause(ses: SesDouble, transport: SesTransport, mail: Message) -> None:
    ses.limit(0.001, burst=2)
    kinds = [type(await transport.send(mail, timeout=PATIENT)) for _ in range(3)]
    assert kinds == [Accepted, Accepted, Throttled]
    ses.limit(None)
    ses.quota = 3
    kinds = [type(await transport.send(mail, timeout=PATIENT)) for _ in range(2)]
    assert kinds == [Accepted, AccountPaused]
    ses.quota, ses.sending_enabled = None, False
    assert isinstance(await transport.send(mail, timeout=PATIENT), AccountPaused)
    assert len(ses.mails) == 3
    assert ses.stats()["twice"] == ["12"]


async def test_a_fault_meets_whom_it_is_meant_for(ses: SesDouble, transport: SesTransport, mail: Message) -> None:
    ses.fault("content", to="lee@example.com", times=2)
    ses.fault("rate", nth=2)
    kinds = [
        type(await transport.send(replace(mail, to=to), timeout=PATIENT))
        for to in ("lee@example.com", "kim@example.com", "lee@example.com", "lee@example.com")
    ]
    assert kinds == [RecipientRefused, Throttled, RecipientRefused, Accepted]


def test_a_script_keeps_a_fault_until_it_is_cleared() -> None:
    script = Script()
    script.add(Fault("rate", times=None))
    assert [script.next(call, "a") is not None for call in range(3)] == [True] * 3
    script.clear()
    assert script.next(4, "a") is None
    with pytest.raises(ValueError, match="no such fault"):
        Fault("earthquake")


def test_the_worst_second_is_half_open_and_slides() -> None:
    assert worst_second([]) == 0
    assert worst_second([0.0, 0.5, 0.999, 1.0]) == 3
    assert worst_second([0.9, 0.95, 1.0, 1.05, 3.0]) == 4


async def test_a_double_in_a_process_of_its_own_is_steered_over_http_and_its_record_outlives_it(
    ses: SesDouble, mail: Message, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    record = tmp_path / "accepted.jsonl"
    with ses_process("--rate", "50", "--verified", "example.co.kr", "--record", str(record)) as process:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SESV2", process.url)
        async with SesTransport() as transport:
            assert await transport.max_rate() == 50.0
            assert isinstance(await transport.send(mail, timeout=PATIENT), Accepted)
            process.fault("rate")
            assert isinstance(await transport.send(mail, timeout=PATIENT), Throttled)
            process.limit(quota=1)
            assert isinstance(await transport.send(mail, timeout=PATIENT), AccountPaused)
        (got,) = process.mails()
        assert process.mails(since=1) == []
        assert process.stats()["refused"] == {"TooManyRequestsException": 1, "LimitExceededException": 1}

    assert (got.subject, got.to, got.headers) == (mail.subject, mail.to, mail.headers)
    assert got.attachments[0].content == mail.attachments[0].content
    (line,) = record.read_text("utf-8").splitlines()
    assert mail_from_json(json.loads(line)) == got
    assert ses.posts == 0


async def test_its_port_can_be_closed_for_a_while(ses: SesDouble, transport: SesTransport, mail: Message) -> None:
    await ses.refuse_connections(seconds=0.5)
    assert isinstance(await transport.send(mail, timeout=PATIENT), TransportDown)
    with anyio.fail_after(PATIENT):
        while not isinstance(await transport.send(mail, timeout=PATIENT), Accepted):
            pass

"""SES over real sockets, against the double: through the real AWS SDK, and through the lean client."""

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.metadata import version

import anyio
import pytest
from aiohttp import web

from mailer.errors import TransportAway
from mailer.model.message import Message
from mailer.model.outcome import (
    Accepted,
    AccountPaused,
    JobRefused,
    NoAnswer,
    RecipientRefused,
    Refused,
    Throttled,
    TransportDown,
)
from mailer.transports.ses import SesTransport
from tests.doubles.ses import SesDouble
from tests.doubles.ses_faults import ANSWERS
from tests.unit.transports.conftest import NewTransport

PATIENT = 60.0
"""Seconds; longer than any test takes."""


async def test_a_mail_arrives_as_it_was_made(ses: SesDouble, transport: SesTransport, mail: Message) -> None:
    outcome = await transport.send(mail, timeout=PATIENT)

    (got,) = ses.mails
    assert outcome == Accepted(got.id)
    assert (got.sender, got.to, got.reply_to) == (mail.sender, mail.to, mail.reply_to)
    assert (got.subject, got.html, got.text) == (mail.subject, mail.html, mail.text)
    assert (got.headers, tuple(got.tags.items())) == (mail.headers, mail.tags)
    assert got.configuration_set == mail.configuration_set
    assert [(one.name, one.content_type, one.content) for one in got.attachments] == [
        (one.name, one.content_type, one.content) for one in mail.attachments
    ]


async def test_a_mail_of_text_alone_is_sent_without_the_rest(ses: SesDouble, transport: SesTransport) -> None:
    bare = Message("alert", "a@example.co.kr", "b@example.co.kr", "작업 실패", "", "원인: …")

    assert isinstance(await transport.send(bare, timeout=PATIENT), Accepted)

    (got,) = ses.mails
    assert (got.html, got.text, got.attachments, got.headers, got.tags) == ("", "원인: …", (), (), {})


OUTCOMES = {
    "rate": Throttled,
    "rate-400": Throttled,
    "quota": AccountPaused,
    "quota-throttling": AccountPaused,
    "paused": AccountPaused,
    "paused-rejected": AccountPaused,
    "suspended": AccountPaused,
    "expired-token": AccountPaused,
    "unknown-key": AccountPaused,
    "signature": AccountPaused,
    "access-denied": AccountPaused,
    "mail-from": JobRefused,
    "configuration-set": JobRefused,
    "unverified-sender": JobRefused,
    "unverified-both": JobRefused,
    "unverified-recipient": RecipientRefused,
    "content": RecipientRefused,
    "bad-address": RecipientRefused,
    "bad-request": Refused,
    "conflict": Refused,
    "500": NoAnswer,
    "503": NoAnswer,
    "proxy-404": TransportDown,
    "proxy-413": TransportDown,
    "proxy-502": NoAnswer,
}


async def test_each_error_of_ses_is_one_call_and_one_decision(
    ses: SesDouble, transport: SesTransport, mail: Message
) -> None:
    outcomes: dict[str, type] = {}
    for calls, (fault, answer) in enumerate(ANSWERS.items(), start=1):
        ses.fault(fault, nth=calls)
        outcome = await transport.send(mail, timeout=PATIENT)
        assert not isinstance(outcome, Accepted)
        assert outcome.code == (answer.code or str(answer.status))
        assert "billing@" not in outcome.text
        assert "hong@" not in outcome.text
        assert ses.posts == calls
        outcomes[fault] = type(outcome)

    assert outcomes == OUTCOMES
    assert ses.mails == []


@pytest.mark.parametrize(
    ("faults", "accepted"),
    [(["half", "reset", "close", "lost-500"], 4), (["reset-before", "close-before"], 0)],
    ids=["after SES accepted it", "before, which looks the same"],
)
async def test_a_call_that_is_cut_leaves_the_mail_in_doubt_and_is_not_made_again(
    ses: SesDouble, transport: SesTransport, mail: Message, faults: list[str], accepted: int
) -> None:
    for calls, fault in enumerate(faults, start=1):
        ses.fault(fault, nth=calls)
        assert isinstance(await transport.send(mail, timeout=PATIENT), NoAnswer)
        assert ses.posts == calls

    assert len(ses.mails) == accepted


async def test_past_the_read_timeout_the_mail_is_in_doubt_and_not_sent_again(
    ses: SesDouble, mail: Message, new_transport: NewTransport
) -> None:
    ses.fault("hang", times=None)
    async with new_transport(read_timeout=0.2) as transport:
        outcome = await transport.send(mail, timeout=PATIENT)

    assert isinstance(outcome, NoAnswer)
    assert outcome.code == "ReadTimeoutError"
    assert (ses.posts, len(ses.mails)) == (1, 1)


async def test_past_the_deadline_of_the_whole_call_the_mail_is_in_doubt(
    ses: SesDouble, transport: SesTransport, mail: Message
) -> None:
    ses.fault("hang")

    assert await transport.send(mail, timeout=1.0) == NoAnswer("Timeout", "no answer from SES within 1 s")
    assert isinstance(await transport.send(mail, timeout=PATIENT), Accepted)
    assert ses.posts == 2


async def test_a_cancelled_call_ends_at_once_and_says_nothing(
    ses: SesDouble, transport: SesTransport, mail: Message
) -> None:
    ses.fault("hang")
    returned: list[object] = []

    async def send() -> None:
        returned.append(await transport.send(mail, timeout=PATIENT))

    async with anyio.create_task_group() as group:
        group.start_soon(send)
        await ses.wait_for_posts(1)
        group.cancel_scope.cancel()

    assert returned == []


async def test_a_refused_connection_is_nobodys_failure_and_passes(
    ses: SesDouble, transport: SesTransport, mail: Message
) -> None:
    await ses.refuse_connections()
    outcome = await transport.send(mail, timeout=PATIENT)
    assert isinstance(outcome, TransportDown)
    assert outcome.code == "EndpointConnectionError"
    assert ses.posts == 0

    await ses.accept_connections()
    assert isinstance(await transport.send(mail, timeout=PATIENT), Accepted)


@contextmanager
def full_backlog() -> Iterator[int]:
    """A port whose queue of connections is full, so that another gets no answer."""
    with ExitStack() as sockets:
        listener = sockets.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


async def test_a_connection_that_never_comes_about_is_nobodys_failure(
    ses: SesDouble, mail: Message, monkeypatch: pytest.MonkeyPatch, new_transport: NewTransport
) -> None:
    with full_backlog() as port:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SESV2", f"http://127.0.0.1:{port}")
        async with new_transport(connect_timeout=0.2) as transport:
            outcome = await transport.send(mail, timeout=PATIENT)
    assert isinstance(outcome, TransportDown)
    assert outcome.code == "ConnectTimeoutError"


@pytest.mark.parametrize("url", ["http://ses.invalid", "https://127.0.0.1:{port}"], ids=["no such name", "no TLS"])
async def test_a_name_or_a_tls_that_fails_is_nobodys_failure(
    ses: SesDouble, mail: Message, monkeypatch: pytest.MonkeyPatch, url: str, new_transport: NewTransport
) -> None:
    port = ses.url.rpartition(":")[2]
    monkeypatch.setenv("AWS_ENDPOINT_URL_SESV2", url.format(port=port))
    async with new_transport() as transport:
        assert isinstance(await transport.send(mail, timeout=PATIENT), TransportDown)
    assert ses.posts == 0


async def test_as_many_calls_as_connections_are_in_flight_at_once(
    ses: SesDouble, mail: Message, new_transport: NewTransport
) -> None:
    ses.fault("late", times=None, seconds=PATIENT)
    async with new_transport(max_connections=30) as transport, anyio.create_task_group() as group:
        for _ in range(30):
            group.start_soon(partial(transport.send, mail, timeout=PATIENT))
        await ses.wait_for_posts(30)
        group.cancel_scope.cancel()
    assert len(ses.mails) == 30


async def test_without_a_region_it_says_which_variable_to_set(
    ses: SesDouble, monkeypatch: pytest.MonkeyPatch, new_transport: NewTransport
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    with pytest.raises(TransportAway, match="region") as away:
        async with new_transport():
            pass
    assert "AWS_REGION" in away.value.next_step


async def test_without_credentials_it_says_how_to_give_some(
    ses: SesDouble, monkeypatch: pytest.MonkeyPatch, new_transport: NewTransport
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(TransportAway, match="credentials") as away:
        async with new_transport():
            pass
    assert "AWS_PROFILE" in away.value.next_step


async def test_a_profile_that_is_not_there_is_said(
    ses: SesDouble, monkeypatch: pytest.MonkeyPatch, new_transport: NewTransport
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(TransportAway, match="nobody"):
        async with new_transport():
            pass


@pytest.fixture
async def renewals(ses: SesDouble, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[str]]:
    """A container's credentials, which each call must renew. Each renewal takes the next word: 'fail', 'hang', or
    'for an hour', in which none is needed."""
    words: list[str] = []

    async def credentials(request: web.Request) -> web.Response:
        lasts = timedelta(minutes=1)
        match words.pop(0) if words else "":
            case "fail":
                return web.Response(status=500)
            case "hang":
                await anyio.sleep_forever()
            case "for an hour":
                lasts = timedelta(hours=1)
        until = (datetime.now(UTC) + lasts).strftime("%Y-%m-%dT%H:%M:%SZ")
        return web.json_response({"AccessKeyId": "a", "SecretAccessKey": "b", "Token": "c", "Expiration": until})

    application = web.Application()
    application.router.add_get("/", credentials)
    runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"http://127.0.0.1:{runner.addresses[0][1]}/")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    yield words
    await runner.cleanup()


async def test_credentials_that_cannot_be_renewed_pause_the_account_and_leave_no_doubt(
    ses: SesDouble, mail: Message, renewals: list[str], new_transport: NewTransport
) -> None:
    async with new_transport() as transport:
        renewals.extend(["fail"] * 3)
        outcome = await transport.send(mail, timeout=PATIENT)
        assert isinstance(outcome, AccountPaused)
        assert outcome.code == "CredentialRetrievalError"
        assert ses.posts == 0

        assert isinstance(await transport.send(mail, timeout=PATIENT), Accepted)


async def test_a_renewal_of_credentials_that_hangs_leaves_no_doubt_about_the_mail(
    ses: SesDouble, mail: Message, renewals: list[str], new_transport: NewTransport
) -> None:
    async with new_transport() as transport:
        renewals.append("hang")
        outcome = await transport.send(mail, timeout=0.2)
    assert isinstance(outcome, AccountPaused)
    assert outcome.code == "Timeout"
    assert ses.posts == 0


@pytest.mark.parametrize("word", ["fail", "hang"])
async def test_a_renewal_that_fails_beforehand_is_left_to_the_call(
    renewals: list[str], mail: Message, new_transport: NewTransport, word: str
) -> None:
    async with new_transport(connect_timeout=0.1, read_timeout=0.1) as transport:
        renewals.extend([word] * 3)
        await transport.ready()
        renewals[:] = ["fail"] * 3
        assert isinstance(await transport.send(mail, timeout=PATIENT), AccountPaused)


async def test_what_is_renewed_beforehand_the_call_does_not_wait_for(
    ses: SesDouble, renewals: list[str], mail: Message, new_transport: NewTransport
) -> None:
    async with new_transport() as transport:
        renewals.extend(["for an hour", "never asked for"])
        await transport.ready()
        assert isinstance(await transport.send(mail, timeout=PATIENT), Accepted)
        await transport.ready()
        assert renewals == ["never asked for"]


async def test_a_call_says_who_makes_it(ses: SesDouble, transport: SesTransport, mail: Message) -> None:
    await transport.send(mail, timeout=PATIENT)
    (user_agent,) = ses.user_agents
    assert f"{user_agent} ".startswith(f"mailer/{version('mailer')} ")

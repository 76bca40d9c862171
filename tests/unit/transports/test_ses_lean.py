"""What the lean client alone does: what it refuses at start, and how it writes its requests."""

from dataclasses import replace

import pytest
from aiohttp import web

from mailer.clock import SystemClock
from mailer.errors import ConfigurationError
from mailer.model.message import Attachment, Message
from mailer.model.outcome import Accepted, TransportDown
from mailer.transports.ses_lean import LeanSesTransport
from tests.doubles.ses import SesDouble

PATIENT = 60.0


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy"])
async def test_a_proxy_is_refused_at_start(ses: SesDouble, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "http://proxy.example:3128")
    with pytest.raises(ConfigurationError, match="proxy") as refused:
        async with LeanSesTransport(SystemClock()):
            pass
    assert "MAILER_SES_CLIENT=aioboto3" in refused.value.next_step


async def test_a_proxy_that_is_not_for_ses_is_none_of_its_business(
    ses: SesDouble, monkeypatch: pytest.MonkeyPatch, mail: Message
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with LeanSesTransport(SystemClock()) as transport:
        assert isinstance(await transport.send(mail, timeout=PATIENT), Accepted)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("AWS_SIGV4A_SIGNING_REGION_SET", "us-east-1,eu-west-1"),
        ("AWS_ENDPOINT_URL_SESV2", "https://abc123.endpoints.email.global.api.aws"),
        ("AWS_ENDPOINT_URL_SESV2", "https://abc123.endpoints.email.amazonaws.com"),
    ],
)
async def test_an_endpoint_of_several_regions_is_refused_at_start(
    ses: SesDouble, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match="SigV4a"):
        async with LeanSesTransport(SystemClock()):
            pass


async def test_what_looks_like_the_place_of_the_attachments_in_a_text_stays_text(ses: SesDouble, mail: Message) -> None:
    tricky = replace(mail, subject='"Attachments": null', text='{"Attachments": null} \\" \ud55c')
    async with LeanSesTransport(SystemClock()) as transport:
        await transport.send(tricky, timeout=PATIENT)
    (got,) = ses.mails
    assert (got.subject, got.text) == (tricky.subject, tricky.text)
    assert [one.content for one in got.attachments] == [one.content for one in mail.attachments]


async def test_files_of_one_name_and_different_content_are_not_mixed_up(ses: SesDouble, mail: Message) -> None:
    contents = [b"first", b"second", b"x" * 1_000_001, b"first"]
    async with LeanSesTransport(SystemClock()) as transport:
        for content in contents:
            file = Attachment("명세서.pdf", "application/pdf", content)
            assert isinstance(await transport.send(replace(mail, attachments=(file,)), timeout=PATIENT), Accepted)
    assert [got.attachments[0].content for got in ses.mails] == contents


async def test_a_redirection_is_not_followed_for_that_would_be_a_second_call(
    ses: SesDouble, monkeypatch: pytest.MonkeyPatch, mail: Message
) -> None:
    async def elsewhere(_: web.Request) -> web.Response:
        return web.Response(status=307, headers={"Location": f"{ses.url}/v2/email/outbound-emails"})

    application = web.Application()
    application.router.add_post("/v2/email/outbound-emails", elsewhere)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL_SESV2", f"http://127.0.0.1:{runner.addresses[0][1]}")
    async with LeanSesTransport(SystemClock()) as transport:
        outcome = await transport.send(mail, timeout=PATIENT)
    await runner.cleanup()
    assert isinstance(outcome, TransportDown)
    assert ses.posts == 0

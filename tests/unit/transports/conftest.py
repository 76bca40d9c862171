import os
from collections.abc import AsyncIterator
from functools import partial
from typing import Protocol

import pytest

from mailer.clock import SystemClock
from mailer.model.message import Attachment, Message
from mailer.transports.ses import SesTransport
from mailer.transports.ses_lean import LeanSesTransport
from tests.doubles.ses import SesDouble, environment


@pytest.fixture
def mail() -> Message:
    """One of everything, in Korean where it may be."""
    return Message(
        label="7-홍길동-12",
        sender="=?utf-8?b?6rOg6rCd7IS87YSw?= <billing@example.co.kr>",
        to="hong@example.com",
        subject="홍길동님, 11월 명세서",
        html="<p>안녕하세요, 홍길동님.</p>\n" * 40,
        text="안녕하세요, 홍길동님.\n" * 40,
        reply_to=("=?utf-8?b?64+E7JuA?= <help@example.co.kr>", "crm@example.co.kr"),
        attachments=(
            Attachment("2026년 11월 명세서.pdf", "application/pdf", bytes(range(256)) * 40),
            Attachment("terms and conditions.txt", "text/plain", b"terms\r\n"),
        ),
        headers=(("List-Unsubscribe", "<https://example.co.kr/u/1>"), ("X-Customer", "=?utf-8?b?7ZmN6ri464+Z?=")),
        tags=(("job", "7"), ("delivery", "12"), ("token", "aB_9-x")),
        configuration_set="monthly",
    )


@pytest.fixture
async def ses(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SesDouble]:
    """The double, and the environment that leads the AWS SDK to it."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    async with SesDouble() as double:
        for name, value in environment(double.url).items():
            monkeypatch.setenv(name, value)
        yield double


class NewTransport(Protocol):
    """Makes a transport of one of the two clients."""

    def __call__(
        self, *, max_connections: int = ..., connect_timeout: float = ..., read_timeout: float = ...
    ) -> SesTransport: ...


@pytest.fixture(params=["aioboto3", "lean"])
def new_transport(request: pytest.FixtureRequest) -> NewTransport:
    """The client of each value of MAILER_SES_CLIENT: all that is seen from outside is the same."""
    return SesTransport if request.param == "aioboto3" else partial(LeanSesTransport, SystemClock())


@pytest.fixture
async def transport(ses: SesDouble, new_transport: NewTransport) -> AsyncIterator[SesTransport]:
    async with new_transport() as opened:
        yield opened

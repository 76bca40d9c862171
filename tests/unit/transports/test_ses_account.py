"""What SES says about the account and its identities, asked through the real AWS SDK."""

import pytest

from mailer.errors import TransportAway
from mailer.model.message import Message
from mailer.transports.ses import SesTransport
from mailer.transports.ses_account import Account
from tests.doubles.ses import SesDouble


async def test_the_account_is_read_as_ses_says_it(ses: SesDouble, transport: SesTransport, mail: Message) -> None:
    ses.limit(14.0)
    ses.quota, ses.sandbox = 50_000, True
    await transport.send(mail, timeout=60.0)
    assert await transport.account() == Account(
        max_rate=14.0,
        max_24h=50_000.0,
        sent_24h=1.0,
        sending_enabled=True,
        production_access=False,
        enforcement_status="HEALTHY",
    )
    assert await transport.max_rate() == 14.0


async def test_the_account_is_asked_again_when_ses_is_busy(ses: SesDouble, transport: SesTransport) -> None:
    ses.fail_reads("rate")
    assert await transport.max_rate() == 14.0


@pytest.mark.parametrize("fault", ["access-denied", "proxy-404"])
async def test_an_account_that_may_not_be_read_has_no_rate(ses: SesDouble, transport: SesTransport, fault: str) -> None:
    ses.fail_reads(fault, fault)
    assert await transport.max_rate() is None
    assert await transport.account() is None


async def test_refused_credentials_are_said_with_what_to_check(ses: SesDouble, transport: SesTransport) -> None:
    ses.fail_reads("expired-token")
    with pytest.raises(TransportAway, match="refuses the AWS credentials") as away:
        await transport.max_rate()
    assert "clock" in away.value.next_step


async def test_an_account_that_cannot_be_reached_is_away(ses: SesDouble, transport: SesTransport) -> None:
    await ses.refuse_connections()
    with pytest.raises(TransportAway, match="can't be asked") as away:
        await transport.max_rate()
    assert "AWS_ENDPOINT_URL_SESV2" in away.value.next_step


@pytest.mark.parametrize(
    ("verified", "answer"),
    [
        ({"billing@mail.example.co.kr"}, True),
        ({"mail.example.co.kr"}, True),
        ({"example.co.kr"}, True),
        ({"example.com"}, False),
        (set(), False),
    ],
)
async def test_a_sender_is_verified_by_its_address_its_domain_or_one_above(
    ses: SesDouble, transport: SesTransport, verified: set[str], answer: bool
) -> None:
    ses.verified = verified
    sender = "=?utf-8?b?6rOg6rCd7IS87YSw?= <billing@mail.example.co.kr>"
    assert await transport.identity_verified(sender) is answer


async def test_an_identity_that_may_not_be_read_is_not_known(ses: SesDouble, transport: SesTransport) -> None:
    ses.fail_reads("access-denied")
    assert await transport.identity_verified("billing@example.co.kr") is None

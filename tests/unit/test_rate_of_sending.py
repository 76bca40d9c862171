"""Which rate paces a process: the setting's, what SES grants the account, or a cautious one; the outbox has its own."""

from pathlib import Path

import pytest

from mailer.assembly import OUTBOX_RATE, account_name, open_database, open_pacer, transport_of
from mailer.pacer import CAUTIOUS_RATE, SPACING
from mailer.settings import Settings
from mailer.store.account import Account
from tests.doubles.hand_clock import HandClock
from tests.doubles.ses import environment
from tests.doubles.ses_process import ses_process
from tests.given_settings import loaded

NOWHERE = "http://127.0.0.1:9"


def use_ses(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    for name, value in environment(url).items():
        monkeypatch.setenv(name, value)


def given(folder: Path, **variables: str) -> Settings:
    return loaded(DATABASE=str(folder / "mailer.db"), OUTBOX=str(folder / "outbox"), **variables).settings


async def rate_of(settings: Settings) -> float:
    """Mails per second, by how far apart two slots are."""
    clock = HandClock()
    async with (
        open_database(settings, clock, may_migrate=True) as database,
        transport_of(settings, clock) as transport,
    ):
        pacer = await open_pacer(settings, transport, Account(database, account_name(settings)), clock)
        first, second = await pacer.slot(), await pacer.slot()
    return 1 / (second - first) / SPACING


async def test_the_outbox_goes_at_200_where_nothing_is_set(tmp_path: Path) -> None:
    assert OUTBOX_RATE == 200
    assert await rate_of(given(tmp_path)) == pytest.approx(200, rel=0.001)


@pytest.mark.parametrize("rate", ["50", "0.5"])
async def test_the_setting_paces_the_outbox_too_and_may_be_a_fraction(tmp_path: Path, rate: str) -> None:
    assert await rate_of(given(tmp_path, SES_RATE=rate)) == pytest.approx(float(rate), rel=0.001)


async def test_ses_goes_by_what_it_grants_and_the_setting_wins_over_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ses_process("--rate", "20") as ses:
        use_ses(monkeypatch, ses.url)
        assert await rate_of(given(tmp_path, TRANSPORT="ses")) == pytest.approx(20, rel=0.001)
        assert await rate_of(given(tmp_path, TRANSPORT="ses", SES_RATE="35")) == pytest.approx(35, rel=0.001)


async def test_where_ses_can_not_say_it_goes_at_14(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_ses(monkeypatch, NOWHERE)
    assert CAUTIOUS_RATE == 14
    assert await rate_of(given(tmp_path, TRANSPORT="ses")) == pytest.approx(14, rel=0.001)

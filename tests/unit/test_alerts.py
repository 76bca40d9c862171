"""Warnings to owners: by the transport of the jobs, paced; in the log alone where that is what fails."""

import random
from email import message_from_bytes
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from mailer.alerts import Alerts
from mailer.clock import SystemClock
from mailer.model.automation import Automation, Dbio, Policies, Template
from mailer.pacer import Pacer
from mailer.transports.outbox import Outbox
from mailer.worker.gate import Gate

OWNER = "crm-team@example.co.kr"


class AtOnce:
    """Slots of an account that nobody else sends by; counts them. The first `missed` are past when they come."""

    rate = 1000.0

    def __init__(self) -> None:
        self.taken = 0
        self.missed = 0

    async def reserve(self) -> float:
        self.taken += 1
        return 0.0 if self.taken <= self.missed else SystemClock().monotonic()

    async def slow_down(self) -> None: ...


@pytest.fixture
def slots() -> AtOnce:
    return AtOnce()


@pytest.fixture
def gate() -> Gate:
    async def closed(why: str, seconds: float, *, is_account: bool) -> None: ...

    async def opened(why: str) -> None: ...

    return Gate(SystemClock(), random.Random(1), closed, opened)


def owned_by(owner: str | None) -> Automation:
    return Automation(
        name="월간-명세서",
        dbio=Dbio("crm", "SELECT 1", "ID", "EMAIL"),
        template=Template("명세서", "<p>명세서</p>"),
        policies=Policies(sender="고객센터 <billing@example.co.kr>"),
        owner=owner,
    )


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def warned(folder: Path, slots: AtOnce, gate: Gate, owner: str | None = OWNER) -> tuple[str, str]:
    """The event of the one line in the log, and why nobody was mailed."""
    clock = SystemClock()
    async with Outbox(folder, clock) as outbox:
        alerts = Alerts(outbox, Pacer(slots, clock), gate, send_timeout=60)
        with capture_logs() as lines:
            await alerts.warn(owned_by(owner), "7-stopped", "작업 7이 멈췄습니다", "원인")
    [line] = lines
    assert (line["log_level"], line["warning"]) == ("warning", "작업 7이 멈췄습니다")
    assert OWNER not in str(line)
    return line["event"], line.get("why", "")


async def test_the_owner_gets_a_mail_that_takes_a_slot(tmp_path: Path, slots: AtOnce, gate: Gate) -> None:
    assert await warned(tmp_path, slots, gate) == ("the owner was warned", "")
    mail = message_from_bytes((tmp_path / "alerts" / "7-stopped.eml").read_bytes())
    assert mail["To"] == OWNER
    assert slots.taken == 1


async def test_a_slot_that_was_missed_is_thrown_away_for_another(tmp_path: Path, slots: AtOnce, gate: Gate) -> None:
    slots.missed = 2
    assert await warned(tmp_path, slots, gate) == ("the owner was warned", "")
    assert slots.taken == 3


async def test_while_nothing_can_leave_the_log_has_to_do(tmp_path: Path, slots: AtOnce, gate: Gate) -> None:
    await gate.close("SES refuses connections")
    assert await warned(tmp_path, slots, gate) == ("owner not warned", "SES refuses connections")
    assert (slots.taken, files_in(tmp_path)) == (0, [])


async def test_a_transport_that_fails_at_that_moment_is_said_in_the_log(
    tmp_path: Path, slots: AtOnce, gate: Gate
) -> None:
    (tmp_path / "outbox").write_text("a file where the folder should be", encoding="utf-8")
    event, why = await warned(tmp_path / "outbox", slots, gate)
    assert event == "owner not warned"
    assert "outbox" in why


async def test_without_an_owner_the_log_has_to_do(tmp_path: Path, slots: AtOnce, gate: Gate) -> None:
    assert await warned(tmp_path, slots, gate, owner=None) == (
        "owner not warned",
        "the automation has no owner",
    )
    assert files_in(tmp_path) == []

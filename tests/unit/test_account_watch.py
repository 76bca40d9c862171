"""The SES account, asked once a minute by one process for all: what is noted, what pauses it, and who is told."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from mailer.account_watch import (
    CAUSES,
    DISABLED,
    IDLE_LOOK,
    PAUSE,
    POLL,
    QUOTA_USED_UP,
    SHUTDOWN,
    AccountWatch,
    why_paused,
)
from mailer.db.database import Database
from mailer.db.migrations import migrate
from mailer.db.sqlite import SqliteDatabase
from mailer.errors import TransportAway
from mailer.model.automation import Automation, Dbio, Policies, Template
from mailer.store.account import Account, Pause
from mailer.store.automations import Automations
from mailer.store.fires import Fires
from mailer.store.job_log import read_job_log
from mailer.store.jobs import Jobs
from mailer.store.queue import Queue
from mailer.transports.ses_account import Account as SesAccount
from tests.doubles.hand_clock import HandClock

AUTOMATION = Automation(
    "월간 명세서",
    Dbio("crm", "SELECT 1 AS ID, 'a@example.com' AS EMAIL", "ID", "EMAIL"),
    Template("명세서", "<p>명세서</p>"),
    Policies("고객센터 <billing@example.co.kr>"),
    owner="crm-team@example.co.kr",
)


def said(
    *,
    sent: float = 100.0,
    quota: float = 50_000.0,
    enabled: bool = True,
    status: str = "HEALTHY",
    rate: float = 14.0,
) -> SesAccount:
    return SesAccount(rate, quota, sent, enabled, True, status)


@dataclass
class Ses:
    """What SES would say of the account now."""

    answer: SesAccount | TransportAway | None = field(default_factory=said)
    asked: int = 0

    async def account(self) -> SesAccount | None:
        self.asked += 1
        if isinstance(self.answer, TransportAway):
            raise self.answer
        return self.answer


class Owners:
    """What owners were told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    async def warn(self, definition: Automation | None, label: str, subject: str, text: str) -> None:
        assert definition is not None
        self.told.append(f"{definition.owner} {label}: {text}")


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def database(tmp_path: Path, clock: HandClock) -> AsyncIterator[Database]:
    async with SqliteDatabase(tmp_path / "mailer.db", clock, create=True) as opened:
        await migrate(opened)
        yield opened


@pytest.fixture
def account(database: Database) -> Account:
    return Account(database, "default")


@pytest.fixture
def ses() -> Ses:
    return Ses()


@pytest.fixture
def owners() -> Owners:
    return Owners()


@pytest.fixture
def watch(database: Database, account: Account, ses: Ses, owners: Owners, clock: HandClock) -> AccountWatch:
    return AccountWatch(database, account, ses, owners.warn, clock, is_at_work=lambda: True)


async def running_job(database: Database) -> int:
    saved = await Automations(database).save(AUTOMATION, "kim")
    await Fires(database).enqueue(saved.auto_id, "kim")
    claim = await Queue(database, "worker-1", timedelta(seconds=60)).claim_job()
    assert claim is not None
    await Jobs(database).freeze(claim)
    return claim.job_id


async def passes(clock: HandClock) -> None:
    """Time for one look at whether there is work."""
    clock.advance(IDLE_LOOK)
    for _ in range(4):
        await anyio.lowlevel.checkpoint()


async def logged(database: Database, job_id: int) -> list[tuple[str, int]]:
    return [(line.code, line.times) for line in await read_job_log(database, job_id)]


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (said(), None),
        (said(sent=49_999), None),
        (said(sent=50_000), QUOTA_USED_UP),
        (said(sent=50_001), QUOTA_USED_UP),
        (said(sent=1e9, quota=-1), None),
        (said(quota=0), None),
        (said(enabled=False), DISABLED),
        (said(status="SHUTDOWN"), SHUTDOWN),
        (said(status="SHUTDOWN", enabled=False), SHUTDOWN),
        (said(status="PROBATION"), None),
        (said(status=""), None),
    ],
    ids=str,
)
def test_an_account_is_paused_where_ses_takes_no_mail(answer: SesAccount, cause: str | None) -> None:
    assert why_paused(answer) == cause


async def test_rate_and_quota_are_noted_for_all(watch: AccountWatch, database: Database, account: Account) -> None:
    await watch.look()
    (row,) = await database.fetch("read_account", {"account": "default"})
    assert (row.number("MAX_RATE"), row.number("QUOTA")) == (14.0, 50_000.0)
    assert await account.paused() is None


async def test_two_processes_ask_once_a_minute_between_them(
    watch: AccountWatch, database: Database, ses: Ses, owners: Owners, clock: HandClock
) -> None:
    other = AccountWatch(database, Account(database, "default"), ses, owners.warn, clock, is_at_work=lambda: True)
    for expected in (1, 1, 2, 2, 3):
        await watch.look()
        await other.look()
        assert ses.asked == expected
        clock.advance(POLL / 2)


async def test_nobody_is_asked_while_there_is_no_work_and_ses_at_once_when_there_is(
    database: Database, account: Account, ses: Ses, owners: Owners, clock: HandClock
) -> None:
    jobs: set[int] = set()
    watch = AccountWatch(database, account, ses, owners.warn, clock, is_at_work=lambda: bool(jobs))
    async with anyio.create_task_group() as group:
        stop = anyio.Event()
        group.start_soon(watch.run, stop)
        for _ in range(300):
            await passes(clock)
        assert await database.fetch("read_account", {"account": "default"}) == []
        jobs.add(1)
        await passes(clock)
        with anyio.fail_after(10):
            while not ses.asked:
                await anyio.lowlevel.checkpoint()
        stop.set()


@pytest.mark.parametrize("answer", [said(enabled=False), said(status="SHUTDOWN"), said(sent=50_000)], ids=CAUSES)
async def test_the_pause_lasts_while_ses_says_so_and_ends_when_it_allows_again(
    watch: AccountWatch, account: Account, ses: Ses, answer: SesAccount, clock: HandClock
) -> None:
    ses.answer = answer
    for _ in range(3):
        await watch.look()
        paused = await account.paused()
        assert paused == Pause(clock.now() + timedelta(seconds=PAUSE), why_paused(answer) or "")
        clock.advance(POLL)
        assert (await account.rates()).paused_for > 0
    ses.answer = said()
    await watch.look()
    assert await account.paused() is None
    assert (await account.rates()).paused_for == 0


async def test_a_pause_of_another_cause_is_not_lifted(watch: AccountWatch, account: Account) -> None:
    await account.pause("SES refuses the AWS credentials", 600)
    await watch.look()
    paused = await account.paused()
    assert paused is not None
    assert paused.why == "SES refuses the AWS credentials"


async def test_a_running_job_says_why_it_waits_and_nobody_is_mailed_for_nothing_leaves(
    watch: AccountWatch, database: Database, ses: Ses, owners: Owners, clock: HandClock
) -> None:
    job_id = await running_job(database)
    ses.answer = said(enabled=False)
    for _ in range(2):
        await watch.look()
        clock.advance(POLL)
    assert await logged(database, job_id) == [("waiting", 2)]
    assert owners.told == []


@pytest.mark.parametrize(
    ("answer", "words"),
    [(said(status="PROBATION"), "PROBATION"), (said(sent=45_000), "45,000 of 50,000 mails of the daily quota")],
    ids=["probation", "quota"],
)
async def test_owners_of_running_jobs_are_warned_once_while_mails_can_still_leave(
    watch: AccountWatch, database: Database, ses: Ses, owners: Owners, clock: HandClock, answer: SesAccount, words: str
) -> None:
    job_id = await running_job(database)
    ses.answer = answer
    for _ in range(3):
        await watch.look()
        clock.advance(POLL)
    assert await logged(database, job_id) == [("account", 3)]
    (told,) = owners.told
    assert told.startswith(f"crm-team@example.co.kr {job_id}-account: ")
    assert words in told


@pytest.mark.parametrize("answer", [None, TransportAway("SES can't be asked")], ids=["may not ask", "away"])
async def test_where_ses_does_not_say_what_is_known_stays(
    watch: AccountWatch, database: Database, account: Account, ses: Ses, clock: HandClock, answer: TransportAway | None
) -> None:
    ses.answer = said(enabled=False)
    await watch.look()
    clock.advance(POLL)
    ses.answer = answer
    await watch.look()
    paused = await account.paused()
    assert paused is not None
    assert paused.why == DISABLED
    assert (await account.rates()).allowed == 14.0
    clock.advance(PAUSE)
    assert (await account.rates()).paused_for == 0  # nobody waits for ever for an answer that does not come

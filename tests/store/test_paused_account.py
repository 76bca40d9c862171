"""A pause of the account holds the slots of every process, and of none any longer than it lasts."""

import asyncio

import pytest

from mailer.db.database import Database
from mailer.pacer import RATES_AGE, AccountSlots, Pacer
from mailer.store.account import Account
from tests.doubles.hand_clock import HandClock
from tests.store.engines import Engine, TimePasses


@pytest.fixture
async def here(database: Database) -> Account:
    return Account(database, "default")


@pytest.fixture
async def there(engine: Engine, database: Database) -> Pacer:
    """What another process takes its slots from."""
    return Pacer(AccountSlots(Account(await engine.connect(), "default"), 100.0, engine.clock), engine.clock)


async def take(pacer: Pacer) -> float:
    return await asyncio.wait_for(pacer.slot(), 30)


async def waits(slot: "asyncio.Task[float]", clock: HandClock) -> bool:
    """Whether it sleeps now, and did not get its slot."""
    asleep = asyncio.create_task(clock.until_asleep())
    done, _ = await asyncio.wait({slot, asleep}, timeout=30, return_when=asyncio.FIRST_COMPLETED)
    asleep.cancel()
    assert done
    return not slot.done()


async def test_nobody_gets_a_slot_while_another_process_has_paused_the_account(
    here: Account, there: Pacer, engine: Engine, time_passes: TimePasses
) -> None:
    await here.pause("quota", 3)
    slot = asyncio.create_task(there.slot())
    for _ in range(3):
        assert await waits(slot, engine.clock)
        await time_passes(1)
    assert await asyncio.wait_for(slot, 30) >= engine.clock.monotonic()


async def test_a_pause_that_is_lifted_early_holds_nobody_any_longer(
    here: Account, there: Pacer, engine: Engine, time_passes: TimePasses
) -> None:
    await here.pause("quota", 3600)
    slot = asyncio.create_task(there.slot())
    assert await waits(slot, engine.clock)
    await here.resume("quota")
    await time_passes(RATES_AGE)
    await asyncio.wait_for(slot, 30)


async def test_a_process_that_sends_stops_within_a_second(
    here: Account, there: Pacer, engine: Engine, time_passes: TimePasses
) -> None:
    await take(there)
    await here.pause("quota", 3600)
    await time_passes(RATES_AGE)
    slot = asyncio.create_task(there.slot())
    assert await waits(slot, engine.clock)
    slot.cancel()


async def test_whoever_cannot_wait_gets_no_slot(here: Account, there: Pacer) -> None:
    await here.pause("quota", 3600)
    assert await there.slot_within(0.2) is None
    await here.resume()

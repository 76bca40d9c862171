"""ACCOUNT: slots that nobody else has, a rate that all lower together, one poll for all, and why nothing leaves."""

import asyncio
from datetime import timedelta
from itertools import pairwise

import pytest

from mailer.db.database import Database
from mailer.store.account import Account, Block, Pause, Rates
from tests.store.engines import Engine, TimePasses

BLOCK = 0.05
REPETITIONS = 5


@pytest.fixture
def account(database: Database) -> Account:
    return Account(database, "default")


@pytest.fixture
async def elsewhere(engine: Engine, database: Database) -> Account:
    """The same row, as another process has it."""
    return Account(await engine.connect(), "default")


async def test_the_first_block_begins_now(account: Account, engine: Engine) -> None:
    block = await account.reserve(BLOCK)
    assert block == Block(engine.clock.now(), engine.clock.now() + timedelta(seconds=BLOCK), engine.clock.now())


async def test_blocks_follow_each_other_without_a_gap_and_without_an_overlap(
    account: Account, elsewhere: Account
) -> None:
    blocks = [await process.reserve(BLOCK) for process in (account, elsewhere, account)]
    assert [later.begins - earlier.ends for earlier, later in pairwise(blocks)] == [timedelta()] * 2


async def test_after_a_while_of_idleness_a_block_begins_now_and_what_was_free_meanwhile_is_lost(
    account: Account, engine: Engine
) -> None:
    await account.reserve(BLOCK)
    await engine.pass_time(60)
    assert (await account.reserve(BLOCK)).begins == engine.clock.now()


async def test_a_block_that_was_reserved_ahead_stays_ahead(account: Account, time_passes: TimePasses) -> None:
    blocks = [await account.reserve(10) for _ in range(2)]
    await time_passes(5)
    block = await account.reserve(10)
    assert block.begins == blocks[1].ends
    assert (block.begins - block.now).total_seconds() == 15


async def test_a_database_clock_that_is_set_back_holds_all_slots_until_it_has_caught_up(
    account: Account, time_passes: TimePasses
) -> None:
    reserved = await account.reserve(BLOCK)
    await time_passes(-10)
    block = await account.reserve(BLOCK)
    assert block.begins == reserved.ends
    assert (block.begins - block.now).total_seconds() == 10 + BLOCK


@pytest.mark.parametrize("_", range(REPETITIONS))
async def test_two_processes_at_once_never_get_the_same_block(account: Account, elsewhere: Account, _: int) -> None:
    blocks = await asyncio.gather(*(process.reserve(BLOCK) for process in [account, elsewhere] * 10))
    begins = sorted(block.begins for block in blocks)
    assert all(later - earlier == timedelta(seconds=BLOCK) for earlier, later in pairwise(begins))


async def test_each_account_has_slots_of_its_own(account: Account, database: Database, engine: Engine) -> None:
    await account.reserve(3600)
    assert (await Account(database, "outbox").reserve(BLOCK)).begins == engine.clock.now()


async def test_nothing_is_known_of_an_account_before_somebody_has_asked(account: Account) -> None:
    assert await account.rates() == Rates(None, None, 0.0)
    assert await account.paused() is None
    await account.reserve(BLOCK)
    assert await account.rates() == Rates(None, None, 0.0)


async def test_what_ses_says_of_the_account_is_known_to_all(account: Account, elsewhere: Account) -> None:
    await account.note(14.0, 50_000.0)
    assert await elsewhere.rates() == Rates(14.0, None, 0.0)
    await account.note(20.0, None)
    await account.note(None, 40_000.0)
    assert (await elsewhere.rates()).allowed == 20.0


async def test_a_rate_that_was_lowered_is_known_with_its_age(
    account: Account, elsewhere: Account, time_passes: TimePasses
) -> None:
    await account.note(14.0, None)
    await account.lower_rate(11.2)
    await time_passes(2.5)
    assert await elsewhere.rates() == Rates(14.0, 11.2, 2.5)


@pytest.mark.parametrize(("seconds", "rate"), [(0.999999, 11.2), (1, 9.0)], ids=["one step before", "exactly"])
async def test_mails_that_are_throttled_together_lower_the_rate_once_in_a_second(
    account: Account, elsewhere: Account, time_passes: TimePasses, seconds: float, rate: float
) -> None:
    await account.reserve(BLOCK)
    await account.lower_rate(11.2)
    await time_passes(seconds)
    await elsewhere.lower_rate(9.0)
    assert (await account.rates()).lowered == rate


async def test_one_process_asks_ses_and_the_next_only_after_a_while(
    account: Account, elsewhere: Account, time_passes: TimePasses
) -> None:
    asked = [await process.claims_poll(60) for process in (account, elsewhere)]
    await time_passes(59.999999)
    asked.append(await elsewhere.claims_poll(60))
    await time_passes(0.000001)
    asked.append(await elsewhere.claims_poll(60))
    assert asked == [True, False, False, True]


@pytest.mark.parametrize("_", range(REPETITIONS))
async def test_of_many_that_want_to_ask_ses_at_once_one_does(account: Account, elsewhere: Account, _: int) -> None:
    asked = await asyncio.gather(*(process.claims_poll(60) for process in [account, elsewhere] * 5))
    assert asked.count(True) == 1


async def test_a_pause_is_known_to_all_until_mails_leave_again(
    account: Account, elsewhere: Account, engine: Engine
) -> None:
    await account.pause("the account is under review", 60)
    until = engine.clock.now() + timedelta(seconds=60)
    assert await elsewhere.paused() == Pause(until, "the account is under review")
    await elsewhere.resume()
    assert await account.paused() is None
    await elsewhere.resume()


async def test_the_longest_pause_counts(account: Account, engine: Engine, time_passes: TimePasses) -> None:
    begun = engine.clock.now()
    await account.pause("first", 60)
    await account.pause("shorter", 59)
    assert await account.paused() == Pause(begun + timedelta(seconds=60), "first")
    await account.pause("나중 " * 1000, 60)
    pause = await account.paused()
    assert pause is not None
    assert (pause.until, len(pause.why)) == (begun + timedelta(seconds=60), 1000)
    await time_passes(10)
    await account.pause("longer", 51)
    assert await account.paused() == Pause(begun + timedelta(seconds=61), "longer")


async def test_what_one_process_cannot_do_is_noted_and_holds_nobody(account: Account, engine: Engine) -> None:
    await account.pause("Could not connect", 0)
    assert await account.paused() == Pause(engine.clock.now(), "Could not connect", is_over=True)
    assert (await account.rates()).paused_for == 0


async def test_how_long_a_pause_still_lasts_is_known_with_the_rates(
    account: Account, elsewhere: Account, time_passes: TimePasses
) -> None:
    await account.pause("quota", 60)
    await time_passes(45)
    assert (await elsewhere.rates()).paused_for == 15
    await time_passes(15)
    assert (await elsewhere.rates()).paused_for == 0
    pause = await elsewhere.paused()
    assert pause is not None
    assert pause.is_over


async def test_a_pause_that_nobody_prolongs_is_forgotten(account: Account, time_passes: TimePasses) -> None:
    await account.pause("Could not connect", 0)
    await time_passes(300)
    assert await account.paused() is not None
    await time_passes(0.000001)
    assert await account.paused() is None


async def test_a_cause_that_is_gone_lifts_its_own_pause_alone(account: Account, elsewhere: Account) -> None:
    await account.pause("quota", 60)
    assert not await elsewhere.resume("another cause")
    assert await account.paused() is not None
    assert await elsewhere.resume("quota")
    assert await account.paused() is None


async def test_resuming_what_was_never_paused_does_nothing(account: Account) -> None:
    await account.resume()
    assert await account.paused() is None

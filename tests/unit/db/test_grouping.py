"""The group committer: who is committed with whom, who learns of what, and who is never forgotten."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.db.grouping import Grouping
from mailer.errors import QueryFailed, Unreachable

REPETITIONS = 50


@dataclass
class Gate:
    """A commit that tests hold closed: it notes each group, and waits for `open` where it was told to."""

    groups: list[list[int]] = field(default_factory=list)
    errors: dict[int, Exception] = field(default_factory=dict)
    broken: Exception | None = None
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    open: asyncio.Event = field(default_factory=asyncio.Event)

    async def commit(self, items: Sequence[int]) -> Sequence[str | Exception]:
        self.groups.append(list(items))
        self.begun.set()
        await self.open.wait()
        if self.broken:
            raise self.broken
        return [self.errors.get(item, f"written {item}") for item in items]


@asynccontextmanager
async def running(gate: Gate, limit: int = 100) -> AsyncIterator[Grouping[int, str]]:
    grouping: Grouping[int, str] = Grouping(gate.commit, limit=limit)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(grouping.run)
        yield grouping
        tasks.cancel_scope.cancel()


async def submit_all(grouping: Grouping[int, str], items: Sequence[int]) -> list["asyncio.Task[str]"]:
    """Tasks that have handed in their items and wait."""
    tasks = [asyncio.create_task(grouping.submit(item)) for item in items]
    await anyio.lowlevel.checkpoint()
    return tasks


async def test_a_lone_item_is_committed_at_once() -> None:
    gate = Gate()
    gate.open.set()
    async with running(gate) as grouping:
        assert await grouping.submit(1) == "written 1"
        assert await grouping.submit(2) == "written 2"
    assert gate.groups == [[1], [2]]


@pytest.mark.parametrize("_", range(REPETITIONS))
async def test_what_arrives_while_a_commit_runs_is_the_next_group_in_order(_: int) -> None:
    gate = Gate()
    async with running(gate) as grouping:
        first = await submit_all(grouping, [1])
        await gate.begun.wait()
        rest = await submit_all(grouping, [2, 3, 4, 5])
        gate.open.set()
        assert await asyncio.gather(*first, *rest) == [f"written {n}" for n in range(1, 6)]
    assert gate.groups == [[1], [2, 3, 4, 5]]


async def test_what_was_submitted_before_the_committer_began_is_committed() -> None:
    gate = Gate()
    gate.open.set()
    grouping: Grouping[int, str] = Grouping(gate.commit, limit=10)
    waiting = await submit_all(grouping, [1, 2])
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(grouping.run)
        assert await asyncio.gather(*waiting) == ["written 1", "written 2"]
        tasks.cancel_scope.cancel()
    assert gate.groups == [[1, 2]]


async def test_a_group_is_no_larger_than_the_limit_and_nobody_is_left_behind() -> None:
    gate = Gate()
    async with running(gate, limit=3) as grouping:
        waiting = await submit_all(grouping, range(8))
        gate.open.set()
        assert await asyncio.gather(*waiting) == [f"written {n}" for n in range(8)]
    assert [len(group) for group in gate.groups] == [3, 3, 2]


async def test_an_item_that_fails_fails_alone() -> None:
    gate = Gate(errors={2: QueryFailed("no such row")})
    gate.open.set()
    async with running(gate) as grouping:
        waiting = await submit_all(grouping, [1, 2, 3])
        results = await asyncio.gather(*waiting, return_exceptions=True)
    assert results[0] == "written 1"
    assert isinstance(results[1], QueryFailed)
    assert results[2] == "written 3"


async def test_an_error_of_the_commit_goes_to_its_whole_group_and_the_next_group_is_committed() -> None:
    gate = Gate(broken=QueryFailed("the disk is full"))
    async with running(gate) as grouping:
        waiting = await submit_all(grouping, [1, 2])
        gate.open.set()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(result) for result in results] == [QueryFailed, QueryFailed]
        gate.broken = None
        assert await grouping.submit(3) == "written 3"


async def test_a_commit_that_loses_count_of_its_results_fails_everybody_instead_of_leaving_somebody_waiting() -> None:
    async def commit(items: Sequence[int]) -> Sequence[str | Exception]:
        return ["one"]

    grouping: Grouping[int, str] = Grouping(commit, limit=10)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(grouping.run)
        results = await asyncio.gather(*await submit_all(grouping, [1, 2]), return_exceptions=True)
        assert [type(result) for result in results] == [RuntimeError, RuntimeError]
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize("_", range(REPETITIONS))
async def test_a_submitter_cancelled_while_queued_is_withdrawn(_: int) -> None:
    gate = Gate()
    async with running(gate) as grouping:
        first = await submit_all(grouping, [1])
        await gate.begun.wait()
        waiting = await submit_all(grouping, [2, 3])
        waiting[0].cancel()
        gate.open.set()
        results = await asyncio.gather(*first, *waiting, return_exceptions=True)
    assert isinstance(results[1], asyncio.CancelledError)
    assert (results[0], results[2]) == ("written 1", "written 3")
    assert gate.groups == [[1], [3]]


@pytest.mark.parametrize("_", range(REPETITIONS))
async def test_when_all_that_is_queued_is_withdrawn_nothing_is_committed_and_the_committer_waits_on(_: int) -> None:
    gate = Gate()
    async with running(gate) as grouping:
        first = await submit_all(grouping, [1])
        await gate.begun.wait()
        waiting = await submit_all(grouping, [2])
        waiting[0].cancel()
        gate.open.set()
        await asyncio.gather(*first, *waiting, return_exceptions=True)
        assert await grouping.submit(3) == "written 3"
    assert gate.groups == [[1], [3]]


@pytest.mark.parametrize("_", range(REPETITIONS))
async def test_a_submitter_cancelled_after_its_group_began_leaves_and_the_commit_goes_on(_: int) -> None:
    gate = Gate()
    async with running(gate) as grouping:
        waiting = await submit_all(grouping, [1, 2])
        await gate.begun.wait()
        waiting[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting[0]
        assert not gate.open.is_set()
        gate.open.set()
        assert await waiting[1] == "written 2"
    assert gate.groups == [[1, 2]]


@pytest.mark.parametrize("_", range(REPETITIONS))
async def test_a_cancel_scope_around_submit_ends_it_while_the_commit_hangs(_: int) -> None:
    gate = Gate()
    async with running(gate) as grouping:
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(grouping.submit, 1)
                await gate.begun.wait()
                scope.cancel()
        assert scope.cancelled_caught


@pytest.mark.parametrize("_", range(REPETITIONS))
async def test_a_cancelled_committer_fails_who_is_in_the_group_who_is_queued_and_who_comes_later(_: int) -> None:
    gate = Gate()
    async with running(gate, limit=1) as grouping:
        in_group = await submit_all(grouping, [1])
        await gate.begun.wait()
        queued = await submit_all(grouping, [2, 3])
    results = await asyncio.gather(*in_group, *queued, return_exceptions=True)
    assert [type(result) for result in results] == [Unreachable] * 3
    assert "not known" in str(results[0])
    assert "nothing was written" in str(results[1])
    with pytest.raises(Unreachable):
        await grouping.submit(4)
    assert gate.groups == [[1]]


@given(
    plan=st.lists(st.tuples(st.sampled_from(["submit", "cancel", "turn", "commit"]), st.integers(0, 30)), max_size=60),
    limit=st.integers(1, 5),
)
def test_whatever_the_order_each_item_is_committed_once_or_withdrawn_and_each_submitter_is_answered(
    plan: list[tuple[str, int]], limit: int
) -> None:
    async def play() -> None:
        gate = Gate()
        submitted: dict[int, asyncio.Task[str]] = {}
        async with running(gate, limit) as grouping:
            for step, number in plan:
                match step:
                    case "submit":
                        item = len(submitted)
                        submitted[item] = asyncio.create_task(grouping.submit(item))
                    case "cancel" if number in submitted:
                        submitted[number].cancel()
                    case "commit":
                        gate.open.set()
                        await anyio.lowlevel.checkpoint()
                        gate.open.clear()
                    case _:
                        await anyio.lowlevel.checkpoint()
            gate.open.set()
            with anyio.fail_after(5):
                results = await asyncio.gather(*submitted.values(), return_exceptions=True)
        committed = [item for group in gate.groups for item in group]
        assert committed == sorted(set(committed))
        assert all(1 <= len(group) <= limit for group in gate.groups)
        for item, result in zip(submitted, results, strict=True):
            assert (
                result == f"written {item}" if isinstance(result, str) else isinstance(result, asyncio.CancelledError)
            )
            assert isinstance(result, asyncio.CancelledError) or item in committed

    asyncio.run(play())

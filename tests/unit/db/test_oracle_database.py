"""The verbs of the Oracle database: what is locked, written, kept whole, and said of what is refused."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from mailer.db.database import Binds, Session
from mailer.db.oracle import OracleDatabase
from mailer.errors import DatabaseAway, DatabaseRefused, DuplicateKey, TransactionUndone
from tests.doubles.oracle import Action, Fault, StandIn
from tests.unit.db.conftest import Open, until_one_waits

KOREAN = "가나다라마바사아자차카타파하"
MOMENT = datetime(2026, 11, 25, 0, 0, 0, 123456, tzinfo=UTC)


async def new_automation(session: Session, name: str = "월간 명세서", html: str = "<p>안녕하세요</p>") -> int:
    dbio_id = await session.insert("insert_dbio", dbio(name))
    template = {"name": name, "subject": "명세서", "html": html, "text": None}
    template_id = await session.insert("insert_template", template)
    return await session.insert(
        "insert_automation",
        {"name": name, "dbio_id": dbio_id, "template_id": template_id, "policies": "{}", "owner": None},
    )


def dbio(name: str, target: str = "SELECT 1 FROM DUAL") -> Binds:
    return {
        "name": name,
        "source": "crm",
        "target_query": target,
        "mapping_query": None,
        "mapping_batch": 0,
        "update_query": None,
        "key_column": "CUST_ID",
        "email_column": "EMAIL",
        "attach_column": None,
    }


async def new_job(session: Session, auto_id: int) -> int:
    fire: Binds = {"auto_id": auto_id, "schedule_id": 0, "fire_at": MOMENT, "actor": "kim"}
    return await session.insert("insert_job", fire)


async def new_jobs(database: OracleDatabase, count: int) -> list[int]:
    """Jobs that wait, each of an automation of its own."""
    async with database.transaction() as transaction:
        return [await new_job(transaction, await new_automation(transaction, f"{number}번")) for number in range(count)]


async def test_a_claim_locks_the_rows_that_it_fetches_and_no_others(opened: Open, database: OracleDatabase) -> None:
    jobs = await new_jobs(database, 5)
    other = await opened()
    async with database.transaction() as first, other.transaction() as second:
        taken = await first.fetch("list_waiting_jobs", at_most=2)
        left = await second.fetch("list_waiting_jobs", at_most=5)
    assert [row.integer("JOB_ID") for row in taken] == jobs[:2]
    assert [row.integer("JOB_ID") for row in left] == jobs[2:]


async def test_many_claims_at_once_take_each_row_once(opened: Open, database: OracleDatabase) -> None:
    jobs = await new_jobs(database, 12)
    taken: list[int] = []

    async def claim(database: OracleDatabase) -> None:
        async with database.transaction() as transaction:
            (row,) = await transaction.fetch("list_waiting_jobs", at_most=1)
            taken.append(row.integer("JOB_ID"))
            claimed: Binds = {"job_id": taken[-1], "fence": 0, "worker_id": "w", "lease_seconds": 60}
            assert await transaction.execute("claim_job", {**claimed, "start_at": MOMENT}) == 1

    processes = [database, await opened(), await opened()]
    async with asyncio.TaskGroup() as tasks:
        for number in range(12):
            tasks.create_task(claim(processes[number % 3]))
    assert sorted(taken) == jobs


async def test_times_keep_their_fraction(database: OracleDatabase) -> None:
    async with database.transaction() as transaction:
        auto_id = await new_automation(transaction)
        await new_job(transaction, auto_id)
        fire: Binds = {"auto_id": auto_id, "schedule_id": 0, "fire_at": MOMENT}
        assert await transaction.fetch("find_job_of_fire", fire)
        late: Binds = {**fire, "fire_at": MOMENT + timedelta(microseconds=1)}
        assert not await transaction.fetch("find_job_of_fire", late)
    (row,) = await database.fetch("list_jobs", {"auto_id": None, "status": None})
    assert row.moment("FIRE_AT") == MOMENT


async def test_a_long_text_is_kept_whole_also_where_its_key_is_asked_for(database: OracleDatabase) -> None:
    html = f"<p>{KOREAN * 10_000}</p>"
    auto_id = await new_automation(database, html=html)
    (row,) = await database.fetch("read_automation", {"auto_id": auto_id})
    assert row.text("HTML") == html
    assert row["TEXT"] is None


@pytest.mark.parametrize("length", [3_900, 12_000, 33_000, 100_000])
async def test_a_query_of_any_length_is_kept_whole(database: OracleDatabase, length: int) -> None:
    target = f"SELECT '{'긴' * (length // 3)}' AS A FROM DUAL"
    async with database.transaction() as transaction:
        dbio_id = await transaction.insert("insert_dbio", dbio("긴 질의", target))
        template = {"name": "n", "subject": "s", "html": "h", "text": "t"}
        template_id = await transaction.insert("insert_template", template)
        named: Binds = {"name": "n", "dbio_id": dbio_id, "template_id": template_id, "policies": "{}", "owner": None}
        auto_id = await transaction.insert("insert_automation", named)
    (row,) = await database.fetch("read_automation", {"auto_id": auto_id})
    assert row.text("TARGET_QUERY") == target


async def test_korean_fits_to_the_limit_and_one_letter_more_is_told_with_column_and_limit(
    database: OracleDatabase,
) -> None:
    await new_automation(database, name="가" * 100)
    with pytest.raises(DatabaseRefused, match=r"NAME takes at most .* Korean letter has 3 bytes") as caught:
        await new_automation(database, name="가" * 101)
    assert "가" * 101 not in str(caught.value)


async def test_a_number_of_nineteen_digits_is_exact(database: OracleDatabase) -> None:
    key = 9_223_372_036_854_775_807
    await database.execute("move_schedule", {"schedule_id": key, "next_run": None, "last_run": None})
    assert await database.fetch("find_active_job", {"auto_id": key}) == []
    async with database.transaction() as transaction:
        auto_id = await new_automation(transaction)
        fire: Binds = {"auto_id": auto_id, "schedule_id": key, "fire_at": MOMENT, "actor": "kim"}
        await transaction.insert("insert_job", fire)
        assert await transaction.fetch("find_job_of_fire", {"auto_id": auto_id, "schedule_id": key, "fire_at": MOMENT})


async def test_a_bind_that_is_missing_or_too_many_is_a_defect_of_ours(database: OracleDatabase) -> None:
    with pytest.raises(TypeError, match="account"):
        await database.fetch("read_account", {})
    with pytest.raises(TypeError, match="generated_key"):
        await database.execute("insert_template", {"name": "n", "subject": "s", "html": "h", "text": None})


async def test_a_single_statement_is_committed_with_itself(
    standin: StandIn, opened: Open, database: OracleDatabase
) -> None:
    commits = standin.faults.arm(Fault(Action.ERROR, call="commit", times=0))
    await database.execute("insert_account", {"account": "default"})
    other = await opened()
    assert await other.fetch("read_account", {"account": "default"})
    assert commits.strikes == 0  # it rode on the statement


async def test_a_transaction_is_rolled_back_by_an_error_and_by_a_cancellation(database: OracleDatabase) -> None:
    async def fail() -> None:
        async with database.transaction() as transaction:
            await transaction.execute("insert_account", {"account": "default"})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    written = asyncio.Event()

    async def write() -> None:
        async with database.transaction() as transaction:
            await transaction.execute("insert_account", {"account": "default"})
            written.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(write())
    await written.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await database.fetch("read_account", {"account": "default"}) == []


async def test_each_row_of_many_has_its_own_count(database: OracleDatabase) -> None:
    rows: list[Binds] = [{"email": f"{letter}@example.co.kr", "reason": "손님의 뜻"} for letter in "abc"]
    await database.execute_many("insert_suppression", rows)
    deleted: list[Binds] = [{"email": f"{letter}@example.co.kr"} for letter in "axc"]
    for counts in ([1, 0, 1], [0, 0, 0]):
        assert await database.execute_many("delete_suppression", deleted) == counts


async def test_many_rows_outside_a_transaction_are_written_together_or_not_at_all(database: OracleDatabase) -> None:
    rows: list[Binds] = [{"account": name} for name in ("하나", "둘", "하나")]
    with pytest.raises(DuplicateKey):
        await database.execute_many("insert_account", rows)
    assert await database.fetch("read_account", {"account": "둘"}) == []


async def test_two_who_add_to_the_same_minute_first_both_count(
    standin: StandIn, opened: Open, database: OracleDatabase
) -> None:
    """MERGE sees no row, inserts, waits for the other's insert, and is refused by the key (ORA-00001)."""
    (job_id,) = await new_jobs(database, 1)
    added: list[Binds] = [{"job_id": job_id, "writer": "w", "state": state, "n": 1} for state in ("SENT", "FAILED")]
    other = await opened()
    async with database.transaction() as transaction:
        await transaction.execute_many("add_to_minute", added)
        late = asyncio.create_task(other.execute_many("add_to_minute", added))
        await until_one_waits(standin)
    assert await late == [1, 1]
    sums = {row.text("STATE"): row["N"] for row in await database.fetch("sum_minutes", {"job_id": job_id})}
    assert sums == {"SENT": 2, "FAILED": 2}


async def test_what_a_statement_returns_is_none_where_it_touched_no_row(database: OracleDatabase) -> None:
    reserve: Binds = {"account": "default", "block_seconds": 0.05}
    returned = ("NEXT_SLOT", "MOMENT")
    assert await database.execute_returning("reserve_slots", reserve, returned) is None
    await database.execute("insert_account", {"account": "default"})
    row = await database.execute_returning("reserve_slots", reserve, returned)
    assert row is not None
    assert row.moment("NEXT_SLOT") - row.moment("MOMENT") == timedelta(milliseconds=50)


async def test_a_deadlock_undoes_one_transaction_which_may_be_done_again(
    opened: Open, database: OracleDatabase
) -> None:
    first, second = await new_jobs(database, 2)
    other = await opened()

    async def lock_both(database: OracleDatabase, jobs: tuple[int, int], has_one: asyncio.Barrier) -> None:
        async with database.transaction() as transaction:
            await transaction.fetch("lock_job", {"job_id": jobs[0]})
            await has_one.wait()
            await transaction.fetch("lock_job", {"job_id": jobs[1]})

    barrier = asyncio.Barrier(2)
    results = await asyncio.gather(
        lock_both(database, (first, second), barrier),
        lock_both(other, (second, first), barrier),
        return_exceptions=True,
    )
    assert [type(result) for result in results if result is not None] == [TransactionUndone]
    assert None in results


async def test_a_single_statement_that_a_deadlock_undid_is_said_again(
    standin: StandIn, database: OracleDatabase
) -> None:
    armed = standin.faults.arm(Fault(Action.ERROR, sql="INSERT INTO ACCOUNT", code=60, times=2))
    await database.execute("insert_account", {"account": "default"})
    assert armed.strikes == 2


async def test_a_lock_that_stays_held_is_not_waited_for_beyond_the_patience(
    opened: Open, database: OracleDatabase
) -> None:
    (job_id,) = await new_jobs(database, 1)
    impatient = await opened(patience=0.3)
    async with database.transaction() as transaction:
        await transaction.fetch("lock_job", {"job_id": job_id})
        with pytest.raises(DatabaseAway, match="no answer in time"):
            async with impatient.transaction() as waiting:
                await waiting.fetch("lock_job", {"job_id": job_id})
    async with impatient.transaction() as transaction:
        assert await transaction.fetch("lock_job", {"job_id": job_id})


async def test_a_read_whose_session_is_killed_is_repeated(standin: StandIn, database: OracleDatabase) -> None:
    for call in ("execute", "fetch"):
        armed = standin.faults.arm(Fault(Action.KILL, call=call))
        (row,) = await database.fetch("read_now")
        assert row.moment("MOMENT")
        assert call == "fetch" or armed.strikes == 1
        standin.faults.clear()


@pytest.mark.parametrize("action", [Action.LOSE, Action.CUT])
async def test_a_write_whose_answer_is_lost_is_not_said_again(
    standin: StandIn, database: OracleDatabase, action: Action
) -> None:
    await database.execute("insert_account", {"account": "default"})
    row = await database.execute_returning("reserve_slots", {"account": "default", "block_seconds": 60}, SLOTS)
    assert row is not None
    standin.faults.arm(Fault(action, sql="SET NEXT_SLOT"))
    with pytest.raises(DatabaseAway, match="connection was lost"):
        await database.execute_returning("reserve_slots", {"account": "default", "block_seconds": 60}, SLOTS)
    later = await database.execute_returning("reserve_slots", {"account": "default", "block_seconds": 60}, SLOTS)
    assert later is not None
    assert later.moment("NEXT_SLOT") - row.moment("NEXT_SLOT") == timedelta(seconds=120)


SLOTS = ("NEXT_SLOT", "MOMENT")


async def test_a_commit_whose_answer_is_lost_is_away_and_may_have_taken_effect(
    standin: StandIn, database: OracleDatabase
) -> None:
    standin.faults.arm(Fault(Action.LOSE, call="commit"))
    with pytest.raises(DatabaseAway, match="COMMIT"):
        async with database.transaction() as transaction:
            await transaction.execute("insert_account", {"account": "default"})
    assert await database.fetch("read_account", {"account": "default"})


@pytest.mark.parametrize(
    ("code", "says", "advice"),
    [(942, "not there", "GRANT SELECT"), (1031, "lacks a right", "docs/oracle.md"), (1950, "tablespace", "QUOTA")],
)
async def test_a_right_that_is_missing_is_told_with_the_grant(
    standin: StandIn, database: OracleDatabase, code: int, says: str, advice: str
) -> None:
    standin.faults.arm(Fault(Action.ERROR, sql="ACCOUNT", code=code))
    with pytest.raises(DatabaseRefused, match=says) as caught:
        await database.execute("insert_account", {"account": "default"})
    assert advice in caught.value.next_step
    assert "insert_account" in str(caught.value)


async def test_a_stream_sees_one_moment_and_writes_go_on_beside_it(database: OracleDatabase) -> None:
    rows: list[Binds] = [{"email": f"{number:03}@example.co.kr", "reason": "반송"} for number in range(25)]
    await database.execute_many("insert_suppression", rows)
    read = []
    async with database.stream("list_suppressions", slice_rows=10) as slices:
        async for rows_read in slices:
            read.append(len(rows_read))
            await database.execute("delete_suppression", {"email": "024@example.co.kr"})
    assert read == [10, 10, 5]
    assert await database.execute("delete_suppression", {"email": "023@example.co.kr"}) == 1


async def test_a_stream_that_is_left_early_leaves_no_transaction_open(
    standin: StandIn, database: OracleDatabase
) -> None:
    rows: list[Binds] = [{"email": f"{number:03}@example.co.kr", "reason": "반송"} for number in range(25)]
    await database.execute_many("insert_suppression", rows)
    for _ in range(3):
        async with database.stream("list_suppressions", slice_rows=2) as slices:
            async for _rows in slices:
                break
    async with database.transaction() as one, database.transaction() as two:
        # ORA-01456 if a connection were still in a read-only transaction
        await one.execute("delete_suppression", {"email": "001@example.co.kr"})
        await two.execute("delete_suppression", {"email": "002@example.co.kr"})

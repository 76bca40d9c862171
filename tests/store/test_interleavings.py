"""Two workers, a scheduler and a person, in any order, with crashes and freezes: what never may be, never is.

Every step is one of the store's own on a real database; what a worker does between two steps is in hands.py. After each
step the tables are read. At the end one worker alone must be able to bring everything to its end.
"""

import asyncio
import shutil
import tempfile
from collections import Counter
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mailer.model.delivery import UpdateStatus
from tests.store.engines import Rows, SqliteEngine
from tests.store.hands import Answer, Hands
from tests.store.processes import ACTOR, LEASE, at_work, definition
from tests.store.tables import Tables

T = TypeVar("T")
ROUNDS, STEPS = 6, 12
"""In which one worker alone must bring everything to its end."""
WORKERS = st.sampled_from([0, 1])
ANSWERS = st.lists(st.sampled_from(Answer), min_size=1, max_size=12)
UPDATE_ENDS = st.sampled_from([(UpdateStatus.DONE, 1), (UpdateStatus.DONE, 0), (UpdateStatus.FAILED, None)])


class Interleavings(RuleBasedStateMachine):
    """One automation under the policy `skip`, whose target query always returns the same three recipients."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp(prefix="mailer-interleavings-"))
        self.stack = AsyncExitStack()
        self.accepted: Counter[int] = Counter()
        self.run(self.open())

    def run(self, step: Awaitable[T]) -> T:
        return self.loop.run_until_complete(step)

    async def open(self) -> None:
        self.engine = SqliteEngine(self.folder, self.stack)
        self.tables = Tables(self.engine)
        self.hands = []
        for name in ("worker-1", "worker-2"):
            process = await self.stack.enter_async_context(
                at_work(name, await self.engine.connect(), self.engine.clock)
            )
            self.hands.append(Hands(process, self.engine.clock, self.tables, self.accepted))
        self.person = self.hands[0].process
        self.auto_id = (await self.person.automations.save(definition(), ACTOR)).auto_id

    @initialize(loaded=st.sampled_from(["all", "all", "a part", "nothing"]))
    def begin(self, loaded: str) -> None:
        self.enqueue()
        if loaded != "nothing":
            self.run(self.hands[0].claim_job())
            self.run(self.hands[0].load(is_cut=loaded == "a part"))

    # --- a scheduler, a person --------------------------------------------------------------------------------------

    @precondition(lambda self: not self.active())
    @rule()
    def enqueue(self) -> None:
        self.run(self.engine.pass_time(1))
        self.run(self.person.fires.enqueue(self.auto_id, ACTOR))

    @precondition(lambda self: self.running())
    @rule()
    def cancel(self) -> None:
        self.run(self.person.interventions.cancel(self.running()[0], ACTOR))

    @precondition(lambda self: self.over() and not self.active())
    @rule(data=st.data())
    def retry(self, data: st.DataObject) -> None:
        job_id = data.draw(st.sampled_from(self.over()))
        self.run(self.person.interventions.retry(job_id, ACTOR, with_current=False))

    @precondition(lambda self: self.with_updates_left())
    @rule(data=st.data())
    def retry_updates(self, data: st.DataObject) -> None:
        job_id = data.draw(st.sampled_from(self.with_updates_left()))
        self.run(self.person.interventions.retry_updates(job_id, ACTOR, with_current=False))

    @precondition(lambda self: self.unknown())
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        """A person who has found out; so nobody is calling any more."""
        job_id, key, delivery_id = data.draw(st.sampled_from(self.unknown()))
        if not any(delivery_id in held_by(hands) for hands in self.hands):
            is_sent = self.accepted[delivery_id] > 0
            self.run(self.person.interventions.settle(job_id, ACTOR, sent=is_sent, key=key))

    # --- the workers ------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.active() or self.is_busy())
    @rule(seconds=st.sampled_from([1, LEASE / 2, LEASE - 1, LEASE, LEASE + 1]))
    def time_passes(self, seconds: float) -> None:
        self.run(self.engine.pass_time(seconds))

    @precondition(lambda self: any(hands.job or hands.batch for hands in self.hands))
    @rule(worker=WORKERS)
    def dies(self, worker: int) -> None:
        self.hands[worker].die()

    @precondition(lambda self: self.has_work())
    @rule(worker=WORKERS, answers=ANSWERS, end=UPDATE_ENDS)
    def works(self, worker: int, answers: list[Answer], end: tuple[UpdateStatus, int | None]) -> None:
        """Takes as many steps as there are answers, each the one that a worker would take next, and freezes there."""
        for answer in answers:
            if not self.run(self.hands[worker].step(answer, *end)):
                return

    @precondition(lambda self: any(hands.pending or hands.is_calling for hands in self.hands))
    @rule(theirs=ANSWERS, own=ANSWERS, end=UPDATE_ENDS)
    def freezes_and_wakes(self, theirs: list[Answer], own: list[Answer], end: tuple[UpdateStatus, int | None]) -> None:
        """For longer than its leases a worker does nothing, and the other works; then it goes on as if nothing were."""
        frozen = next(place for place, hands in enumerate(self.hands) if hands.pending or hands.is_calling)
        self.time_passes(LEASE)
        self.works(1 - frozen, theirs, end)
        self.works(frozen, own, end)

    @precondition(lambda self: any(hands.job and not hands.is_loaded for hands in self.hands))
    @rule(worker=WORKERS)
    def loads_a_part(self, worker: int) -> None:
        hands = self.hands[worker]
        if hands.job is not None and not hands.is_loaded:
            self.run(hands.load(is_cut=True))

    @precondition(lambda self: any(hands.pending for hands in self.hands))
    @rule(worker=WORKERS)
    def marks_one_more_row(self, worker: int) -> None:
        if self.hands[worker].pending:
            self.run(self.hands[worker].mark())

    @precondition(lambda self: any(hands.sending for hands in self.hands))
    @rule(worker=WORKERS, answer=st.sampled_from(Answer))
    def calls_for_one_more(self, worker: int, answer: Answer) -> None:
        if self.hands[worker].sending:
            self.hands[worker].call(answer)

    @precondition(lambda self: any(hands.batch for hands in self.hands))
    @rule(worker=WORKERS)
    def renews(self, worker: int) -> None:
        if self.hands[worker].batch is not None:
            self.run(self.hands[worker].renew())

    @precondition(lambda self: any(hands.job for hands in self.hands))
    @rule(worker=WORKERS)
    def tries_to_end_its_job(self, worker: int) -> None:
        if self.hands[worker].job is not None:
            self.run(self.hands[worker].end())

    # --- what never may be ------------------------------------------------------------------------------------------

    @invariant()
    def nobody_gets_a_mail_twice(self) -> None:
        assert all(count == 1 for count in self.accepted.values())

    @invariant()
    def the_sums_are_the_ledgers(self) -> None:
        self.run(self.tables.require_sums())

    @invariant()
    def the_ledger_says_what_ses_has(self) -> None:
        for row in self.rows("SELECT DELIVERY_ID, STATUS FROM DELIVERY"):
            is_accepted = row.integer("DELIVERY_ID") in self.accepted
            match row.text("STATUS"):
                case "PENDING" | "FAILED" | "SKIPPED":
                    assert not is_accepted
                case "SENT":
                    assert is_accepted

    @invariant()
    def what_is_to_be_done_lies_in_an_open_batch(self) -> None:
        assert not self.rows(
            "SELECT D.DELIVERY_ID, D.STATUS, D.UPDATE_STATUS FROM DELIVERY D"
            " JOIN JOB_BATCH B ON B.JOB_ID = D.JOB_ID AND B.BATCH_NO = D.BATCH_NO"
            " WHERE B.STATUS = 'CLOSED' AND (D.STATUS IN ('PENDING', 'SENDING') OR D.UPDATE_STATUS = 'DUE')"
        )

    @invariant()
    def what_is_done_is_final(self) -> None:
        assert not self.rows(
            "SELECT D.DELIVERY_ID, D.STATUS FROM DELIVERY D JOIN JOB_QUEUE Q ON Q.JOB_ID = D.JOB_ID"
            " WHERE Q.STATUS = 'DONE' AND D.STATUS IN ('PENDING', 'SENDING')"
        )

    @invariant()
    def a_mail_is_in_flight_only_in_a_job_that_runs(self) -> None:
        assert not self.rows(
            "SELECT D.DELIVERY_ID FROM DELIVERY D JOIN JOB_QUEUE Q ON Q.JOB_ID = D.JOB_ID"
            " WHERE Q.STATUS <> 'RUNNING' AND D.STATUS = 'SENDING'"
        )

    @invariant()
    def a_done_jobs_list_is_whole(self) -> None:
        assert not self.rows(
            "SELECT Q.JOB_ID FROM JOB_QUEUE Q WHERE Q.STATUS = 'DONE'"
            " AND (Q.LOADED_AT IS NULL OR 3 <> (SELECT COUNT(*) FROM DELIVERY D WHERE D.JOB_ID = Q.JOB_ID))"
        )

    @invariant()
    def one_job_is_active_and_the_automation_says_so(self) -> None:
        active = len(self.active())
        assert active <= 1
        assert self.rows("SELECT IS_RUNNING FROM AUTOMATION")[0].integer("IS_RUNNING") == active

    # --- everything can still end -----------------------------------------------------------------------------------

    def teardown(self) -> None:
        try:
            self.everything_ends()
        finally:
            self.run(self.stack.aclose())
            self.loop.close()
            shutil.rmtree(self.folder)

    def everything_ends(self) -> None:
        """Whatever has happened: the other worker is gone, and this one works on without faults."""
        for hands in self.hands:
            hands.die()
        last = self.hands[0]
        for _ in range(ROUNDS):
            self.run(self.engine.pass_time(LEASE))
            for _ in range(STEPS):
                self.run(last.step(Answer.ACCEPTED, UpdateStatus.DONE, 1))
            if not self.active() and not self.due():
                break
        else:
            raise AssertionError(f"still open: {self.rows('SELECT STATUS, STOPPING, LOADED_AT FROM JOB_QUEUE')}")
        self.nobody_gets_a_mail_twice()
        self.the_ledger_says_what_ses_has()
        self.the_sums_are_the_ledgers()

    # --- looks into the tables --------------------------------------------------------------------------------------

    def rows(self, sql: str) -> Rows:
        return self.engine.run_sql_at_once(sql)

    def is_busy(self) -> bool:
        """Whether a worker has something in hand."""
        return any(hands.job or hands.batch or hands.is_calling for hands in self.hands)

    def has_work(self) -> bool:
        """Whether a worker has something in hand, or could find something."""
        now = {"now": self.engine.clock.now().strftime("%Y-%m-%d %H:%M:%S.%f")}
        claimable = "SELECT 1 FROM JOB_QUEUE WHERE STATUS = 'WAITING' OR STATUS = 'RUNNING' AND LEASE_UNTIL <= :now"
        return self.is_busy() or bool(self.engine.run_sql_at_once(claimable, now)) or bool(self.due())

    def due(self) -> list[int]:
        rows = self.rows("SELECT DELIVERY_ID FROM DELIVERY WHERE UPDATE_STATUS = 'DUE'")
        return [row.integer("DELIVERY_ID") for row in rows]

    def over(self) -> list[int]:
        rows = self.rows("SELECT JOB_ID FROM JOB_QUEUE WHERE STATUS NOT IN ('WAITING', 'RUNNING')")
        return [row.integer("JOB_ID") for row in rows]

    def active(self) -> list[int]:
        rows = self.rows("SELECT JOB_ID FROM JOB_QUEUE WHERE STATUS IN ('WAITING', 'RUNNING')")
        return [row.integer("JOB_ID") for row in rows]

    def with_updates_left(self) -> list[int]:
        """Jobs that are over, with update queries that failed or touched no row."""
        rows = self.rows("SELECT DISTINCT JOB_ID FROM DELIVERY WHERE UPDATE_STATUS = 'FAILED' OR UPDATE_ROWS = 0")
        return sorted({row.integer("JOB_ID") for row in rows} & set(self.over()))

    def running(self) -> list[int]:
        """And not to stop."""
        rows = self.rows("SELECT JOB_ID FROM JOB_QUEUE WHERE STATUS = 'RUNNING' AND STOPPING IS NULL")
        return [row.integer("JOB_ID") for row in rows]

    def unknown(self) -> list[tuple[int, str, int]]:
        rows = self.rows("SELECT JOB_ID, RECIPIENT_KEY, DELIVERY_ID FROM DELIVERY WHERE STATUS = 'UNKNOWN'")
        return [(row.integer("JOB_ID"), row.text("RECIPIENT_KEY"), row.integer("DELIVERY_ID")) for row in rows]


def held_by(hands: Hands) -> set[int]:
    """The deliveries of which an answer is still to come from this worker."""
    return {delivery.delivery_id for delivery in (*hands.sending, *(held for held, _ in hands.answers))}


TestInterleavings = Interleavings.TestCase
TestInterleavings.settings = settings(
    max_examples=25, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)

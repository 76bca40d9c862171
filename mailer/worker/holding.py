"""What goes on around the work on a claim: the heartbeat, a look-out for the job's mark, and the service's stop."""

from collections.abc import Awaitable, Callable

import anyio

from mailer.errors import DatabaseAway, FenceLost, MailerError
from mailer.worker.lease import Lease
from mailer.worker.resources import Resources

WATCH = 2.0
"""Seconds between two looks at whether the job is to stop."""
RENEW_AGAIN = 0.5
"""Seconds until a renewal that did not reach the database is tried again: before others may take over what is held."""


class Holding:
    """Holds a claim while it is worked on."""

    def __init__(self, resources: Resources, job_id: int, lease: Lease, renew: Callable[[], Awaitable[None]]) -> None:
        """`renew` lengthens all that is held, or raises FenceLost."""
        self._resources = resources
        self._job_id = job_id
        self._lease = lease
        self._renew = renew
        self.until_stopping = anyio.CancelScope()
        """For work that must not go on once the job is to stop, or the database was away too long: cancelled then."""
        self.away: DatabaseAway | None = None
        """The cause to give the job up with, where the database was away for longer than MAILER_DB_PATIENCE."""
        self._unanswered_since: float | None = None
        self._latest_fault: DatabaseAway | None = None

    async def around(self, work: Callable[[], Awaitable[None]], stop: anyio.Event) -> None:
        """Does the work, or as much of it as there is time for until `stop`: then it is cancelled.

        Raises FenceLost where the claim is lost meanwhile, and what the work raises of ours.
        """
        fault: MailerError | None = None

        async def keep_lease() -> None:
            nonlocal fault
            try:
                await self._keep_lease()
            except FenceLost as lost:
                fault = fault or lost
                group.cancel_scope.cancel()

        async with anyio.create_task_group() as group:
            group.start_soon(keep_lease)
            group.start_soon(self._watch)
            group.start_soon(self._end_patience)
            group.start_soon(_cancel_at, stop, group.cancel_scope)
            try:
                await work()
            except MailerError as raised:
                fault = fault or raised
            group.cancel_scope.cancel()
        if fault is not None:
            raise fault

    async def _keep_lease(self) -> None:
        """At a third of the lease. While the database can't be reached, `Lease` stops the sending by itself."""
        third = self._lease.seconds / 3
        wait = third
        while True:
            await self._resources.clock.sleep(wait)
            asked_at = self._resources.clock.monotonic()
            if self._unanswered_since is None:
                self._unanswered_since = asked_at
            try:
                with self._resources.outages.watched():
                    await self._renew()
            except DatabaseAway as fault:
                self._latest_fault = fault
                wait = RENEW_AGAIN
            else:
                self._lease.renewed(asked_at)
                self._unanswered_since = None
                wait = third

    async def _end_patience(self) -> None:
        """Counts from the first renewal without an answer; beside it, for one that waits for a lock may take long."""
        while True:
            await self._resources.clock.sleep(RENEW_AGAIN)
            since = self._unanswered_since
            if since is not None and self._resources.clock.monotonic() - since > self._resources.limits.patience:
                self.away = self._away()
                self.until_stopping.cancel()
                return

    def _away(self) -> DatabaseAway:
        what = f"mailer's database has not answered for {self._resources.limits.patience:g} s"
        fault = self._latest_fault
        return DatabaseAway(f"{what}: {fault}", fault.next_step) if fault else DatabaseAway(what)

    async def _watch(self) -> None:
        while True:
            await self._resources.clock.sleep(WATCH)
            try:
                standing = await self._resources.queue.standing(self._job_id)
            except DatabaseAway:
                continue
            if standing.stopping is not None:
                self.until_stopping.cancel()
                return


async def _cancel_at(event: anyio.Event, scope: anyio.CancelScope) -> None:
    await event.wait()
    scope.cancel()

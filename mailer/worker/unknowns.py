"""The policy for what nobody knows: whether a job waits for its UNKNOWN deliveries, and what becomes of them."""

from mailer.model.automation import Automation, UnknownPolicy
from mailer.model.duration import format_duration
from mailer.model.job import JobClaim
from mailer.store.job_log import Level
from mailer.worker.job_notes import JobNotes
from mailer.worker.resources import Resources

GIVEN_UP_AFTER = 4
"""Grace times after which an UNKNOWN delivery stays so, where no event has come and none shows that events flow."""

LONGEST_REST = 30.0
"""Seconds between two looks at them."""


class Unknowns:
    """The UNKNOWN deliveries of one job, in its holder's hands."""

    def __init__(self, resources: Resources, job: JobClaim, definition: Automation) -> None:
        self._resources = resources
        self._job = job
        self._definition = definition
        self._notes = JobNotes(resources.database, job)
        self._has_given_up = False
        self._policy = definition.policies.unknown
        if self._policy is UnknownPolicy.SETTLE and not (
            resources.limits.events_account and definition.policies.configuration_set
        ):
            self._policy = UnknownPolicy.SKIP  # no event can ever come

    @property
    def look_again(self) -> float:
        """Seconds until another look is worth while."""
        return min(LONGEST_REST, self._resources.limits.unknown_grace.total_seconds() / 20)

    async def settle(self) -> bool:
        """Does what the policy says now. True: what is still UNKNOWN is final, and the job may be DONE with it."""
        grace = self._resources.limits.unknown_grace
        account = self._resources.limits.events_account
        match self._policy:
            case UnknownPolicy.RESEND:
                await self._resources.unknowns.resend(self._job.job_id, grace)
                return False
            case UnknownPolicy.SETTLE if account is not None:
                await self._resources.unknowns.settle_by_absence(self._job.job_id, grace, account)
                if await self._resources.unknowns.is_within(self._job.job_id, GIVEN_UP_AFTER * grace):
                    return False
                await self._give_up()
                return True
            case _:
                return True

    async def _give_up(self) -> None:
        """Events do not flow, so nothing more will be known: the owner is warned, once a job."""
        unknown = (await self._resources.queue.remaining(self._job.job_id)).unknown
        if not unknown or self._has_given_up:
            return
        self._has_given_up = True
        waited = format_duration(GIVEN_UP_AFTER * self._resources.limits.unknown_grace)
        what = f"{unknown} deliveries stay UNKNOWN: no event of SES came of them or of any later mail within {waited}"
        if await self._notes.once(Level.WARNING, "no events", what):
            subject = f"mailer: job {self._job.job_id} of '{self._job.automation}' leaves {unknown} UNKNOWN"
            text = (
                f"{what}.\nSee whether SES's events still reach their queue: 'mailer doctor' counts what waits there.\n"
                f"Find out whether these mails went, then: mailer job settle {self._job.job_id} --as sent|not-sent\n"
            )
            await self._resources.warn(self._definition, f"{self._job.job_id}-unknown", subject, text)

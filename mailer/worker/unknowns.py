"""The policy for what nobody knows: whether a job waits for its UNKNOWN deliveries, and what becomes of them."""

from mailer.model.automation import Automation, UnknownPolicy
from mailer.worker.resources import Resources

GIVEN_UP_AFTER = 4
"""Grace times after which an UNKNOWN delivery stays so, where no event has come and none shows that events flow."""


class Unknowns:
    """The UNKNOWN deliveries of one job."""

    def __init__(self, resources: Resources, job_id: int, definition: Automation) -> None:
        self._resources = resources
        self._job_id = job_id
        self._policy = definition.policies.unknown
        if self._policy is UnknownPolicy.SETTLE and not (
            resources.limits.events_account and definition.policies.configuration_set
        ):
            self._policy = UnknownPolicy.SKIP  # no event can ever come

    async def settle(self) -> bool:
        """Does what the policy says now. True: what is still UNKNOWN is final, and the job may be DONE with it."""
        grace = self._resources.limits.unknown_grace
        account = self._resources.limits.events_account
        match self._policy:
            case UnknownPolicy.RESEND:
                await self._resources.interventions.resend_unknown(self._job_id, grace)
                return False
            case UnknownPolicy.SETTLE if account is not None:
                await self._resources.interventions.settle_by_absence(self._job_id, grace, account)
                return not await self._resources.interventions.is_within(self._job_id, GIVEN_UP_AFTER * grace)
            case _:
                return True

"""Looks after the SES account: one process asks SES once a minute, and what it hears holds for all."""

from collections.abc import Callable
from typing import Protocol

import anyio
import structlog

from mailer.db.database import Database
from mailer.errors import MailerError
from mailer.model.clock import Clock
from mailer.model.job import JobStatus
from mailer.store.account import Account
from mailer.store.job_log import Level, log_once
from mailer.store.jobs import Jobs
from mailer.transports.ses_account import Account as SesAccount
from mailer.worker.resources import Warn

log = structlog.get_logger(__name__)

POLL = 60.0
"""Seconds between two questions to SES, by whichever process."""
LOOK = 5.0
"""Seconds between two looks at whether it is time to ask."""
IDLE_LOOK = 1.0
"""Seconds between two looks at whether there is work for this process: none of them asks anybody."""
PAUSE = 1.5 * POLL
"""Seconds of a pause: the next answer prolongs it, and nobody waits for long for a process that died."""
NEARLY = 0.9
"""The share of the daily quota from which on owners are warned."""
JOBS_AT_MOST = 100
"""Running jobs whose log and owner are told."""

DISABLED = "SES has disabled sending for this account"
SHUTDOWN = "SES has shut this account down (enforcement status SHUTDOWN)"
QUOTA_USED_UP = "the daily quota of the SES account is used up"
CAUSES = (DISABLED, SHUTDOWN, QUOTA_USED_UP)
"""Why nothing may leave; in ACCOUNT these words say that the watch set the pause, and lifts it."""


class AsksSes(Protocol):
    """The transport, as far as it says something of the account."""

    async def account(self) -> SesAccount | None:
        """The account's quota and state; None where these credentials may not ask. Raises TransportAway."""
        ...


class AccountWatch:
    """One coroutine of each process that sends; it asks while there is work, for nothing else needs the answer."""

    def __init__(
        self,
        database: Database,
        account: Account,
        ses: AsksSes,
        warn: Warn,
        clock: Clock,
        is_at_work: Callable[[], bool],
    ) -> None:
        self._database = database
        self._account = account
        self._ses = ses
        self._warn = warn
        self._clock = clock
        self._is_at_work = is_at_work
        self._jobs = Jobs(database)

    async def run(self, stop: anyio.Event) -> None:
        """Until `stop`; a question under way is left."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._keep_looking)
            await stop.wait()
            group.cancel_scope.cancel()

    async def _keep_looking(self) -> None:
        while True:
            if self._is_at_work():
                await self.look()
                await self._clock.sleep(LOOK)
            else:
                await self._clock.sleep(IDLE_LOOK)

    async def look(self) -> None:
        """Asks SES where nobody has within the last minute; what is away is asked again the next time."""
        try:
            if await self._account.claims_poll(POLL):
                await self._poll()
        except MailerError as fault:
            log.warning("the account could not be looked at", why=str(fault), next_step=fault.next_step)

    async def _poll(self) -> None:
        said = await self._ses.account()
        if said is None:
            return  # these credentials may not ask; refusals of mails will tell
        await self._account.note(said.max_rate or None, said.max_24h if said.max_24h >= 0 else None)
        cause = why_paused(said)
        if cause is not None:
            await self._pause(cause)
            return
        before = await self._account.paused()
        if before is not None and before.why in CAUSES and await self._account.resume(before.why):
            log.info("the account may send again", it_was=before.why)
        if (concern := why_worried(said)) is not None:
            await self._tell_jobs("account", concern, by_mail=True)

    async def _pause(self, cause: str) -> None:
        before = await self._account.paused()
        await self._account.pause(cause, PAUSE)
        if before is None or before.why != cause:
            log.warning("the account is paused", why=cause)
        await self._tell_jobs("waiting", f"nothing can be sent, waiting: {cause}", by_mail=False)

    async def _tell_jobs(self, code: str, what: str, *, by_mail: bool) -> None:
        """Each running job's log, and for the first of it, where mails can leave, its owner."""
        for job in await self._jobs.listed(None, JobStatus.RUNNING, JOBS_AT_MOST):
            auto_id = await self._jobs.automation_id(job.job_id)
            is_first = await log_once(self._database, auto_id, job.job_id, Level.WARNING, code, what)
            if is_first and by_mail:
                await self._warn_owner(job.job_id, job.automation, what)

    async def _warn_owner(self, job_id: int, automation: str, what: str) -> None:
        try:
            definition = await self._jobs.frozen(job_id)
        except (MailerError, ValueError):
            definition = None  # nothing is frozen yet, or it is itself what can't be read
        subject = f"mailer: the SES account of job {job_id} of '{automation}' needs a look"
        await self._warn(
            definition, f"{job_id}-account", subject, f"{what}.\nSee 'mailer doctor', and SES's console.\n"
        )


def why_paused(account: SesAccount) -> str | None:
    """Why SES takes no mail now; None where it does."""
    if account.enforcement_status == "SHUTDOWN":
        return SHUTDOWN
    if not account.sending_enabled:
        return DISABLED
    if 0 < account.max_24h <= account.sent_24h:
        return QUOTA_USED_UP
    return None


def why_worried(account: SesAccount) -> str | None:
    """What may soon keep SES from taking mails; None where nothing does."""
    if account.enforcement_status not in ("", "HEALTHY"):
        return f"SES's enforcement status of the account is {account.enforcement_status}: it may stop the sending"
    if 0 < account.max_24h * NEARLY <= account.sent_24h:
        return f"{account.sent_24h:,.0f} of {account.max_24h:,.0f} mails of the daily quota are sent: soon mails wait"
    return None

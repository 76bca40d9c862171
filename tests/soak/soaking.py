"""A soak: a list is sent while its processes are killed and frozen, until each recipient's end is known."""

import random
import time
from dataclasses import dataclass
from pathlib import Path

import anyio

from mailer.assembly import open_database
from mailer.clock import SystemClock
from mailer.db.database import Database
from mailer.model.delivery import Status
from mailer.model.job import JobStatus
from mailer.settings import load_settings
from mailer.store.automations import Automations
from mailer.store.interventions import Interventions
from mailer.store.jobs import Jobs
from tests.doubles.ses_process import ses_process
from tests.soak.customers import AUTOMATION, Customers
from tests.soak.databases import own_database
from tests.soak.fleet import Fleet
from tests.soak.plan import Blow, Deed, blows
from tests.soak.record import Accepted, Record
from tests.soak.result import Result

ACTOR = "soak"
LEASE = 3.0
"""Seconds; the shortest that mailer takes, so that a soak of minutes sees as many take-overs as years of 60 s."""
FREEZE = 1.5 * LEASE
LOOK_AGAIN = 0.05
LOOK_AT_TABLES = 1.0


@dataclass(frozen=True, slots=True)
class Soak:
    """What is asked for. `rate`: mails a second of all processes; `latency`: seconds that SES takes to answer."""

    database: str
    recipients: int
    kills: int
    workers: int
    rate: float
    latency: float
    seed: int
    folder: Path

    @property
    def seconds_at_most(self) -> float:
        """On a machine that is busy with other things, too."""
        return 180 + 10 * self.recipients / self.rate + 30 * self.kills

    @property
    def unknown_at_most(self) -> int:
        """After k kills at rate r: k × (max(2, r/10) + r × latency)."""
        return round(self.kills * (max(2, self.rate / 10) + self.rate * self.latency))

    async def run(self) -> Result:
        """Raises TimeoutError where it does not come to its end."""
        (self.folder / "attachments").mkdir()
        customers = Customers(self.folder, self.recipients)
        record = Record(self.folder / "accepted.jsonl")
        arguments = ("--latency", str(self.latency), "--record", str(self.folder / "accepted.jsonl"), "--light")
        with (
            ses_process(*arguments) as ses,
            own_database(self.database, self.folder) as own,
            anyio.fail_after(self.seconds_at_most),
        ):
            env = {**own, **ses.environment, **self._settings()}
            settings = load_settings({name: value for name, value in env.items() if name.startswith("MAILER_")})
            async with open_database(settings.settings, SystemClock(), may_migrate=True) as database:
                saved = await Automations(database).save(AUTOMATION, ACTOR)
                assert saved.job_id is not None
                chance = random.Random(self.seed)
                with Fleet(self.folder, env, self.workers, chance) as fleet:
                    await self._send(database, fleet, record, chance, saved.job_id)
                    unknown = await self._settle(database, fleet, record, saved.job_id)
                    await self._mail_the_rest(fleet, customers)
                    accepted = record.read(saved.job_id)
                    invented = await _sent_without_a_mail(database, accepted)
                    return self._result(customers, accepted, fleet.kills, unknown, invented)

    def _settings(self) -> dict[str, str]:
        return {
            "PYTHONDONTWRITEBYTECODE": "",
            "MAILER_TRANSPORT": "ses",
            "MAILER_SES_RATE": str(self.rate),
            "MAILER_LEASE": f"{LEASE:g}s",
            "MAILER_POLL": "200ms",
            "MAILER_LOG_FORMAT": "json",
            "MAILER_SOURCES__CRM__URL": f"sqlite:///{self.folder}/crm.db",
            "MAILER_ATTACHMENTS": str(self.folder / "attachments"),
        }

    async def _send(self, database: Database, fleet: Fleet, record: Record, chance: random.Random, job_id: int) -> None:
        """Until the first job, which has the whole list, is over, and all blows are struck."""
        to_come = blows(chance, self.kills, self.recipients)
        jobs, looked_at = Jobs(database), 0.0
        while True:
            fleet.look_after()
            _strike(fleet, to_come, record.look())
            if time.monotonic() - looked_at >= LOOK_AT_TABLES:
                looked_at, status = time.monotonic(), (await jobs.read(job_id)).status
                assert status is not JobStatus.FAIL, (await jobs.read(job_id)).log
                if status is JobStatus.DONE and not to_come:
                    return
                if status is JobStatus.DONE:
                    # Drawn for the last mails, which it left unknown: they fall on the jobs after it.
                    _strike(fleet, to_come, to_come[0].after_mails)
            await anyio.sleep(LOOK_AGAIN)

    async def _settle(self, database: Database, fleet: Fleet, record: Record, job_id: int) -> int:
        """As a person does who has SES's own record; how many there were. The scheduler's next jobs hold them back."""
        await _next_job_is_over(Jobs(database), fleet, job_id)
        accepted = record.read(job_id)
        unknown = 0
        async with Jobs(database).deliveries(job_id, [Status.UNKNOWN]) as slices:
            rows = [row async for rows in slices for row in rows]
        for row in rows:
            unknown += await Interventions(database, ACTOR).settle(
                job_id, ACTOR, sent=row.text("EMAIL") in accepted.times, key=row.text("RECIPIENT_KEY")
            )
        return unknown

    async def _mail_the_rest(self, fleet: Fleet, customers: Customers) -> None:
        """Who got no mail is in the next job's list; who did, and was in doubt, gets the update query."""
        while customers.not_mailed():
            fleet.look_after()
            await anyio.sleep(LOOK_AT_TABLES)

    def _result(self, customers: Customers, accepted: Accepted, kills: int, unknown: int, invented: int) -> Result:
        return Result(
            recipients=self.recipients,
            kills=kills,
            sent=len(accepted.times),
            lost=len(set(customers.addresses) - accepted.times.keys()) + invented,
            twice=sum(times > 1 for times in accepted.times.values()),
            unknown=unknown,
            unknown_at_most=self.unknown_at_most,
            settled=unknown,
            longest_stall=accepted.longest_stall,
        )


def _strike(fleet: Fleet, to_come: list[Blow], mails: int) -> None:
    """The next blow, once its moment has come: one at a time, so that there is progress between two."""
    if to_come and mails >= to_come[0].after_mails:
        if to_come.pop(0).deed is Deed.KILL:
            fleet.kill_one()
        else:
            fleet.freeze_one(FREEZE)


async def _sent_without_a_mail(database: Database, accepted: Accepted) -> int:
    """Deliveries that are SENT in the ledger under a message id that SES has never given."""
    jobs, count = Jobs(database), 0
    for job in await jobs.listed(None, None, at_most=1000):
        async with jobs.deliveries(job.job_id, [Status.SENT]) as slices:
            identities = [row.maybe_text("MESSAGE_ID") async for rows in slices for row in rows]
        # None: a person said that it was sent.
        count += sum(identity not in accepted.identities for identity in identities if identity is not None)
    return count


async def _next_job_is_over(jobs: Jobs, fleet: Fleet, job_id: int) -> None:
    """A later job of the automation has ended, in which whoever is in doubt was held back."""
    while True:
        fleet.look_after()
        latest = await jobs.listed(None, JobStatus.DONE, at_most=1)
        if latest and latest[0].job_id > job_id:
            return
        await anyio.sleep(LOOK_AT_TABLES)

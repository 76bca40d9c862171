"""What the workers of a process work with, opened from its settings."""

import asyncio
import random
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog

from mailer.alerts import Alerts
from mailer.assembly import OpenSources, account_name, open_attachments, open_pacer, transport_of
from mailer.db.database import Database
from mailer.errors import DatabaseAway
from mailer.model.clock import Clock
from mailer.model.template import RenderLimits
from mailer.settings import Settings
from mailer.store.account import Account
from mailer.store.jobs import Jobs
from mailer.store.ledger import Ledger
from mailer.store.queue import Queue
from mailer.store.target_lists import TargetLists
from mailer.store.unknowns import UnknownDeliveries
from mailer.worker.gate import Gate
from mailer.worker.in_flight import InFlight
from mailer.worker.outages import Outages
from mailer.worker.places import Places
from mailer.worker.resources import Limits, Resources

log = structlog.get_logger(__name__)

CALLS_AT_ONCE = 256
"""HTTP connections of a process: as many mails as may wait for an answer at once."""


@asynccontextmanager
async def open_resources(
    settings: Settings, database: Database, worker_id: str, in_flight: InFlight, clock: Clock
) -> AsyncIterator[Resources]:
    """Raises ConfigurationError, and what can't be reached at the start."""
    async with (
        transport_of(settings, clock, in_flight=CALLS_AT_ONCE) as transport,
        open_attachments(settings) as storage,
        OpenSources(settings, clock) as sources,
    ):
        account = Account(database, account_name(settings))
        pacer = await open_pacer(settings, transport, account, clock)
        chance = random.Random()  # noqa: S311 - jitter is no secret
        gate = _gate(account, clock, chance)
        limits = limits_of(settings)
        yield Resources(
            database=database,
            queue=Queue(database, worker_id, settings.lease),
            ledger=Ledger(database, worker_id, settings.lease, clock, settings.db_patience),
            lists=TargetLists(database, worker_id, settings.lease),
            jobs=Jobs(database),
            unknowns=UnknownDeliveries(database, worker_id),
            open_source=sources.get,
            storage=storage,
            transport=transport,
            pacer=pacer,
            gate=gate,
            in_flight=in_flight,
            outages=Outages(settings.lease.total_seconds() / 3, clock),
            places=Places(),
            calls=asyncio.Semaphore(CALLS_AT_ONCE),
            warn=Alerts(transport, pacer, gate, limits.send_timeout).warn,
            clock=clock,
            chance=chance,
            new_token=lambda: secrets.token_hex(8),
            limits=limits,
        )


def limits_of(settings: Settings) -> Limits:
    """What the settings let things take."""
    return Limits(
        lease=settings.lease,
        poll=settings.poll.total_seconds(),
        send_timeout=settings.call_timeout.total_seconds(),
        patience=settings.db_patience.total_seconds(),
        unknown_grace=settings.unknown_grace,
        events_account=account_name(settings) if settings.ses_events_queue else None,
        render=RenderLimits(settings.render_seconds.total_seconds(), int(settings.render_bytes)),
    )


def _gate(account: Account, clock: Clock, chance: random.Random) -> Gate:
    """What it tells people in ACCOUNT does not hold up the mails where the database is away."""

    async def closed(why: str, seconds: float, *, is_account: bool) -> None:
        log.warning("nothing can be sent", why=why, next_try_in_s=round(seconds, 1))
        with suppress(DatabaseAway):
            await account.pause(why, seconds if is_account else 0)

    async def opened(why: str) -> None:
        log.info("mails leave again")
        with suppress(DatabaseAway):
            await account.resume(why)

    return Gate(clock, chance, closed, opened)

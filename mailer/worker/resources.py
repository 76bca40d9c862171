"""What every job of a process works with."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from mailer.attachments.storage import Storage
from mailer.db.database import Database
from mailer.model.automation import Automation
from mailer.model.clock import Clock
from mailer.model.template import RenderLimits
from mailer.pacer import Pacer
from mailer.sources.source import Source
from mailer.store.jobs import Jobs
from mailer.store.ledger import Ledger
from mailer.store.queue import Queue
from mailer.store.target_lists import TargetLists
from mailer.store.unknowns import UnknownDeliveries
from mailer.transports.transport import Transport
from mailer.worker.gate import Gate
from mailer.worker.in_flight import InFlight
from mailer.worker.outages import Outages
from mailer.worker.places import Places

Warn = Callable[[Automation | None, str, str, str], Awaitable[None]]
"""Warns the owner of a definition (None: it can't be read): label of the mail, subject, text."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long things may take, in seconds where no other unit is said."""

    lease: timedelta
    poll: float
    send_timeout: float
    """The longest possible call; less than what a lease leaves."""
    patience: float
    unknown_grace: timedelta
    render: RenderLimits
    events_account: str | None = None
    """The account whose events a process consumes; None: there is no events queue."""
    batch_rows: int = 500
    """Rows in a slice of the list, which is a batch."""


@dataclass(frozen=True, slots=True)
class Resources:
    """Shared by all workers of a process; opened and closed by the service."""

    database: Database
    queue: Queue
    ledger: Ledger
    lists: TargetLists
    jobs: Jobs
    unknowns: UnknownDeliveries
    open_source: Callable[[str], Awaitable[Source]]
    storage: Storage | None
    transport: Transport
    pacer: Pacer
    gate: Gate
    in_flight: InFlight
    outages: Outages
    places: Places
    calls: asyncio.Semaphore
    """One place for each connection: a call never waits for one between its last check and its sending."""
    warn: Warn
    clock: Clock
    chance: random.Random
    new_token: Callable[[], str]
    limits: Limits

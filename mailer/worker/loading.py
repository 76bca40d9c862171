"""Freezes the target list: one answer of the target query, every row of it in the ledger, before the first mail."""

from collections.abc import Callable, Sequence

from mailer.errors import MalformedAddress, QueryFailed
from mailer.fault_points import fault_point
from mailer.model.address import parse_recipient
from mailer.model.automation import Automation, Dbio
from mailer.model.delivery import NewDelivery, Status
from mailer.model.job import JobClaim
from mailer.model.row import Row, Value, fold_name
from mailer.store.job_log import Level
from mailer.store.target_lists import Skipped
from mailer.worker.composing import Composer, Envelope, NoMappingRow
from mailer.worker.job_notes import JobNotes
from mailer.worker.plan import JobPlan
from mailer.worker.resources import Resources

TRIED_ROWS = 20
"""Rows at the head of the list, at most, that are asked for one which can be rendered."""
KEY_LIMIT = 400
"""Characters that the ledger holds of a key."""
ADDRESS_LIMIT = 320
"""Characters that are kept of what is no address."""
NO_ADDRESS = "no address"
NO_KEY = "no key"
KEY_TOO_LONG = "key too long"
MALFORMED = "malformed address"
HELD_BACK = "held back"


async def load_list(resources: Resources, claim: JobClaim, plan: JobPlan) -> None:
    """Loads the whole list and judges it; nothing is sent of a job before this has ended well.

    A partial list of an earlier loader is deleted first. Raises FenceLost, and what makes a job stop.
    """
    definition = plan.definition
    await resources.lists.clear(claim)
    columns = await _load_rows(resources, claim, definition)
    skipped = await resources.lists.judge(claim, definition.policies.hold_back)
    await _report_skipped(resources, claim, definition, skipped)
    if columns:
        await _try_out(resources, claim, (await plan.ready(columns)).composer)
    await resources.lists.set_loaded(claim)
    fault_point("list loaded")


async def _load_rows(resources: Resources, claim: JobClaim, definition: Automation) -> Sequence[str]:
    """Streams the target query into the ledger; its columns (none where it has no row)."""
    source = await resources.open_source(definition.dbio.source)
    columns: Sequence[str] = ()
    row_no = 0
    async with source.stream(definition.dbio.target, resources.limits.batch_rows) as slices:
        async for rows in slices:
            columns = columns or tuple(rows[0])
            require_columns(definition.dbio, columns)
            deliveries = [
                new_delivery(definition.dbio, row, row_no + place, resources.new_token)
                for place, row in enumerate(rows, start=1)
            ]
            await resources.lists.add_slice(claim, row_no // resources.limits.batch_rows + 1, deliveries)
            fault_point("slice loaded")
            row_no += len(rows)
    return columns


async def _report_skipped(resources: Resources, claim: JobClaim, definition: Automation, skipped: Skipped) -> None:
    """Once a job, however often its list is loaded."""
    notes = JobNotes(resources.database, claim)
    for count, code, why in (
        (skipped.repeated, "repeated keys", "repeat a key of this job"),
        (skipped.sent_since, "sent since", "had a mail from a later job meanwhile"),
        (skipped.suppressed, "suppressed", "have a suppressed address"),
        (skipped.held_back, HELD_BACK, "wait for an earlier job's mail or update query to be settled"),
    ):
        if not count:
            continue
        is_first = await notes.once(Level.WARNING, code, f"{count} of the list are skipped: they {why}")
        if is_first and code == HELD_BACK:
            await _warn_of_held_back(resources, claim, definition, count)


async def _warn_of_held_back(resources: Resources, claim: JobClaim, definition: Automation, held_back: int) -> None:
    waiting = "".join(
        f"{one.recipients} for job {one.for_job}: mailer job settle {one.for_job} --as sent|not-sent, "
        f"or mailer job retry {one.for_job} --updates\n"
        for one in await resources.jobs.waiting(claim.job_id)
    )
    text = (
        f"{held_back} recipients got no mail from job {claim.job_id}: an earlier job left their mail, or their update "
        f"query, open. Until that is settled they wait:\n{waiting}"
    )
    subject = f"mailer: job {claim.job_id} of '{claim.automation}' holds {held_back} recipients back"
    await resources.warn(definition, f"{claim.job_id}-held-back", subject, text)


async def _try_out(resources: Resources, claim: JobClaim, composer: Composer) -> None:
    """Maps and renders the first row that can be mapped: a faulty template stops the job before its first mail."""
    for delivery in await resources.lists.first_pending(claim.job_id, TRIED_ROWS):
        try:
            row, rows = await composer.map(delivery.row, claim.job_id)
        except NoMappingRow:
            continue
        composer.render(row, rows, (), Envelope(label="", to=""))
        return


def require_columns(dbio: Dbio, columns: Sequence[str]) -> None:
    """Raises QueryFailed where the target query lacks a column that the definition names."""
    if missing := missing_columns(dbio, columns):
        raise QueryFailed(missing[0], f"It returns {', '.join(columns)}.")


def missing_columns(dbio: Dbio, columns: Sequence[str]) -> list[str]:
    """One sentence for each column that the definition names and the target query lacks."""
    named = (("key", dbio.key), ("email", dbio.email), ("attachment", dbio.attachment))
    return [
        f"the target query returns no column {name}, which is the {what}"
        for what, name in named
        if name is not None and fold_name(name) not in columns
    ]


def new_delivery(dbio: Dbio, row: Row, row_no: int, new_token: Callable[[], str]) -> NewDelivery:
    """A target row as it enters the ledger: PENDING, or FAILED where no mail can ever leave for it."""
    key = key_text(row[fold_name(dbio.key)])
    address = row[fold_name(dbio.email)]
    raw = "" if address is None else str(address).strip()
    email: str | None = raw[:ADDRESS_LIMIT] or None
    code = error = None
    if not raw:
        code, error = NO_ADDRESS, "no address"
    else:
        try:
            email = parse_recipient(raw)
        except MalformedAddress as fault:
            code, error = MALFORMED, str(fault)
    if not key:
        code, error = NO_KEY, "no key"
    elif len(key) > KEY_LIMIT:
        code, error, key = KEY_TOO_LONG, f"the key is longer than {KEY_LIMIT} characters", ""
    status = Status.FAILED if code else Status.PENDING
    return NewDelivery(row_no, key or f"#{row_no}", email, row, new_token(), status, code, error)


def key_text(value: Value) -> str:
    """RECIPIENT_KEY of a key column's value; '' where there is none."""
    match value:
        case None:
            return ""
        case bytes():
            return value.hex()
        case _:
            return str(value).strip()

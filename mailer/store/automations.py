"""AUTOMATION, SCHEDULE, DBIO and TEMPLATE: definitions, saved and read."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import get_close_matches
from enum import StrEnum

from mailer.db.database import Database, Session
from mailer.db.record import Record
from mailer.errors import DuplicateKey, NotFound
from mailer.model.automation import Automation, Dbio, Schedule, ScheduleKind, Template
from mailer.model.policies_json import dump_policies, dump_rule, load_policies
from mailer.model.recurrence import first_fire, next_fire
from mailer.store.audit import write_audit
from mailer.store.database_time import read_now
from mailer.store.fires import as_schedule, insert_job, move_on
from mailer.store.undone import again_if_undone


class AutomationStatus(StrEnum):
    """PAUSED: its schedules make no jobs; a person still may."""

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"


@dataclass(frozen=True, slots=True)
class Saved:
    """What `save` did. `job_id`: the job that a realtime schedule made; `busy`: the active job that kept it from it."""

    auto_id: int
    before: Automation | None
    is_changed: bool
    job_id: int | None = None
    busy: int | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """An automation in a list."""

    auto_id: int
    name: str
    status: AutomationStatus
    is_running: bool
    last_run: datetime | None
    next_run: datetime | None
    owner: str | None


@dataclass(frozen=True, slots=True)
class _Kept:
    schedule_id: int
    schedule: Schedule


class Automations:
    """Definitions as people handle them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, automation: Automation, actor: str, details: Sequence[str] = ()) -> Saved:
        """Inserts it, or changes the one of that name; nothing happens where it is equal to what is there.

        A realtime schedule of a new or changed automation fires here, in the same transaction, if it is not paused.
        """
        try:
            return await self._save(automation, actor, details)
        except DuplicateKey:  # another has saved the first of that name at the same moment: now it is there
            return await self._save(automation, actor, details)

    @again_if_undone
    async def _save(self, automation: Automation, actor: str, details: Sequence[str]) -> Saved:
        async with self._database.transaction() as transaction:
            found = await transaction.fetch("find_automation", {"auto_id": None, "name": automation.name}, at_most=1)
            if not found:
                auto_id = await self._insert(transaction, automation)
                before, is_paused = None, False
            else:
                auto_id = found[0].integer("AUTO_ID")
                (locked,) = await transaction.fetch("lock_automation", {"auto_id": auto_id})
                is_paused = locked.text("STATUS") == AutomationStatus.PAUSED
                before = await _read(transaction, auto_id)
                if _in_order(before) == _in_order(automation):
                    return Saved(auto_id, before, is_changed=False)
                await self._change(transaction, auto_id, before, automation)
            await self._save_schedules(transaction, auto_id, automation.schedules)
            job_id, busy = (None, None) if is_paused else await self._fire_realtime(transaction, auto_id, actor)
            await write_audit(transaction, actor, "automation apply", f"automation {auto_id}", "\n".join(details))
        return Saved(auto_id, before, True, job_id, busy)

    async def find(self, name_or_id: str) -> int:
        """The AUTO_ID. A name wins over an id of the same digits. Raises NotFound."""
        auto_id = int(name_or_id) if name_or_id.isdecimal() and len(name_or_id) < 19 else None
        rows = await self._database.fetch("find_automation", {"auto_id": auto_id, "name": name_or_id})
        rows.sort(key=lambda row: row.text("NAME") != name_or_id)
        if not rows:
            names = [row.text("NAME") for row in await self._database.fetch("list_automations")]
            near = get_close_matches(name_or_id, names, n=1)
            advice = f"Did you mean {near[0]}? " if near else ""
            raise NotFound(f"there is no automation '{name_or_id}'", f"{advice}See 'mailer automation list'.")
        return rows[0].integer("AUTO_ID")

    async def read(self, auto_id: int) -> Automation:
        """The definition as it stands. Raises NotFound."""
        return await _read(self._database, auto_id)

    async def listed(self) -> list[Listed]:
        """All, by name."""
        return [_listed(row) for row in await self._database.fetch("list_automations")]

    async def next_runs(self, auto_id: int) -> list[tuple[Schedule, datetime | None]]:
        """Each schedule with its stored next run."""
        rows = await self._database.fetch("list_schedules", {"auto_id": auto_id})
        return [(as_schedule(row), row.maybe_moment("NEXT_RUN")) for row in rows]

    @again_if_undone
    async def set_status(self, auto_id: int, status: AutomationStatus, actor: str, why: str = "") -> bool:
        """Pauses or resumes it; False where it is so already. On resuming, what was missed meanwhile is past."""
        async with self._database.transaction() as transaction:
            await transaction.fetch("lock_automation", {"auto_id": auto_id})
            if not await transaction.execute("set_automation_status", {"auto_id": auto_id, "status": status.value}):
                return False
            if status is AutomationStatus.ACTIVE:
                await self._skip_missed(transaction, auto_id)
            action = "automation resume" if status is AutomationStatus.ACTIVE else "automation pause"
            await write_audit(transaction, actor, action, f"automation {auto_id}", why)
        return True

    async def _insert(self, transaction: Session, automation: Automation) -> int:
        dbio_id = await _insert_dbio(transaction, automation.name, automation.dbio)
        template_id = await _insert_template(transaction, automation.name, automation.template)
        return await transaction.insert(
            "insert_automation",
            {
                "name": automation.name,
                "dbio_id": dbio_id,
                "template_id": template_id,
                "policies": dump_policies(automation.policies),
                "owner": automation.owner,
            },
        )

    async def _change(self, transaction: Session, auto_id: int, before: Automation, after: Automation) -> None:
        (row,) = await transaction.fetch("read_automation", {"auto_id": auto_id})
        dbio_id, template_id = row.integer("DBIO_ID"), row.integer("TEMPLATE_ID")
        if before.dbio != after.dbio:
            dbio_id = await _insert_dbio(transaction, after.name, after.dbio)
        if before.template != after.template:
            template_id = await _insert_template(transaction, after.name, after.template)
        await transaction.execute(
            "update_automation",
            {
                "auto_id": auto_id,
                "dbio_id": dbio_id,
                "template_id": template_id,
                "policies": dump_policies(after.policies),
                "owner": after.owner,
            },
        )

    async def _save_schedules(self, transaction: Session, auto_id: int, schedules: Sequence[Schedule]) -> None:
        """A schedule that stays keeps its row, and with it its next run."""
        kept = await _schedules(transaction, auto_id)
        wanted = list(schedules)
        for old in kept:
            if old.schedule in wanted:
                wanted.remove(old.schedule)
            else:
                await transaction.execute("delete_schedule", {"schedule_id": old.schedule_id})
        now = await read_now(transaction)
        for schedule in wanted:
            await transaction.insert(
                "insert_schedule",
                {
                    "auto_id": auto_id,
                    "kind": schedule.kind.value,
                    "rule": dump_rule(schedule),
                    "timezone": schedule.timezone,
                    "misfire_grace": schedule.misfire_grace.total_seconds(),
                    "next_run": first_fire(schedule, now),
                },
            )
        await transaction.execute("note_run", {"auto_id": auto_id, "last_run": None})

    async def _fire_realtime(self, transaction: Session, auto_id: int, actor: str) -> tuple[int | None, int | None]:
        """The job that the realtime schedules make at once, or the active one in the way."""
        made: int | None = None
        busy: int | None = None
        now = await read_now(transaction)
        for kept in await _schedules(transaction, auto_id):
            if kept.schedule.kind is ScheduleKind.REALTIME:
                job_id, active = await insert_job(transaction, auto_id, kept.schedule_id, now, actor)
                made, busy = made or job_id, busy or active
                await move_on(transaction, auto_id, kept.schedule_id, next_fire(kept.schedule, now), now)
        return made, None if made else busy

    async def _skip_missed(self, transaction: Session, auto_id: int) -> None:
        now = await read_now(transaction)
        for row in await transaction.fetch("list_schedules", {"auto_id": auto_id}):
            next_run = row.maybe_moment("NEXT_RUN")
            if next_run is not None and next_run <= now:
                later = next_fire(as_schedule(row), now)
                await move_on(transaction, auto_id, row.integer("SCHEDULE_ID"), later, row.maybe_moment("LAST_RUN"))


async def _schedules(session: Session, auto_id: int) -> list[_Kept]:
    rows = await session.fetch("list_schedules", {"auto_id": auto_id})
    return [_Kept(row.integer("SCHEDULE_ID"), as_schedule(row)) for row in rows]


async def _read(session: Session, auto_id: int) -> Automation:
    rows = await session.fetch("read_automation", {"auto_id": auto_id})
    if not rows:
        raise NotFound(f"there is no automation {auto_id}", "See 'mailer automation list'.")
    schedules = tuple(kept.schedule for kept in await _schedules(session, auto_id))
    return as_automation(rows[0], schedules)


def _in_order(automation: Automation) -> Automation:
    """The same definition, its schedules in an order that does not hang on when each was saved."""
    return replace(automation, schedules=tuple(sorted(automation.schedules, key=repr)))


def as_automation(row: Record, schedules: tuple[Schedule, ...] = ()) -> Automation:
    """A joined row of AUTOMATION (or of a job's frozen definition), DBIO and TEMPLATE as a value."""
    return Automation(
        name=row.text("NAME"),
        owner=row.maybe_text("OWNER_EMAIL"),
        dbio=Dbio(
            source=row.text("SOURCE"),
            target=row.text("TARGET_QUERY"),
            mapping=row.maybe_text("MAPPING_QUERY"),
            mapping_batch=bool(row.integer("MAPPING_BATCH")),
            update=row.maybe_text("UPDATE_QUERY"),
            key=row.text("KEY_COLUMN"),
            email=row.text("EMAIL_COLUMN"),
            attachment=row.maybe_text("ATTACH_COLUMN"),
        ),
        template=Template(row.text("SUBJECT"), row.text("HTML"), row.maybe_text("TEXT")),
        policies=load_policies(row.text("POLICIES")),
        schedules=schedules,
    )


async def _insert_dbio(transaction: Session, name: str, dbio: Dbio) -> int:
    return await transaction.insert(
        "insert_dbio",
        {
            "name": name,
            "source": dbio.source,
            "target_query": dbio.target,
            "mapping_query": dbio.mapping,
            "mapping_batch": int(dbio.mapping_batch),
            "update_query": dbio.update,
            "key_column": dbio.key,
            "email_column": dbio.email,
            "attach_column": dbio.attachment,
        },
    )


async def _insert_template(transaction: Session, name: str, template: Template) -> int:
    return await transaction.insert(
        "insert_template",
        {"name": name, "subject": template.subject, "html": template.html, "text": template.text},
    )


def _listed(row: Record) -> Listed:
    return Listed(
        row.integer("AUTO_ID"),
        row.text("NAME"),
        AutomationStatus(row.text("STATUS")),
        bool(row.integer("IS_RUNNING")),
        row.maybe_moment("LAST_RUN"),
        row.maybe_moment("NEXT_RUN"),
        row.maybe_text("OWNER_EMAIL"),
    )

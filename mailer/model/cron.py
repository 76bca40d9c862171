"""When a cron rule fires: cronsim's five fields, on the wall clock of a zone.

As in Debian's cron, which cronsim follows: a rule with fixed times goes by the wall clock (a time in a gap fires after
it, one that comes twice fires the first time); one whose minute or hour begins with `*` fires at each minute that fits,
so at none in a gap, and in an hour that comes twice both times.

cronsim itself only reads a plain clock here. Handed a zone it loses minutes on Lord Howe Island, and in the autumn of
the Chatham Islands it never returns.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from mailer.model.zones import moment_of, moments_of

_DAY = timedelta(days=1)
_PATIENCE = 50
"""Years without a fire after which there is none: cronsim's own, and enough for any 29 February on a Monday."""

_YEARS_TO_COME = datetime(2030, 1, 1, tzinfo=UTC)
"""From here a rule is tried; the past had other gaps."""


def next_by_rule(rule: str, zone: ZoneInfo, after: datetime) -> datetime | None:
    """The first fire (UTC) strictly later than `after`; None where there is none. For a rule without faults."""
    clock = after.astimezone(zone).replace(tzinfo=None)
    if not any(field.startswith("*") for field in rule.split()[:2]):
        return next((fire for wall in CronSim(rule, clock) if (fire := moment_of(wall, zone)) > after), None)
    # A clock that is put back within the next day will show again what it has shown.
    clock_ahead = (after + _DAY).astimezone(zone).replace(tzinfo=None) - _DAY
    return _next_showing(CronSim(rule, min(clock, clock_ahead)), zone, after)


def rule_faults(rule: str, zone: ZoneInfo) -> list[str]:
    """What is wrong with a rule, in one sentence; empty: nothing."""
    # cronsim would read a sixth field as seconds.
    if len(rule.split()) != 5:
        return [f"the cron rule {rule!r} must have five fields: minute, hour, day of month, month, day of week"]
    try:
        fire = next_by_rule(rule, zone, _YEARS_TO_COME)
    except (CronSimError, ValueError) as refusal:  # ValueError: a number of thousands of digits
        return [f"the cron rule {rule!r} can't be read: {refusal}"]
    return [] if fire else [f"the cron rule {rule!r} never fires: no such time comes"]


def _next_showing(walls: Iterable[datetime], zone: ZoneInfo, after: datetime) -> datetime | None:
    """The first moment later than `after` at which the clock shows one of `walls`, which rise."""
    showings: list[datetime] = []
    for wall in walls:
        moments = moments_of(wall, zone)
        showings += [moment for moment in moments if moment > after]
        # When the first showing of one is yet to come, those of all later ones come after it.
        if (moments and moments[0] > after) or wall.year > after.year + _PATIENCE:
            break
    return min(showings, default=None)

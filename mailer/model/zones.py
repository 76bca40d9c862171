"""Time zones by IANA name, and which moment a wall clock there means.

The rules come from the tzdata package alone, never from the machine's own files: every process of a fleet must
find the same moment, and a slim container has no files.
"""

import zoneinfo
from bisect import bisect_left
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import cache
from zoneinfo import ZoneInfo

zoneinfo.reset_tzpath(())
ZoneInfo.clear_cache()

_SECOND = timedelta(seconds=1)


def load_zone(name: str) -> ZoneInfo:
    """The zone of that IANA name, exactly as it is written there.

    Raises ValueError, with a sentence that offers the nearest right name where one is near.
    """
    # Asked first, for ZoneInfo would look for any name in the file system, whatever the case of its letters.
    if name in _names():
        return ZoneInfo(name)
    nearest = _nearest(name)
    offer = f"did you mean {nearest!r}?" if nearest else "write an IANA name such as 'Asia/Seoul'"
    raise ValueError(f"there is no time zone {name!r}; {offer}")


def moment_of(wall: datetime, zone: ZoneInfo) -> datetime:
    """The moment (UTC) at which clocks in `zone` show the naive `wall`.

    A time that comes twice is meant the first time; one that is skipped, at the first moment after the gap.
    So a later wall time never gives an earlier moment.
    """
    by_old_offset, by_new_offset = _by_both_offsets(wall, zone)
    if by_old_offset <= by_new_offset:
        return by_old_offset
    return _end_of_gap(by_new_offset.replace(microsecond=0), by_old_offset, zone)


def moments_of(wall: datetime, zone: ZoneInfo) -> tuple[datetime, ...]:
    """All moments (UTC) at which clocks in `zone` show the naive `wall`, in order; none if it is skipped."""
    by_old_offset, by_new_offset = _by_both_offsets(wall, zone)
    if by_old_offset == by_new_offset:
        return (by_old_offset,)
    return (by_old_offset, by_new_offset) if by_old_offset < by_new_offset else ()


def _by_both_offsets(wall: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """`wall` read by the offset before a change, and by the one after it (PEP 495); equal where there is none.

    In an hour that comes twice the first is the earlier one, in a gap the later one.
    """
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC), wall.replace(tzinfo=zone, fold=1).astimezone(UTC)


def _end_of_gap(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The second at which the offset changes: later than `before`, not later than `after`."""
    old_offset = before.astimezone(zone).utcoffset()

    def is_past_gap(seconds: int) -> bool:
        return (before + seconds * _SECOND).astimezone(zone).utcoffset() != old_offset

    return before + bisect_left(range((after - before) // _SECOND), True, key=is_past_gap) * _SECOND


@cache
def _names() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def _nearest(name: str) -> str | None:
    # Places alone: who writes 'GMT+9' means east, and 'Etc/GMT+9' lies nine hours west.
    places = sorted(known for known in _names() if "/" in known and not known.startswith("Etc/"))
    by_spelling: dict[str, str] = {"utc": "UTC"}
    for place in places:
        by_spelling.setdefault(place.casefold(), place)
        by_spelling.setdefault(place.casefold().rpartition("/")[2], place)
    spelling = name.strip().casefold().replace(" ", "_")
    # At 0.8 'Seul' finds Seoul, and 'KST' does not find EST.
    found = get_close_matches(spelling, by_spelling, n=1, cutoff=0.8)
    return by_spelling[found[0]] if found else None

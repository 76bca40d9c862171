"""Faults on demand: what shall go wrong, at which call, and how often.

A fault is armed before the call that it spoils, so a test needs no sleep: it waits for `Armed.struck` and goes on.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from enum import StrEnum


class Action(StrEnum):
    """What a fault does to a call (or to a connection that is being made).

    ERROR answers an ORA error instead of doing it. KILL cuts the connection before doing it, LOSE after it was done, so
    its answer is lost. CUT sends half of the answer, then cuts. HANG never answers and never reads again. SLOW does it
    and answers late. For `connect` alone: REFUSE is a listener's refusal, ENCRYPT demands Native Network Encryption,
    OLD is a server older than 12.1. For `logon` alone: WARN does it and says the error as a warning.
    """

    ERROR = "error"
    KILL = "kill"
    LOSE = "lose"
    CUT = "cut"
    HANG = "hang"
    SLOW = "slow"
    REFUSE = "refuse"
    ENCRYPT = "encrypt"
    OLD = "old"
    WARN = "warn"


@dataclass(frozen=True, slots=True)
class Fault:
    """Strikes at the `nth` matching call (1 is the next one) and at the `times - 1` after it; `times` 0 is for ever.

    `call` is one of connect, logon, execute, fetch, commit, rollback, ping, logoff, lob, or "" for any after the logon.
    `sql` is a regular expression that the statement must contain, `user` an Oracle user. `code` is for ERROR and
    WARN (and `text`, if Oracle's own is not enough) and REFUSE, `seconds` for SLOW.
    """

    action: Action
    call: str = ""
    sql: str = ""
    user: str = ""
    nth: int = 1
    times: int = 1
    code: int = 3113
    text: str = ""
    seconds: float = 0.0


@dataclass(slots=True)
class Armed:
    """A fault that waits for its call. `struck` is set when it has struck for the first time."""

    fault: Fault
    number: int
    matched: int = 0
    strikes: int = 0
    struck: asyncio.Event = field(default_factory=asyncio.Event)

    def strikes_at(self, call: str, sql: str, user: str) -> bool:
        fault = self.fault
        if fault.call != call and (fault.call or call in ("connect", "logon")):
            return False
        if fault.user and fault.user.upper() != user.upper():
            return False
        if fault.sql and not re.search(fault.sql, sql, re.IGNORECASE | re.DOTALL):
            return False
        self.matched += 1
        late = fault.times and self.matched >= fault.nth + fault.times
        if self.matched < fault.nth or late:
            return False
        self.strikes += 1
        self.struck.set()
        return True


class Faults:
    """The faults of a stand-in."""

    def __init__(self) -> None:
        self._armed: dict[int, Armed] = {}
        self._next = 1

    def arm(self, fault: Fault) -> Armed:
        armed = Armed(fault, self._next)
        self._armed[self._next] = armed
        self._next += 1
        return armed

    def of(self, number: int) -> Armed:
        return self._armed[number]

    def disarm(self, armed: Armed) -> None:
        self._armed.pop(armed.number, None)

    def clear(self) -> None:
        self._armed.clear()

    def strike(self, call: str, *, sql: str = "", user: str = "") -> Fault | None:
        """The fault that spoils this call, if one does; each armed fault counts the calls that match it."""
        struck = [armed.fault for armed in self._armed.values() if armed.strikes_at(call, sql, user)]
        return struck[0] if struck else None

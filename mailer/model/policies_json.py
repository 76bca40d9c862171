"""The columns POLICIES and RULE: JSON with the keys of a definition, so that other programs can write it too."""

import json
from datetime import timedelta

from mailer.errors import ConfigurationError
from mailer.model.automation import Policies, Schedule, ScheduleKind
from mailer.model.table import Table, offer, quoted
from mailer.model.written import read_policies, read_rule, write_policies, write_rule

_NEXT_STEP = "Correct the row, or apply the automation's definition again."


def dump_policies(policies: Policies) -> str:
    """The text of POLICIES; `load_policies` gives equal policies back."""
    return _dump(write_policies(policies))


def load_policies(text: str) -> Policies:
    """The policies that POLICIES says; a key that is missing has its default. Raises ConfigurationError."""
    table = Table("POLICIES", _parsed("POLICIES", text), [])
    policies = read_policies(table)
    table.close()
    _refuse_faults(table)
    return policies


def dump_rule(schedule: Schedule) -> str:
    """The text of RULE: what a schedule says beside its kind, timezone and misfire grace, each in its own column."""
    return _dump(write_rule(schedule))


def load_rule(kind: str, text: str, timezone: str, misfire_grace: timedelta) -> Schedule:
    """The schedule that a row of SCHEDULE says. Raises ConfigurationError, also where it could never fire."""
    kinds = [one.value for one in ScheduleKind]
    if kind not in kinds:
        raise ConfigurationError(f"KIND: {quoted(kind)} is no kind of schedule; {offer(kind, kinds)}", _NEXT_STEP)
    table = Table("RULE", _parsed("RULE", text), [])
    schedule = read_rule(ScheduleKind(kind), table, timezone, misfire_grace)
    table.close()
    _refuse_faults(table)
    return schedule


def _dump(values: dict[str, object]) -> str:
    return json.dumps(values, ensure_ascii=False)


def _parsed(column: str, text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # ValueError: also an integer of thousands of digits
        raise ConfigurationError(f"{column}: not JSON", _NEXT_STEP) from None


def _refuse_faults(table: Table) -> None:
    if table.faults:
        raise ConfigurationError("; ".join(table.faults), _NEXT_STEP)

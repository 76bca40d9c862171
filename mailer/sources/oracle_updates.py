"""Update queries of many deliveries in one transaction, each with its own count or its own trouble."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import oracledb

from mailer.db.oracle_errors import Kind, Trouble, Whereabouts, read_error
from mailer.db.oracle_values import OracleValue, bind_types

OracleBinds = Mapping[str, OracleValue]
Outcome = int | Trouble
"""The rows touched, or why it failed."""

_WHOLE = (Kind.AWAY, Kind.LATE, Kind.DENIED, Kind.UNDONE)
"""Troubles of the transaction, not of one update in it."""


@dataclass(frozen=True, slots=True)
class Update:
    """One execution of an update query."""

    query: str
    binds: OracleBinds


async def run_updates(raw: oracledb.AsyncConnection, updates: Sequence[Update], where: Whereabouts) -> list[Outcome]:
    """Runs them without a commit: executions of one query in one round trip. A failed one has changed nothing.

    Raises oracledb.Error where the whole must be done again: together, or, if it was refused, in smaller parts.
    """
    places: defaultdict[str, list[int]] = defaultdict(list)
    for place, update in enumerate(updates):
        places[update.query].append(place)
    outcomes: dict[int, Outcome] = {}
    for query, of_query in places.items():
        results = await _run_one_query(raw, query, [updates[place].binds for place in of_query], where)
        outcomes.update(zip(of_query, results, strict=True))
    return [outcomes[place] for place in range(len(updates))]


async def _run_one_query(
    raw: oracledb.AsyncConnection, query: str, rows: Sequence[OracleBinds], where: Whereabouts
) -> list[Outcome]:
    with raw.cursor() as cursor:
        if types := bind_types(rows):
            cursor.setinputsizes(**types)
        try:
            await cursor.executemany(query, [dict(row) for row in rows], arraydmlrowcounts=True, batcherrors=True)
        except oracledb.Error as error:
            trouble = _of_one(error, where)
            if not _is_said_by_database(error) and len(rows) > 1:
                raise  # a value that the driver can't bind: which one, smaller parts will tell
            return [trouble] * len(rows)
        outcomes: list[Outcome] = list(cursor.getarraydmlrowcounts())
        for details in cursor.getbatcherrors():
            outcomes[details.offset] = _of_one(oracledb.DatabaseError(details), where)
        return outcomes


def _of_one(error: oracledb.Error, where: Whereabouts) -> Trouble:
    """The trouble of an update alone; raises the error where it is one of the transaction."""
    trouble = read_error(error, where)
    if trouble.kind in _WHOLE:
        raise error
    return trouble


def _is_said_by_database(error: oracledb.Error) -> bool:
    details = error.args[0] if error.args else None
    return bool(getattr(details, "code", 0))

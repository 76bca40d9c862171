"""Which value each bind of a query gets: decided once a job, by name, then applied row by row."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from mailer.errors import QueryFailed
from mailer.model.row import Row, Value, fold_name

MAPPING_EXTRAS = ("JOB_ID",)
"""What a mapping query may bind besides the target row's columns."""
UPDATE_EXTRAS = ("JOB_ID", "MESSAGE_ID", "SENT_AT")
"""What an update query may bind besides the target row's columns."""


@dataclass(frozen=True, slots=True)
class BindPlan:
    """Where each bind's value comes from: the bind as the query spells it, and the column or extra as we do."""

    from_row: tuple[tuple[str, str], ...]
    from_extras: tuple[tuple[str, str], ...]

    def bind(self, row: Row, extras: Mapping[str, Value]) -> dict[str, Value]:
        """The binds of one execution; `extras` under the names that the plan was made with, upper case."""
        binds = {bind: row[column] for bind, column in self.from_row}
        for bind, extra in self.from_extras:
            binds[bind] = extras[extra]
        return binds


def resolve_binds(
    names: Sequence[str], columns: Iterable[str], key_column: str, extras: Sequence[str] = ()
) -> BindPlan:
    """The plan for a query whose binds are `names`, over target rows of these `columns`, whatever the case of either.

    A name is looked up among the columns, then among the extras. A query's single bind of an unknown name (:1, :id)
    gets the key; in any other query an unknown name raises QueryFailed, for a slip in one bind must not write the key
    into a date. So does a key that is needed and is no column.
    """
    known = {fold_name(column) for column in columns}
    from_row: list[tuple[str, str]] = []
    from_extras: list[tuple[str, str]] = []
    unknown: list[str] = []
    for name in names:
        folded = fold_name(name)
        if folded in known:
            from_row.append((name, folded))
        elif folded in extras:
            from_extras.append((name, folded))
        else:
            unknown.append(name)
    if unknown:
        if len({fold_name(name) for name in names}) > 1:
            raise _unknown(unknown, sorted(known), extras)
        from_row = [(name, _key(key_column, known)) for name in unknown]
    return BindPlan(tuple(from_row), tuple(from_extras))


def _key(key_column: str, known: set[str]) -> str:
    key = fold_name(key_column)
    if key not in known:
        raise QueryFailed(
            f"the target query returns no column {key_column}, which is the key",
            f"Select it, or name another key: it returns {', '.join(sorted(known)) or 'no columns'}.",
        )
    return key


def _unknown(unknown: Sequence[str], columns: Sequence[str], extras: Sequence[str]) -> QueryFailed:
    candidates = [*columns, *extras]
    described = []
    for name in unknown:
        near = get_close_matches(fold_name(name), candidates, n=1)
        described.append(f":{name} (did you mean :{near[0]}?)" if near else f":{name}")
    or_extras = f" nor one of {', '.join(extras)}" if extras else ""
    return QueryFailed(
        f"unknown bind {', '.join(described)}: it is no column of the target query{or_extras}",
        f"Bind one of {', '.join(candidates)}.",
    )

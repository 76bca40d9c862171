"""A statement of Oracle's: its kind, its binds, and what PostgreSQL is to run for it."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from sqlglot import exp

from .errors import OracleError, unsupported
from .parsing import parse
from .rewriting import rewritten
from .strict_text import check_tokens
from .strict_tree import check_tree
from .tokens import Token, find, replaced, source, split, tokenize


class Kind(Enum):
    QUERY = auto()
    DML = auto()
    PLSQL = auto()
    DDL = auto()
    OTHER = auto()


class Locking(Enum):
    """When a query locks its rows: never; all of them when it opens; each one when it is fetched (SKIP LOCKED)."""

    NONE = auto()
    AT_OPEN = auto()
    AT_FETCH = auto()


_KINDS = {
    **dict.fromkeys(("SELECT", "WITH", "("), Kind.QUERY),
    **dict.fromkeys(("INSERT", "UPDATE", "DELETE", "MERGE"), Kind.DML),
    **dict.fromkeys(("DECLARE", "BEGIN", "CALL"), Kind.PLSQL),
    **dict.fromkeys(
        ("CREATE", "ALTER", "DROP", "GRANT", "REVOKE", "COMMENT", "TRUNCATE", "RENAME", "ANALYZE"), Kind.DDL
    ),
    **dict.fromkeys(("SET", "LOCK", "COMMIT", "ROLLBACK", "SAVEPOINT", "EXPLAIN"), Kind.OTHER),
}


@dataclass(frozen=True, slots=True)
class Statement:
    """`binds` has a name for each occurrence in the text (in PL/SQL for each name); `inputs` and `outputs` index it.

    `postgres` is empty where PostgreSQL does not run the text itself (PL/SQL, DDL, session control).
    """

    kind: Kind
    text: str
    binds: tuple[str, ...] = ()
    inputs: tuple[int, ...] = ()
    outputs: tuple[int, ...] = ()
    postgres: str = ""
    locking: Locking = Locking.NONE
    wait_seconds: int | None = None


@functools.lru_cache(4096)
def translated(text: str) -> Statement:
    """The statement as the stand-in runs it. Raises OracleError for what Oracle would refuse to parse."""
    tokens = tokenize(text)
    if not tokens:
        raise OracleError(900)
    kind = _KINDS.get(tokens[0].upper)
    if kind is None:
        raise OracleError(900)
    if kind is Kind.PLSQL:
        names = tuple(dict.fromkeys(token.bind_name for token in tokens if token.kind == "bind"))
        return Statement(kind, text, names, tuple(range(len(names))), ())
    if kind not in (Kind.QUERY, Kind.DML):
        return Statement(kind, text)
    check_tokens(tokens)
    return _translated(kind, text, tokens)


def _translated(kind: Kind, text: str, tokens: Sequence[Token]) -> Statement:
    binds = [token for token in tokens if token.kind == "bind"]
    text_of_numbered = replaced(text, [(bind, f":b{at}") for at, bind in enumerate(binds)])
    body: Sequence[Token] = tokenize(text_of_numbered)  # a bind's name is its number from here on
    returned, outputs = "", tuple[int, ...]()
    if kind is Kind.DML:
        body, returned, outputs = _without_returning(text_of_numbered, body)
    inputs = tuple(at for at in range(len(binds)) if at not in outputs)
    parameters = {at: number for number, at in enumerate(inputs, 1)}
    tree = parse(_plain(text_of_numbered, body))
    check_tree(tree)
    locking, wait = _locking(tree)
    postgres = rewritten(tree, parameters)
    if "IGNORE_ROW_ON_DUPKEY_INDEX" in text.upper():
        postgres += " ON CONFLICT DO NOTHING"
    if returned:
        items = parse(f"SELECT {returned} FROM dual")
        postgres += " RETURNING " + rewritten(items, parameters).removeprefix("SELECT ").removesuffix(' FROM "dual"')
    names = tuple(bind.bind_name for bind in binds)
    return Statement(kind, text, names, inputs, outputs, postgres, locking, wait)


def _without_returning(text: str, tokens: Sequence[Token]) -> tuple[Sequence[Token], str, tuple[int, ...]]:
    """The statement before RETURNING, what it returns, and which binds take that."""
    at = find(tokens, "RETURNING", "RETURN")
    if at is None:
        return tokens, "", ()
    into = find(tokens, "INTO", start=at)
    if into is None:
        raise OracleError(925)
    targets = [target for run in split(tokens[into + 1 :]) for target in run]
    if not targets or any(target.kind != "bind" for target in targets):
        raise OracleError(905)
    if len(targets) != len(split(tokens[at + 1 : into])):
        raise OracleError(947, "not enough values")
    return tokens[:at], source(text, tokens[at + 1 : into]), tuple(int(target.bind_name[1:]) for target in targets)


def _plain(text: str, tokens: Sequence[Token]) -> str:
    """The statement as sqlglot takes it: DELETE with its FROM, MERGE with its conditions in front of THEN."""
    if tokens[0].is_word("DELETE") and not tokens[1].is_word("FROM"):
        return "DELETE FROM " + source(text, tokens[1:])
    if tokens[0].is_word("MERGE"):
        return _merge_with_conditions(text, tokens)
    return source(text, tokens)


def _merge_with_conditions(text: str, tokens: Sequence[Token]) -> str:
    """`WHEN MATCHED THEN UPDATE … WHERE c` is `WHEN MATCHED AND c THEN UPDATE …`."""
    first = find(tokens, "WHEN")
    if first is None:
        raise OracleError(905)
    starts = [first]
    while (following := find(tokens, "WHEN", start=starts[-1] + 1)) is not None:
        starts.append(following)
    parts = [source(text, tokens[: starts[0]])]
    for start, end in zip(starts, [*starts[1:], len(tokens)], strict=True):
        clause = tokens[start:end]
        then, where = find(clause, "THEN"), find(clause, "WHERE")
        if find(clause, "DELETE") is not None:
            raise unsupported("DELETE WHERE in MERGE")
        if where is None or then is None:
            parts.append(source(text, clause))
            continue
        condition = source(text, clause[where + 1 :])
        parts.append(f"{source(text, clause[:then])} AND ({condition}) {source(text, clause[then:where])}")
    return " ".join(parts)


def _locking(tree: exp.Expr) -> tuple[Locking, int | None]:
    locks = tree.args.get("locks") or []
    if not locks:
        return Locking.NONE, None
    wait = locks[0].args.get("wait")
    seconds = int(wait.name) if isinstance(wait, exp.Literal) else None
    skips = wait is False or "SKIP LOCKED" in locks[0].sql("oracle").upper()
    return (Locking.AT_FETCH if skips else Locking.AT_OPEN), seconds

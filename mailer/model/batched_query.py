"""A mapping query that asks for one key, made one that asks for many: only where both provably say the same.

The proof. The query is one SELECT whose WHERE has the conjunct COLUMN = :BIND, and the bind stands nowhere else. So an
IN in its place returns the rows of all the keys together, and COLUMN, which is among the columns returned, tells whose
each one is. What looks at several rows at once (a limit, a window, an aggregate, another SELECT beside it) would look
across recipients, and is refused; but not groups by COLUMN, whose rows are all of one key.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mailer.model.row import fold_name
from mailer.model.sql_tokens import Token, TokenKind, split_tokens, sql_tokens

BATCH_KEYS = 50
"""Keys of one query. Always so many, a short slice repeats one: so the database sees one statement, not fifty."""
KEY_BINDS = tuple(f"KEY_{number}" for number in range(1, BATCH_KEYS + 1))

_NAMES = (TokenKind.WORD, TokenKind.QUOTED)
_ACROSS_ROWS = (
    *("UNION", "INTERSECT", "EXCEPT", "MINUS", "LIMIT", "OFFSET", "FETCH", "ROWNUM", "CONNECT"),
    *("OVER", "WINDOW", "QUALIFY", "MODEL", "ROLLUP", "CUBE", "GROUPING"),
)
"""Every clause that Oracle or SQLite knows behind a WHERE, but GROUP BY, HAVING and ORDER BY."""
_AGGREGATES = frozenset(
    (
        *("AVG", "COUNT", "GROUP_CONCAT", "MAX", "MEDIAN", "MIN", "STRING_AGG", "SUM", "TOTAL"),
        *("JSON_GROUP_ARRAY", "JSON_GROUP_OBJECT", "JSONB_GROUP_ARRAY", "JSONB_GROUP_OBJECT"),
        *("PERCENTILE", "PERCENTILE_CONT", "PERCENTILE_DISC"),
    )
)
"""SQLite's. Oracle itself refuses any aggregate beside a plain column that is not grouped by (ORA-00937)."""


@dataclass(frozen=True, slots=True)
class BatchedQuery:
    """The query with KEY_BINDS. `bind`: the name of the one bind that was; `column`: of the key, as rows have it."""

    sql: str
    bind: str
    column: str


def batched_query(query: str) -> BatchedQuery:
    """Raises ValueError where it can't be proved that it says the same; the message says why, and what to do."""
    try:
        return _batched(query, sql_tokens(query))
    except ValueError as error:
        why = f"{error}; change that, or leave mapping_batch out"
        raise ValueError(f"the mapping query can't be asked for many keys at once: {why}") from None


def _batched(query: str, tokens: Sequence[Token]) -> BatchedQuery:
    parts = _Parts(tokens)
    bind = _single_bind(tokens)
    column = _compared_column(tokens, bind, parts.where)
    _require_conjunct(parts.conditions, bind)
    _refuse_across_rows(tokens)
    _refuse_aggregates(parts, column)
    returned = next(filter(None, (_returned_as(item, column) for item in parts.items)), None)
    if returned is None:
        raise ValueError(f"its SELECT list lacks {_written(column)}, which tells whose row each one is")
    equals = tokens[tokens.index(bind) - 1]
    placed = ", ".join(f":{name}" for name in KEY_BINDS)
    return BatchedQuery(f"{query[: equals.start].rstrip()} IN ({placed}){query[bind.end :]}", bind.text[1:], returned)


class _Parts:
    """The clauses of a query that is one SELECT, and stands in no parentheses."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        if not tokens or not tokens[0].is_word("SELECT", "WITH"):
            raise ValueError("it does not begin with SELECT or WITH")
        select, source, self.where = self._only("SELECT"), self._only("FROM"), self._only("WHERE")
        if not select < source < self.where:
            raise ValueError("its SELECT, FROM and WHERE are not in this order")
        end = self._first(self.where, "GROUP", "HAVING", "ORDER")
        self.conditions = tokens[self.where + 1 : end]
        listed = tokens[select + 1 : source]
        self.items = split_tokens(listed[1:] if listed and listed[0].is_word("DISTINCT", "ALL") else listed, ",")
        self.beside_conditions = [*listed, *tokens[end:]]
        is_grouped = end < len(tokens) and tokens[end].is_word("GROUP")
        groups = tokens[end + 2 : self._first(end, "HAVING", "ORDER")] if is_grouped else ()
        self.groups = split_tokens(groups, ",") if groups else []

    def _only(self, word: str) -> int:
        found = [index for index, token in enumerate(self._tokens) if token.depth == 0 and token.is_word(word)]
        if len(found) != 1:
            raise ValueError(f"it needs one {word} outside of parentheses, and has {len(found) or 'none'}")
        return found[0]

    def _first(self, start: int, *words: str) -> int:
        """Where the first of these words stands behind `start`; the end, where there is none."""
        found = (index for index, token in enumerate(self._tokens) if token.depth == 0 and token.is_word(*words))
        return next((index for index in found if index > start), len(self._tokens))


def _single_bind(tokens: Sequence[Token]) -> Token:
    binds = [token for token in tokens if token.kind is TokenKind.BIND]
    if len(binds) != 1:
        raise ValueError(f"it needs one bind, the key's, used once, and has {len(binds) or 'none'}")
    return binds[0]


def _compared_column(tokens: Sequence[Token], bind: Token, where: int) -> Sequence[Token]:
    """COLUMN, or TABLE.COLUMN, where the WHERE says COLUMN = :BIND between WHERE or AND and AND or its end."""
    at = tokens.index(bind)
    begin = at - 1
    while begin - 1 > where and not tokens[begin - 1].is_word("AND"):
        if tokens[begin - 1].kind not in _NAMES and not tokens[begin - 1].is_sign("."):
            break
        begin -= 1
    column = tokens[begin : max(begin, at - 1)]
    is_column = len(column) % 2 == 1 and all(
        token.is_sign(".") if place % 2 else token.kind in _NAMES for place, token in enumerate(column)
    )
    is_there = bind.depth == 0 and at > where and tokens[at - 1].is_sign("=")
    begins = tokens[begin - 1].is_word("WHERE", "AND")
    ends = at + 1 == len(tokens) or tokens[at + 1].is_word("AND", "GROUP", "ORDER")
    if not (is_there and is_column and begins and ends):
        raise ValueError(f"its WHERE does not say COLUMN = {bind.text}, by itself or beside AND")
    return column


def _require_conjunct(conditions: Sequence[Token], bind: Token) -> None:
    """Raises ValueError where the comparison stands beside an OR, or where the AND before it is a BETWEEN's."""
    top = [token for token in conditions if token.depth == 0]
    if any(token.is_word("OR") for token in top):
        raise ValueError("its WHERE has an OR outside of parentheses: put them around it")
    is_between = is_betweens_and = False
    for token in top[: top.index(bind)]:
        if token.is_word("BETWEEN"):
            is_between = True
        elif token.is_word("AND"):
            is_betweens_and, is_between = is_between, False
    if is_betweens_and:
        raise ValueError(f"{bind.text} stands right behind a BETWEEN")


def _refuse_across_rows(tokens: Sequence[Token]) -> None:
    for index, token in enumerate(tokens):
        is_name = index > 0 and (tokens[index - 1].is_sign(".") or tokens[index - 1].is_word("AS"))
        if token.is_word(*_ACROSS_ROWS) and not is_name and not token.in_subquery:
            raise ValueError(f"{token.name} would look at the rows of several recipients at once")


def _refuse_aggregates(parts: _Parts, column: Sequence[Token]) -> None:
    """Raises ValueError for an aggregate without groups, and for groups that may have rows of several keys.

    Also for one in a subquery of the SELECT list: SQLite counts it to the outer query if its columns are from there.
    """
    if parts.groups:
        if not any(_same(group, column) for group in parts.groups):
            raise ValueError(f"it groups rows, and not by {_written(column)}")
        return
    for token, following in zip(parts.beside_conditions, parts.beside_conditions[1:], strict=False):
        is_aggregate = token.kind in _NAMES and _plain(token) in _AGGREGATES and following.is_sign("(")
        if is_aggregate or token.is_word("HAVING"):
            raise ValueError(f"{_plain(token)} has no GROUP BY {_written(column)} in the same SELECT")


def _returned_as(item: Sequence[Token], column: Sequence[Token]) -> str | None:
    """The name of the column in rows, where this item of the SELECT list is the column itself or a * that holds it."""
    if item and item[-1].is_sign("*"):
        return _plain(column[-1]) if len(item) == 1 or _same(item[:-1], column[:-1]) else None
    if not _same(item[: len(column)], column):
        return None
    rest = item[len(column) :]
    alias = rest[1:] if rest and rest[0].is_word("AS") else rest
    if not rest:
        return _plain(column[-1])
    return _plain(alias[0]) if len(alias) == 1 and alias[0].kind in _NAMES else None


def _same(left: Sequence[Token], right: Sequence[Token]) -> bool:
    return [token.name for token in left] == [token.name for token in right]


def _plain(name: Token) -> str:
    """The name as rows have it."""
    return fold_name(name.text[1:-1].replace('""', '"') if name.kind is TokenKind.QUOTED else name.text)


def _written(column: Sequence[Token]) -> str:
    return "".join(token.text for token in column)

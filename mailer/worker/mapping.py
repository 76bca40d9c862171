"""A definition's mapping query: asked for one recipient at a time, or, with `mapping_batch`, for many at once."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

import anyio

from mailer.errors import QueryFailed
from mailer.model.automation import Dbio
from mailer.model.batched_query import BATCH_KEYS, KEY_BINDS, BatchedQuery, batched_query
from mailer.model.clock import Clock
from mailer.model.row import Row, Value, fold_name
from mailer.sources.binds import MAPPING_EXTRAS, BindPlan, resolve_binds
from mailer.sources.source import Source

FRESH_SECONDS = 60.0
"""For how long an answer waits for its mail; past it, its recipient is asked for anew."""
_NUMBERS = range(-(2**63), 2**63)
"""Those that SQLite keeps as numbers, and Oracle compares by every digit."""

OnFault = Callable[[str], Awaitable[object]]
"""Is told why recipients are asked for one by one from here on."""


class MappingQuery:
    """The query of one definition, its binds resolved."""

    def __init__(self, source: Source, dbio: Dbio, query: str, binds: BindPlan, batch: BatchedQuery | None) -> None:
        self._source = source
        self._query = query
        self._binds = binds
        self._batch = batch
        self.key = fold_name(dbio.key)
        self.is_batched = batch is not None
        """Until a batch shows that it can't be."""

    async def ask(self, row: Row, job_id: int) -> Sequence[Row]:
        """What it returns for one target row. Raises QueryFailed, SourceAway."""
        return await self._source.read(self._query, self._binds.bind(row, {"JOB_ID": job_id}))

    async def ask_for(self, keys: Sequence[Value]) -> dict[Value, list[Row]]:
        """What it returns for each of these keys, which `in_slices` has put together.

        Raises SourceAway, and QueryFailed also where it is not certain whose a row is.
        """
        if self._batch is None:
            raise TypeError("the definition asks for one recipient at a time")
        padded = [*keys, *[keys[0]] * (BATCH_KEYS - len(keys))]
        rows = await self._source.read(self._batch.sql, dict(zip(KEY_BINDS, padded, strict=True)))
        found: dict[Value, list[Row]] = {key: [] for key in keys}
        for row in rows:
            value = row.get(self._batch.column)
            # 7 and '7', or 'A' and 'a': the database takes them for equal here, and would so for others.
            if type(value) is not type(keys[0]) or value not in found:
                raise QueryFailed(
                    f"the mapping query's {self._batch.column} is equal to the key, but of another type or spelling",
                    "Convert the key in the target query, as with CAST, or leave mapping_batch out.",
                )
            found[value].append(row)
        return found


class MappedAhead:
    """Answers for target rows that come in about this order: the first of a slice asks for all of it."""

    def __init__(self, query: MappingQuery, rows: Sequence[Row], clock: Clock, on_fault: OnFault) -> None:
        self._query = query
        self._clock = clock
        self._on_fault = on_fault
        slices = in_slices(row[query.key] for row in rows)
        self._to_ask: dict[Value, Sequence[Value]] = {key: keys for keys in slices for key in keys}
        self._asking = anyio.Lock(fast_acquire=True)
        self._found: dict[Value, tuple[float, list[Row]]] = {}

    async def rows_of(self, row: Row) -> Sequence[Row] | None:
        """What the mapping query returns for it; None: ask for it alone. Raises SourceAway."""
        key = row[self._query.key]
        if not is_exact(key):
            return None
        if key in self._to_ask:
            async with self._asking:
                if key in self._to_ask:
                    await self._ask_for(self._to_ask[key])
        asked_at, rows = self._found.pop(key, (float("-inf"), []))
        return rows if self._clock.monotonic() - asked_at < FRESH_SECONDS else None

    async def _ask_for(self, keys: Sequence[Value]) -> None:
        try:
            if self._query.is_batched and len(keys) > 1:
                asked_at = self._clock.monotonic()
                found = await self._query.ask_for(keys)
                self._found.update((key, (asked_at, rows)) for key, rows in found.items())
        except QueryFailed as fault:
            self._query.is_batched = False
            await self._on_fault(f"mapping_batch does not work here: {fault}")
        finally:
            for key in keys:
                del self._to_ask[key]


async def make_mapping(dbio: Dbio, source: Source, columns: Sequence[str]) -> MappingQuery | None:
    """For target rows of these columns; None where there is no mapping query. Raises QueryFailed, SourceAway."""
    if dbio.mapping is None:
        return None
    names = await source.bind_names(dbio.mapping)
    binds = resolve_binds(names, columns, dbio.key, MAPPING_EXTRAS)
    batch = await _make_batch(dbio, dbio.mapping, source, binds) if dbio.mapping_batch else None
    return MappingQuery(source, dbio, dbio.mapping, binds, batch)


async def _make_batch(dbio: Dbio, query: str, source: Source, binds: BindPlan) -> BatchedQuery:
    try:
        batch = batched_query(query)
    except ValueError as error:
        raise QueryFailed(f"mapping_batch: {error}") from None
    asked = [(fold_name(bind), column) for bind, column in binds.from_row]
    if asked != [(fold_name(batch.bind), fold_name(dbio.key))]:
        raise QueryFailed(
            f"mapping_batch: the mapping query asks by :{batch.bind}, and not by the key {dbio.key}",
            "Compare the key's column, or leave mapping_batch out.",
        )
    returned = await source.columns(batch.sql, dict.fromkeys(KEY_BINDS))
    if returned.count(batch.column) != 1:
        raise QueryFailed(
            f"mapping_batch: the mapping query does not return one column {batch.column}: {', '.join(returned)}",
            "Give the column that it compares with the key a name of its own, by AS.",
        )
    return batch


def in_slices(keys: Iterable[Value]) -> Iterator[Sequence[Value]]:
    """The keys that can be asked for together, in their order. The others, and repeated ones, are in no slice.

    A slice holds keys of one type, and no two that some collation takes for equal: a row is one key's, or no key's.
    """
    taken: dict[Value, Value] = {}
    seen = set[tuple[type, Value]]()
    for key in keys:
        if not is_exact(key) or (type(key), key) in seen:
            continue
        seen.add((type(key), key))
        if len(taken) == BATCH_KEYS or (taken and type(key) is not type(next(iter(taken)))):
            yield tuple(taken.values())
            taken = {}
        taken.setdefault(_loosely(key), key)
    if taken:
        yield tuple(taken.values())


def is_exact(key: Value) -> bool:
    """Whether what databases call equal can be told from it: a whole number, or a text that has no accents."""
    if type(key) is int:
        return key in _NUMBERS
    return type(key) is str and key.isascii()


def _loosely(key: Value) -> Value:
    """What is left of a key where case, blanks and signs don't count."""
    return "".join(filter(str.isalnum, key)).lower() if isinstance(key, str) else key

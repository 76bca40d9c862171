"""What the driver asks: its TTC messages parsed into values. Parsing has no effects, so a part may be parsed again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from .values import LOBS, OracleType
from .wire import Reader

_FUNCTION, _PIGGYBACK, _PROTOCOL, _DATA_TYPES, _ROW, _LOB_DATA = 3, 17, 1, 2, 7, 14
_SHORT_VALUE = 32767
LOCATOR_SIZE = 40


class Function(IntEnum):
    REEXECUTE = 4
    FETCH = 5
    LOGOFF = 9
    COMMIT = 14
    ROLLBACK = 15
    REEXECUTE_AND_FETCH = 78
    EXECUTE = 94
    LOB = 96
    CLOSE_CURSORS = 105
    LOGON_PROOF = 115
    LOGON = 118
    END_TO_END = 135
    PING = 147
    CURRENT_SCHEMA = 152


class LobOperation(IntEnum):
    LENGTH = 0x1
    READ = 0x2
    TRIM = 0x20
    WRITE = 0x40
    CREATE_TEMPORARY = 0x110
    CHUNK_SIZE = 0x4000
    IS_OPEN = 0x11000


class Option(IntEnum):
    """Bits of an execution's options."""

    PARSE = 0x01
    BIND = 0x08
    DEFINE = 0x10
    EXECUTE = 0x20
    FETCH = 0x40
    COMMIT = 0x100
    DESCRIBE = 0x20000
    BATCH_ERRORS = 0x80000


@dataclass(frozen=True, slots=True)
class Negotiation:
    """The two messages before the logon: 1 is the protocol, 2 the data types."""

    message: int


@dataclass(frozen=True, slots=True)
class Logon:
    function: Function
    user: str
    pairs: dict[str, str]


@dataclass(frozen=True, slots=True)
class Variable:
    """A bind or a define: its type, its buffer's size in bytes, and its character set form (2 is the national one)."""

    kind: int
    size: int
    is_array: bool
    character_set_form: int

    @property
    def is_long(self) -> bool:
        return self.size > _SHORT_VALUE


@dataclass(frozen=True, slots=True)
class Execute:
    """An execution; `sql` is None where a cursor is executed again. Its bind rows follow: see `bind_row`."""

    options: int
    cursor: int
    sql: str | None
    fetch_rows: int
    executions: int
    variables: tuple[Variable, ...] = ()
    defines: tuple[Variable, ...] = ()
    wants_row_counts: bool = False

    def has(self, option: Option) -> bool:
        return bool(self.options & option)


@dataclass(frozen=True, slots=True)
class Fetch:
    cursor: int
    rows: int


@dataclass(frozen=True, slots=True)
class Simple:
    """Commit, rollback, ping, logoff."""

    function: Function


@dataclass(frozen=True, slots=True)
class LobCall:
    """An operation on a LOB: positions count from 1, amounts in characters (CLOB) or bytes (BLOB)."""

    operation: int
    locator: bytes
    source_offset: int
    destination_offset: int
    has_amount: bool
    amount: int = 0
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class CloseCursors:
    cursors: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class EndToEnd:
    """The tracing attributes that a program has set: client_identifier, module, action, clientinfo, dbop."""

    attributes: dict[str, str]


@dataclass(frozen=True, slots=True)
class CurrentSchema:
    name: str


@dataclass(frozen=True, slots=True)
class FreeLobs:
    locators: tuple[bytes, ...]


Request = Negotiation | Logon | Execute | Fetch | Simple | LobCall | CloseCursors | EndToEnd | CurrentSchema | FreeLobs


def parse(reader: Reader) -> Request:
    """The next message; an Execute's bind rows are left unread.

    Raises MoreNeeded where its end has not arrived, ConnectionError for what is unknown.
    """
    message = reader.byte()
    if message in (_PROTOCOL, _DATA_TYPES):
        reader.raw(len(reader.buffer) - reader.position)
        return Negotiation(message)
    code, _ = reader.byte(), reader.byte()  # the second is a sequence number
    parsers = _PIGGYBACKS if message == _PIGGYBACK else _FUNCTIONS if message == _FUNCTION else {}
    try:
        function = Function(code)
        return parsers[function](reader, function)
    except (ValueError, KeyError):
        raise ConnectionError(f"message {message} with function {code} is unknown") from None


def bind_row(reader: Reader, variables: Sequence[tuple[int, Variable]]) -> dict[int, bytes | None]:
    """One row of bind values by their index, in the order of `variables`. A LOB is its locator."""
    if reader.byte() != _ROW:
        raise ConnectionError("a row of bind values was expected")
    return {at: _value(reader, variable) for at, variable in variables}


def _value(reader: Reader, variable: Variable) -> bytes | None:
    if variable.kind in LOBS:
        return reader.counted_data()
    if variable.kind == OracleType.BOOLEAN:
        size = reader.byte()
        if size == 0xFD:
            reader.byte()
            return None
        return reader.raw(size)
    return reader.data()


def _execute(reader: Reader) -> Execute:
    fields = reader.fields("nn b n b n bb nnn b n bbbbb bn n bbb n b nn b n b bnbnb bn")
    options, cursor, settings, fetch_rows = fields[0], fields[1], fields[5], fields[9]
    variables, has_defines, defines, wants_row_counts = fields[12], fields[18], fields[19], fields[28]
    sql = (reader.data() or b"").decode() if options & Option.PARSE else None
    numbers = reader.numbers(settings)
    executions, is_query = numbers[1], numbers[7]
    described = tuple(_variable(reader) for _ in range(defines if has_defines else variables))
    return Execute(
        options=options,
        cursor=cursor,
        sql=sql,
        fetch_rows=fetch_rows,
        executions=1 if is_query else executions,
        variables=() if has_defines else described,
        defines=described if has_defines else (),
        wants_row_counts=bool(wants_row_counts),
    )


def _reexecute(reader: Reader, function: Function) -> Execute:
    cursor, count, _, flags = reader.numbers(4)
    fetches = function is Function.REEXECUTE_AND_FETCH
    options = Option.EXECUTE | (Option.FETCH if fetches else 0) | (Option.COMMIT if flags & 1 else 0)
    return Execute(options, cursor, None, count, 1 if fetches else count)


def _variable(reader: Reader) -> Variable:
    kind, flags, _, _, size, _, _ = reader.fields("bbbb nnn")
    reader.counted_data()
    _, _, form, _, _ = reader.fields("nn b nn")
    return Variable(kind, size, bool(flags & 0x40), form)


def _logon(reader: Reader, function: Function) -> Logon:
    has_user, _, _, _, count, _, _ = reader.fields("b nn b n bb")
    user = (reader.data() or b"").decode() if has_user else ""
    pairs = {}
    for _ in range(count):
        key, value = reader.counted_data() or b"", reader.counted_data() or b""
        reader.number()
        pairs[key.decode()] = value.decode()
    return Logon(function, user, pairs)


def _lob(reader: Reader) -> LobCall:
    fields = reader.fields("b n b nnn bbb n bb nn b")
    length, operation, source, destination, has_amount = fields[1], fields[9], fields[12], fields[13], fields[14]
    reader.raw(6)
    locator = reader.raw(length)
    data = b""
    if operation == LobOperation.CREATE_TEMPORARY:
        reader.number()
    if operation == LobOperation.WRITE:
        if reader.byte() != _LOB_DATA:
            raise ConnectionError("a LOB's data was expected")
        data = reader.data() or b""
    amount = reader.number() if has_amount else 0
    return LobCall(operation, locator, source, destination, bool(has_amount), amount, data)


def _free_lobs(reader: Reader) -> FreeLobs:
    total = reader.fields("b n b nnn bbb n b nn n b bn bn bn")[1]
    locators = reader.raw(total)
    return FreeLobs(tuple(locators[at : at + LOCATOR_SIZE] for at in range(0, total, LOCATOR_SIZE)))


def _close_cursors(reader: Reader) -> CloseCursors:
    reader.byte()
    return CloseCursors(tuple(reader.numbers(reader.number())))


def _current_schema(reader: Reader) -> CurrentSchema:
    reader.byte()
    return CurrentSchema((reader.counted_data() or b"").decode())


def _end_to_end(reader: Reader) -> EndToEnd:
    lengths = reader.fields("bb n bn bn bn bn bn bn bn bn bn")[4::2]
    named = zip(("client_identifier", "module", "action", "", "", "clientinfo", "", "", "dbop"), lengths, strict=True)
    return EndToEnd({name: (reader.data() or b"").decode() for name, length in named if name and length})


def _simple(_: Reader, function: Function) -> Simple:
    return Simple(function)


_FUNCTIONS: dict[Function, Callable[[Reader, Function], Request]] = {
    Function.LOGON: _logon,
    Function.LOGON_PROOF: _logon,
    Function.EXECUTE: lambda reader, _: _execute(reader),
    Function.REEXECUTE: _reexecute,
    Function.REEXECUTE_AND_FETCH: _reexecute,
    Function.FETCH: lambda reader, _: Fetch(*reader.numbers(2)),
    Function.LOB: lambda reader, _: _lob(reader),
    **dict.fromkeys((Function.COMMIT, Function.ROLLBACK, Function.PING, Function.LOGOFF), _simple),
}
_PIGGYBACKS: dict[Function, Callable[[Reader, Function], Request]] = {
    Function.CLOSE_CURSORS: lambda reader, _: _close_cursors(reader),
    Function.END_TO_END: lambda reader, _: _end_to_end(reader),
    Function.CURRENT_SCHEMA: lambda reader, _: _current_schema(reader),
    Function.LOB: lambda reader, _: _free_lobs(reader),
}

"""Running a PL/SQL block: a walk over its steps, with PostgreSQL to work out the expressions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from .backend import Backend
from .conversions import TEXT, UNKNOWN, Parameters
from .cursors import Cursors
from .errors import OracleError
from .plsql import Assign, Block, Call, ExecuteImmediate, ForEach, If, Null, Raise, Sql, Step, parse_block
from .statements import Kind, translated
from .tokens import Token, oracle_name, replaced, tokenize

Value = tuple[bytes | None, int]
"""A value as PostgreSQL's text, and its type there."""

_NULL: Value = (None, UNKNOWN)
_NUMERIC = 1700
_NO_DATA_FOUND = 1403
_NAMED = {"NO_DATA_FOUND": -_NO_DATA_FOUND, "DUP_VAL_ON_INDEX": -1, "TOO_MANY_ROWS": -1422, "ZERO_DIVIDE": -1476}
_USER_DEFINED = 6510


class _Raised(Exception):
    """A declared exception without a number of Oracle's, on its way to its handler."""

    def __init__(self, name: str) -> None:
        self.name = name


class Blocks:
    """The anonymous blocks of one session. `run_ddl` is told of DDL and of session and transaction control."""

    def __init__(self, backend: Backend, cursors: Cursors, run_command: Callable[[Kind, str], Awaitable[None]]) -> None:
        self._backend = backend
        self._cursors = cursors
        self._run_command = run_command

    async def run(self, text: str, binds: Mapping[str, Value]) -> dict[str, Value]:
        """Runs a block; what it assigned to its binds. One that fails leaves behind only what it committed."""
        block = parse_block(text)
        before = self._backend.transaction_number
        inside = self._backend.in_transaction
        if inside:
            await self._backend.script("SAVEPOINT standin_block")
        run = _Run(self._backend, self._cursors, self._run_command, dict(binds))
        try:
            await run.block(block)
        except (OracleError, _Raised) as error:
            if inside and before == self._backend.transaction_number:
                await self._backend.script("ROLLBACK TO SAVEPOINT standin_block")
            else:
                await self._backend.rollback()
            if isinstance(error, _Raised):
                raise OracleError(_USER_DEFINED, "PL/SQL: unhandled user-defined exception") from error
            raise
        return run.assigned


class _Run:
    """One run of a block, with its variables."""

    def __init__(
        self,
        backend: Backend,
        cursors: Cursors,
        run_command: Callable[[Kind, str], Awaitable[None]],
        binds: dict[str, Value],
    ) -> None:
        self.assigned: dict[str, Value] = {}
        self._backend = backend
        self._cursors = cursors
        self._run_command = run_command
        self._values: dict[str, Value] = {f":{name}": value for name, value in binds.items()}
        self._exceptions: dict[str, int] = dict(_NAMED)
        self._handled: OracleError | _Raised | None = None

    async def block(self, block: Block) -> None:
        self._exceptions |= block.exceptions
        for name, initial in block.variables.items():
            self._values[name] = await self._value(initial) if initial else _NULL
        try:
            await self._steps(block.body)
        except (OracleError, _Raised) as error:
            for names, steps in block.handlers:
                if "OTHERS" in names or any(self._is_named(error, name) for name in names):
                    await self._handle(error, steps)
                    return
            raise

    async def _handle(self, error: OracleError | _Raised, steps: Sequence[Step]) -> None:
        outer, self._handled = self._handled, error
        number = -error.number if isinstance(error, OracleError) else 1
        number = 100 if number == -_NO_DATA_FOUND else number
        self._values["SQLCODE"] = (str(number).encode(), _NUMERIC)
        self._values["SQLERRM"] = (str(error).encode(), TEXT)
        await self._steps(steps)
        self._handled = outer

    def _is_named(self, error: OracleError | _Raised, name: str) -> bool:
        if isinstance(error, _Raised):
            return error.name == name
        return self._exceptions.get(name) == -error.number

    async def _steps(self, steps: Sequence[Step]) -> None:
        for step in steps:
            await self._step(step)

    async def _step(self, step: Step) -> None:
        match step:
            case Null():
                pass
            case Block():
                await self.block(step)
            case Assign(target=target, value=value):
                self._assign(target, await self._value(value))
            case If():
                await self._if(step)
            case ForEach():
                await self._for_each(step)
            case ExecuteImmediate():
                await self._execute_immediate(step)
            case Raise(name=name):
                self._raise(name)
            case Call(name=name, arguments=arguments):
                await self._call(name, arguments)
            case Sql(text=text, into=into):
                await self._sql(text, into)

    async def _if(self, step: If) -> None:
        for condition, steps in step.branches:
            if await self._holds(condition):
                await self._steps(steps)
                return
        await self._steps(step.otherwise)

    async def _for_each(self, step: ForEach) -> None:
        if step.query:
            names, rows = await self._rows(step.query)
            for row in rows:
                self._values |= {f"{step.variable}.{name}": value for name, value in zip(names, row, strict=True)}
                await self._steps(step.body)
            return
        low, high = [int((await self._value(bound))[0] or b"0") for bound in (step.low, step.high)]
        for number in range(low, high + 1):
            self._values[step.variable] = (str(number).encode(), _NUMERIC)
            await self._steps(step.body)

    async def _execute_immediate(self, step: ExecuteImmediate) -> None:
        text = ((await self._value(step.text))[0] or b"").decode()
        using = [await self._value(value) for value in step.using]
        kind = translated(text).kind
        if kind in (Kind.QUERY, Kind.DML):
            await self._sql(text, step.into, using)
        elif kind is Kind.PLSQL:
            await self.block(parse_block(text))
        else:
            await self._run_command(kind, text)

    def _raise(self, name: str) -> None:
        if name:
            number = self._exceptions.get(name, 1)
            raise OracleError(-number) if number < 0 else _Raised(name)
        if self._handled is None:
            raise OracleError(
                6550, "line 1, column 1:\nPLS-00367: a RAISE statement with no exception name must be inside a handler"
            )
        raise self._handled

    async def _call(self, name: str, arguments: Sequence[str]) -> None:
        values = [await self._value(argument) for argument in arguments]
        if name == "RAISE_APPLICATION_ERROR":
            number, text = int(values[0][0] or b"0"), (values[1][0] or b"").decode()
            raise OracleError(-number, f"{text}\nORA-06512: at line 1")
        if name in ("DBMS_SESSION.SLEEP", "DBMS_LOCK.SLEEP"):
            await self._backend.run("SELECT pg_sleep($1::float8)", [values[0][0]], [UNKNOWN])
        elif not name.startswith(("DBMS_OUTPUT.", "DBMS_APPLICATION_INFO.", "DBMS_STATS.")):
            raise OracleError(6550, f"line 1, column 7:\nPLS-00201: identifier '{name}' must be declared")

    async def _sql(self, text: str, into: Sequence[str], using: Sequence[Value] | None = None) -> None:
        statement = translated(text)
        if statement.kind is Kind.DML:
            filled, row = self._filled(text) if using is None else (text, using)
            result = await self._cursors.run_dml(translated(filled), _parameters(row))
            self._values["SQL%ROWCOUNT"] = (str(result.command_tuples or 0).encode(), _NUMERIC)
        elif statement.kind is Kind.QUERY:
            _, rows = await self._rows(text, using)
            if len(rows) != 1:
                raise (
                    OracleError(1422, "exact fetch returns more than requested number of rows")
                    if rows
                    else OracleError(1403)
                )
            for name, value in zip(into, rows[0], strict=True):
                self._assign(name, value)
        else:
            await self._run_command(statement.kind, text)

    async def _rows(self, text: str, using: Sequence[Value] | None = None) -> tuple[list[str], list[list[Value]]]:
        filled, row = self._filled(text) if using is None else (text, using)
        rows = await self._cursors.run_query(translated(filled), _parameters(row))
        shape = rows.shape
        names = [oracle_name((shape.fname(at) or b"").decode()) for at in range(shape.nfields)]
        types = [shape.ftype(at) for at in range(shape.nfields)]
        taken, _ = await rows.take(100_000)
        return names, [list(zip(values, types, strict=True)) for values in taken]

    async def _value(self, expression: str) -> Value:
        _, rows = await self._rows(f"SELECT {expression} FROM DUAL")
        return rows[0][0]

    async def _holds(self, condition: str) -> bool:
        value, _ = await self._value(f"CASE WHEN {condition} THEN 1 ELSE 0 END")
        return value == b"1"

    def _assign(self, target: str, value: Value) -> None:
        if target not in self._values:
            raise OracleError(6550, f"line 1, column 7:\nPLS-00201: identifier '{target}' must be declared")
        self._values[target] = value
        if target.startswith(":"):
            self.assigned[target[1:]] = value

    def _filled(self, text: str) -> tuple[str, list[Value]]:
        """The text with its variables as binds, and their values in the binds' order."""
        tokens = tokenize(text)
        changes: list[tuple[Token, str]] = []
        values: list[Value] = []
        at = 0
        while at < len(tokens):
            width, name = next(
                (width, name)
                for width in (3, 1)
                if (name := "".join(token.upper for token in tokens[at : at + width])) in self._values or width == 1
            )
            is_column = at and tokens[at - 1].text == "."
            if name in self._values and not is_column:
                changes += [(tokens[at], f":V{len(values)}"), *((token, "") for token in tokens[at + 1 : at + width])]
                values.append(self._values[name])
            at += width if name in self._values else 1
        return replaced(text, changes), values


def _parameters(row: Sequence[Value]) -> Parameters:
    return Parameters(([value for value, _ in row],), tuple(number for _, number in row))

"""PL/SQL as far as migrations and tests need it: parsed into blocks and statements, expressions left as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .errors import OracleError, unsupported
from .tokens import Token, closing, find, source, split, tokenize


@dataclass(frozen=True, slots=True)
class Null:
    pass


@dataclass(frozen=True, slots=True)
class Assign:
    """`target` is a variable's name, `:BIND`, or `:NEW.COLUMN`."""

    target: str
    value: str


@dataclass(frozen=True, slots=True)
class If:
    branches: tuple[tuple[str, tuple[Step, ...]], ...]
    otherwise: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class ForEach:
    """A loop over a query's rows (`query`), or over whole numbers from `low` to `high`."""

    variable: str
    body: tuple[Step, ...]
    query: str = ""
    low: str = ""
    high: str = ""


@dataclass(frozen=True, slots=True)
class ExecuteImmediate:
    text: str
    into: tuple[str, ...]
    using: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Raise:
    """RAISE of a declared exception, or of the one being handled ("")."""

    name: str


@dataclass(frozen=True, slots=True)
class Call:
    name: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sql:
    """A statement of SQL; `into` has the variables of a SELECT … INTO."""

    text: str
    into: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    variables: dict[str, str] = field(default_factory=dict)
    """Initial values by name, "" for NULL."""
    exceptions: dict[str, int] = field(default_factory=dict)
    """The numbers of declared exceptions by name, as PRAGMA EXCEPTION_INIT gives them."""
    body: tuple[Step, ...] = ()
    handlers: tuple[tuple[frozenset[str], tuple[Step, ...]], ...] = ()


Step = Null | Assign | If | ForEach | ExecuteImmediate | Raise | Call | Sql | Block


def parse_block(text: str) -> Block:
    """An anonymous block. Raises ORA-06550 for what is no PL/SQL, or says what the stand-in does not know of it."""
    parser = _Parser(text, tokenize(text))
    block = parser.block()
    parser.expect_end()
    return block


class _Parser:
    def __init__(self, text: str, tokens: Sequence[Token]) -> None:
        self._text = text
        self._tokens = tokens
        self._at = 0

    def expect_end(self) -> None:
        if self._at != len(self._tokens):
            raise self._unexpected()

    def block(self) -> Block:
        variables: dict[str, str] = {}
        exceptions: dict[str, int] = {}
        if self._take("DECLARE"):
            while not self._is("BEGIN"):
                self._declaration(variables, exceptions)
        self._require("BEGIN")
        body = self._steps("END", "EXCEPTION")
        handlers = []
        if self._take("EXCEPTION"):
            while self._take("WHEN"):
                names = {token.upper for token in self._until("THEN") if not token.is_word("OR")}
                handlers.append((frozenset(names), self._steps("WHEN", "END")))
        self._require("END")
        while not self._take(";"):
            self._next()  # the block's name
        return Block(variables, exceptions, body, tuple(handlers))

    def _declaration(self, variables: dict[str, str], exceptions: dict[str, int]) -> None:
        declared = self._until(";")
        name = declared[0].upper
        if name == "PRAGMA":
            if declared[1].upper != "EXCEPTION_INIT":
                raise unsupported(f"PRAGMA {declared[1].text}")
            number = "".join(token.text for token in declared[5:-1])
            exceptions[declared[3].upper] = int(number)
        elif len(declared) > 1 and declared[1].is_word("EXCEPTION"):
            exceptions.setdefault(name, 1)
        elif len(declared) > 1 and declared[0].is_word("CURSOR", "TYPE", "PROCEDURE", "FUNCTION"):
            raise unsupported(f"declarations of a {declared[0].text}")
        else:
            value = next(
                (at for at, token in enumerate(declared) if token.text == ":=" or token.is_word("DEFAULT")), None
            )
            variables[name] = "" if value is None else source(self._text, declared[value + 1 :])

    def _steps(self, *ends: str) -> tuple[Step, ...]:
        steps = []
        while not self._is(*ends):
            steps.append(self._step())
        return tuple(steps)

    def _step(self) -> Step:
        if self._is("BEGIN", "DECLARE"):
            return self.block()
        if self._take("IF"):
            return self._if()
        if self._take("FOR"):
            return self._for()
        if self._is("LOOP", "WHILE", "CASE", "OPEN", "FETCH", "FORALL", "EXIT", "GOTO"):
            raise unsupported(f"PL/SQL's {self._tokens[self._at].upper}")
        return self._simple(self._until(";"))

    def _simple(self, tokens: Sequence[Token]) -> Step:
        if not tokens:
            raise self._unexpected()
        first = tokens[0]
        assigned = find(tokens, ":=")
        if first.is_word("NULL"):
            return Null()
        if first.is_word("RAISE"):
            return Raise(tokens[1].upper if len(tokens) > 1 else "")
        if assigned is not None:
            target = "".join(token.upper for token in tokens[:assigned]).replace(": ", ":").upper()
            return Assign(target, source(self._text, tokens[assigned + 1 :]))
        if first.is_word("EXECUTE"):
            return self._execute_immediate(tokens[2:])
        if first.is_word("SELECT"):
            return self._select_into(tokens)
        if first.is_word("INSERT", "UPDATE", "DELETE", "MERGE", "COMMIT", "ROLLBACK", "SAVEPOINT", "LOCK", "SET"):
            return Sql(source(self._text, tokens))
        opening = find(tokens, "(")
        name = "".join(token.upper for token in tokens[:opening])
        arguments = [] if opening is None else split(tokens[opening + 1 : closing(tokens, opening)])
        return Call(name, tuple(source(self._text, argument) for argument in arguments if argument))

    def _execute_immediate(self, tokens: Sequence[Token]) -> ExecuteImmediate:
        parts: dict[str, list[Token]] = {"": []}
        part = ""
        depth = 0
        for token in tokens:
            depth += (token.text == "(") - (token.text == ")")
            if depth == 0 and token.is_word("INTO", "USING"):
                part = token.upper
                parts[part] = []
            else:
                parts[part].append(token)
        using = tuple(source(self._text, run) for run in split(parts.get("USING", [])) if run)
        into = tuple(token.upper for token in parts.get("INTO", []) if token.text != ",")
        return ExecuteImmediate(source(self._text, parts[""]), into, using)

    def _select_into(self, tokens: Sequence[Token]) -> Sql:
        into, end = find(tokens, "INTO"), find(tokens, "FROM")
        if into is None or end is None or end < into:
            raise OracleError(6550, "line 1, column 1:\nPLS-00428: an INTO clause is expected in this SELECT statement")
        targets = tuple(token.upper for token in tokens[into + 1 : end] if token.text != ",")
        return Sql(f"{source(self._text, tokens[:into])} {source(self._text, tokens[end:])}", targets)

    def _if(self) -> If:
        branches = [(source(self._text, self._until("THEN")), self._steps("ELSIF", "ELSE", "END"))]
        while self._take("ELSIF"):
            branches.append((source(self._text, self._until("THEN")), self._steps("ELSIF", "ELSE", "END")))
        otherwise = self._steps("END") if self._take("ELSE") else ()
        self._require("END", "IF", ";")
        return If(tuple(branches), otherwise)

    def _for(self) -> ForEach:
        variable = self._next().upper
        self._require("IN")
        over = self._until("LOOP")
        body = self._steps("END")
        self._require("END", "LOOP", ";")
        bounds = next((at for at, token in enumerate(over) if token.text == ".."), None)
        if bounds is not None:
            low, high = source(self._text, over[:bounds]), source(self._text, over[bounds + 1 :])
            return ForEach(variable, body, low=low, high=high)
        return ForEach(variable, body, query=source(self._text, over[1:-1]))

    def _is(self, *words: str) -> bool:
        if self._at >= len(self._tokens):
            raise self._unexpected()
        return self._tokens[self._at].upper in words

    def _take(self, word: str) -> bool:
        taken = self._is(word)
        self._at += taken
        return taken

    def _require(self, *words: str) -> None:
        for word in words:
            if not self._take(word):
                raise self._unexpected()

    def _next(self) -> Token:
        if self._at >= len(self._tokens):
            raise self._unexpected()
        self._at += 1
        return self._tokens[self._at - 1]

    def _until(self, word: str) -> Sequence[Token]:
        """The tokens in front of this word outside of parentheses; both are taken."""
        end = find(self._tokens, word, start=self._at)
        if end is None:
            raise self._unexpected()
        tokens = self._tokens[self._at : end]
        self._at = end + 1
        return tokens

    def _unexpected(self) -> OracleError:
        symbol = self._tokens[self._at].text if self._at < len(self._tokens) else "end-of-file"
        return OracleError(6550, f'line 1, column 1:\nPLS-00103: Encountered the symbol "{symbol}"')

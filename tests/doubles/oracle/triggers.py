"""CREATE TRIGGER: its body as a function of PostgreSQL's. It may check, set columns, refuse, write rows elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from .errors import OracleError, application_sqlstate, unsupported
from .expressions import expression
from .plsql import Assign, Block, Call, If, Null, Sql, Step, parse_block
from .statements import translated
from .tokens import Token, closing, find, named, oracle_name, quoted, replaced, source, string_literal, tokenize

_OPERATIONS = {"INSERTING": "INSERT", "UPDATING": "UPDATE", "DELETING": "DELETE"}


def trigger_script(text: str, schema: str) -> str:
    """CREATE [OR REPLACE] TRIGGER as PostgreSQL's function and trigger."""
    tokens = tokenize(text)
    at = (find(tokens, "TRIGGER") or 0) + 1
    name = tokens[at + 2] if tokens[at + 1].text == "." else tokens[at]
    start, on = find(tokens, "DECLARE", "BEGIN"), find(tokens, "ON")
    if on is None or start is None:
        raise OracleError(4071, "missing BEFORE, AFTER or INSTEAD OF keyword")
    table_end = on + (4 if tokens[on + 2].text == "." else 2)
    table = ".".join(quoted(token) for token in tokens[on + 1 : table_end] if token.text != ".")
    head = tokens[table_end:start]
    when = find(head, "WHEN")
    condition = ""
    if when is not None:
        end = closing(head, when + 1)
        condition = f" WHEN ({expression(_records(source(text, head[when + 2 : end])))})"
    shown = f"{oracle_name(schema)}.{named(name)}"
    body = _body(parse_block(text[tokens[start].start :]), shown)
    function = f'"trigger {quoted(name)[1:-1]}"'
    each = "ROW" if find(head, "FOR") is not None else "STATEMENT"
    returned = "RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;" if each == "ROW" else "RETURN NULL;"
    timing = " ".join(_written(token) for token in tokens[at + (3 if tokens[at + 1].text == "." else 1) : on])
    return (
        f"CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql"
        f" AS $body$ BEGIN {body} {returned} END $body$;"
        f" CREATE OR REPLACE TRIGGER {quoted(name)} {timing} ON {table} FOR EACH {each}{condition}"
        f" EXECUTE FUNCTION {function}()"
    )


def drop_trigger_script(name: Token) -> str:
    return f'DROP FUNCTION "trigger {quoted(name)[1:-1]}" CASCADE'


def _written(token: Token) -> str:
    is_keyword = token.is_word("BEFORE", "AFTER", "INSTEAD", "OF", "INSERT", "UPDATE", "DELETE", "OR")
    return token.text if is_keyword or token.kind == "symbol" else quoted(token)


def _body(block: Block, trigger: str) -> str:
    if block.handlers:
        raise unsupported("exception handlers in triggers")
    if block.variables:
        raise unsupported("variables in triggers")
    return _steps(block.body, trigger)


def _steps(steps: Sequence[Step], trigger: str) -> str:
    return " ".join(_step(step, trigger) for step in steps)


def _step(step: Step, trigger: str) -> str:
    match step:
        case Null():
            return "NULL;"
        case Block():
            return f"BEGIN {_body(step, trigger)} END;"
        case Assign(target=target, value=value) if target.startswith(":NEW."):
            column = quoted(tokenize(target[5:])[0])
            return f"NEW.{column} := {expression(_records(value))};"
        case If(branches=branches, otherwise=otherwise):
            parts = [f"IF {expression(_records(test))} THEN {_steps(then, trigger)}" for test, then in branches]
            end = f" ELSE {_steps(otherwise, trigger)}" if otherwise else ""
            return " ELS".join(parts) + end + " END IF;"
        case Call(name="RAISE_APPLICATION_ERROR", arguments=(number, text, *_)):
            at = f"\nORA-06512: at \"{trigger}\", line 1\nORA-04088: error during execution of trigger '{trigger}'"
            message = f"{expression(_records(text))} || {string_literal(at)}"
            return f"RAISE EXCEPTION USING ERRCODE = '{application_sqlstate(int(number))}', MESSAGE = {message};"
        case Sql(text=text, into=()):
            return translated(_records(text)).postgres + ";"
    raise unsupported(f"{type(step).__name__} in triggers")


def _records(text: str) -> str:
    """`:NEW.c` as a column of a table called NEW, which PostgreSQL's NEW is; UPDATING as a test of the operation."""
    changes = []
    for token in tokenize(text):
        if token.kind == "bind" and token.bind_name in ("NEW", "OLD"):
            changes.append((token, token.bind_name))
        elif token.is_word(*_OPERATIONS):
            changes.append((token, f"(TG_OP = '{_OPERATIONS[token.upper]}')"))
    return replaced(text, changes)

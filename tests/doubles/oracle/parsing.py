"""sqlglot's Oracle dialect, with the functions left as they are written.

sqlglot turns TO_CHAR, SUBSTR, TRUNC and their like into its own notion of them, and loses Oracle's meaning on the way
(negative positions, formats, numbers against dates). Here they stay calls by name, and `support.sql` has functions of
those names.
"""

from __future__ import annotations

import logging

import sqlglot
from sqlglot import exp
from sqlglot.dialects.oracle import Oracle
from sqlglot.errors import SqlglotError
from sqlglot.parsers.oracle import OracleParser

from .errors import OracleError, unsupported
from .tokens import word_set

logging.getLogger("sqlglot").setLevel(logging.CRITICAL)  # what it can't translate is refused here, not logged

_LEFT_ALONE = word_set(
    """ADD_MONTHS CONCAT INSTR LAST_DAY LENGTH MOD MONTHS_BETWEEN REGEXP_COUNT REGEXP_INSTR REGEXP_REPLACE REGEXP_SUBSTR
    REPLACE SUBSTR TO_CHAR TO_DATE TO_NUMBER TO_TIMESTAMP TO_TIMESTAMP_TZ TRANSLATE TRUNC LPAD RPAD"""
)


class WrittenOracle(Oracle):
    """Oracle's dialect, its scalar functions unchanged."""

    class Parser(OracleParser):
        FUNCTIONS = {name: build for name, build in OracleParser.FUNCTIONS.items() if name not in _LEFT_ALONE}  # noqa: RUF012 - sqlglot's own form
        FUNCTION_PARSERS = {  # noqa: RUF012 - sqlglot's own form
            name: parse for name, parse in OracleParser.FUNCTION_PARSERS.items() if name not in _LEFT_ALONE
        }


def parse(text: str) -> exp.Expr:
    """The statement as a tree. Raises ORA-00900 for what is no SQL, and says so of what sqlglot does not know."""
    try:
        tree = sqlglot.parse_one(text, read=WrittenOracle)
    except SqlglotError as error:
        raise OracleError(900, f"invalid SQL statement ({str(error).splitlines()[0]})") from error
    if isinstance(tree, exp.Command | exp.MultitableInserts):
        raise unsupported(f"statements like {text[:40]!r}")
    return tree

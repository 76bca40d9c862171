"""A script as SQL*Plus, SQLcl and Flyway read it, taken apart into what the driver runs."""

import re

_PIECE = re.compile(
    r"""'[^']*' | "[^"]*"            # a text, a quoted name: nothing ends inside
      | --[^\n]* | /\*.*?\*/         # a comment
      | (?P<end>;)
      | ^[ \t]*(?P<slash>/)[ \t]*$   # alone on its line: the end of PL/SQL
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
_HEAD = re.compile(r"(?:\s+|--[^\n]*(?:\n|$)|/\*.*?\*/)*", re.DOTALL)
_BLOCK = re.compile(
    r"(?:BEGIN|DECLARE|CREATE\s+(?:OR\s+REPLACE\s+)?(?:(?:NON)?EDITIONABLE\s+)?"
    r"(?:TRIGGER|FUNCTION|PROCEDURE|PACKAGE|TYPE))\b",
    re.IGNORECASE,
)


def split_script(script: str) -> list[str]:
    """The statements, without what only ends them: `;` of SQL, the line `/` of PL/SQL, which keeps its own `;`."""
    statements = []
    start = _after_head(script, 0)
    for piece in _PIECE.finditer(script):
        if piece.start() < start:
            continue
        is_block = _BLOCK.match(script, start) is not None
        if piece["slash"] or (piece["end"] and not is_block):
            statements.append(script[start : piece.start()].rstrip())
            start = _after_head(script, piece.end())
    statements.append(script[start:].rstrip())
    return [statement for statement in statements if statement]


def _after_head(script: str, start: int) -> int:
    """Where the next statement begins, behind blanks and comments."""
    head = _HEAD.match(script, start)
    return head.end() if head else start

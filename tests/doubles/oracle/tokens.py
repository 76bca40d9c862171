"""Oracle's SQL and PL/SQL as tokens: what must be seen before, or without, a parser."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .errors import OracleError

_TOKEN = re.compile(
    r"""
    (?P<space>\s+|--[^\n]*|/\*.*?\*/)
  | (?P<string>[nN]?[qQ]'(?:\[.*?\]'|\{.*?\}'|<.*?>'|\(.*?\)'|(?P<mark>[^\[{<(\s]).*?(?P=mark)')|[nN]?'(?:[^']|'')*')
  | (?P<name>"[^"]*")
  | (?P<bind>:\s*(?:"[^"]+"|\w[\w$\#]*))
  | (?P<word>[^\W\d][\w$\#]*)
  | (?P<number>\d+(?:\.(?!\.)\d*)?(?:[eE][+-]?\d+)?|\.\d+)
  | (?P<symbol>:=|\|\||<=|>=|<>|==|!=|\^=|=>|\.\.|<<|>>|::|.)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    """One token; `upper` is its text in upper case if it is a bare word or a bind, else the text itself."""

    kind: str
    text: str
    start: int
    end: int

    @property
    def upper(self) -> str:
        if self.kind == "bind":
            return f":{self.bind_name}"
        return self.text.upper() if self.kind == "word" else self.text

    def is_word(self, *words: str) -> bool:
        return self.kind == "word" and self.text.upper() in words

    @property
    def bind_name(self) -> str:
        name = self.text[1:].strip()
        return name.strip('"') if name.startswith('"') else name.upper()


def word_set(words: str) -> frozenset[str]:
    """The words of a text as a set: how lists of keywords are written."""
    return frozenset(words.split())


def tokenize(text: str) -> list[Token]:
    """All tokens but blanks and comments; hints are comments too."""
    return [
        Token(found.lastgroup if found.lastgroup != "mark" else "string", found[0], found.start(), found.end())
        for found in _TOKEN.finditer(text)
        if found.lastgroup and found.lastgroup != "space"
    ]


def source(text: str, tokens: Sequence[Token]) -> str:
    """The text from the first to the last of these tokens, as it was written."""
    return text[tokens[0].start : tokens[-1].end] if tokens else ""


def find(tokens: Sequence[Token], *words: str, start: int = 0) -> int | None:
    """The index of the first of these words outside of parentheses, from `start` on."""
    depth = 0
    for at in range(start, len(tokens)):
        token = tokens[at]
        if depth == 0 and token.upper in words:
            return at
        depth += (token.text == "(") - (token.text == ")")
    return None


def closing(tokens: Sequence[Token], opening: int) -> int | None:
    """The index of the parenthesis that closes the one at `opening`."""
    depth = 0
    for at in range(opening, len(tokens)):
        depth += (tokens[at].text == "(") - (tokens[at].text == ")")
        if depth == 0:
            return at
    return None


def split(tokens: Sequence[Token], separator: str = ",") -> list[list[Token]]:
    """The runs of tokens between separators outside of parentheses."""
    runs: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += (token.text == "(") - (token.text == ")")
        if depth == 0 and token.text == separator:
            runs.append([])
        else:
            runs[-1].append(token)
    return runs


def replaced(text: str, changes: Iterable[tuple[Token, str]]) -> str:
    """The text with these tokens written differently."""
    parts: list[str] = []
    at = 0
    for token, new in sorted(changes, key=lambda change: change[0].start):
        parts += (text[at : token.start], new)
        at = token.end
    return "".join([*parts, text[at:]])


def string_value(token: Token) -> str:
    """What a string literal says, in any of its forms."""
    text = token.text.lstrip("nN")
    if text[0] in "qQ":
        return text[3:-2]
    return text[1:-1].replace("''", "'")


def string_literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def postgres_name(name: str) -> str:
    """The name in PostgreSQL of an Oracle name: all upper case (unquoted) is lower case there, and the other way."""
    if name == name.upper():
        return name.lower()
    return name.upper() if name == name.lower() else name


def oracle_name(name: str) -> str:
    return postgres_name(name)


def named(token: Token) -> str:
    """The Oracle name that a word or a quoted name stands for."""
    return token.text[1:-1] if token.kind == "name" else token.text.upper()


def quoted(token: Token) -> str:
    """The token as a quoted PostgreSQL identifier."""
    return f'"{postgres_name(named(token))}"'


def object_name(tokens: Sequence[Token], at: int) -> tuple[str, int]:
    """A name with its schema if it has one, quoted; and the index behind it."""
    if at >= len(tokens) or tokens[at].kind not in ("word", "name"):
        raise OracleError(903, "invalid table name")
    if at + 2 < len(tokens) and tokens[at + 1].text == ".":
        return f"{quoted(tokens[at])}.{quoted(tokens[at + 2])}", at + 3
    if tokens[at].is_word("IF") and at + 1 < len(tokens) and tokens[at + 1].is_word("NOT", "EXISTS"):
        raise OracleError(922 if tokens[at + 1].is_word("NOT") else 933)
    return quoted(tokens[at]), at + 1

"""A query cut into tokens, as far as Oracle and SQLite agree on how: what may mean two things is refused."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from mailer.model.row import fold_name


class TokenKind(Enum):
    """What a token is; a SIGN is any other single character."""

    WORD = "word"
    QUOTED = "quoted"
    BIND = "bind"
    TEXT = "text"
    NUMBER = "number"
    SIGN = "sign"


@dataclass(frozen=True, slots=True)
class Token:
    """A token with its place. `depth`: how many parentheses and CASE … END it stands in, its own not counted."""

    kind: TokenKind
    text: str
    start: int
    end: int
    depth: int = 0
    in_subquery: bool = False

    @property
    def name(self) -> str:
        """As a name: the one that rows have for an unquoted word; a quoted one is another than the same word bare."""
        return fold_name(self.text) if self.kind is TokenKind.WORD else self.text

    def is_word(self, *words: str) -> bool:
        """Whether it is one of these words, in any case."""
        return self.kind is TokenKind.WORD and self.name in words

    def is_sign(self, sign: str) -> bool:
        """Whether it is this character."""
        return self.kind is TokenKind.SIGN and self.text == sign


_PIECE = re.compile(
    r"""(?P<blank>[ \t\n\f\v]|\r\n|--[^\n\r]*|/\*.*?\*/)
      | (?P<text>'(?:[^']|'')*')
      | (?P<quoted>"(?:[^"]|"")+")
      | (?P<bind>:\w[\w$\#]*)
      | (?P<number>\d\w*(?:\.\w+)?)
      | (?P<word>[^\W\d][\w$\#]*)
      | (?P<sign>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_DOUBTFUL = frozenset("'\"`[]?@$#:;{}\\\r")
"""Other binds, quotes and ends than those above, or halves of those."""
_QUOTE_MARKS = ("Q", "NQ")
"""Before a text, Oracle's other way to quote: q'[it's]'."""
_BEGIN_OF_QUERY = ("SELECT", "WITH", "VALUES")


def sql_tokens(query: str) -> list[Token]:
    """The tokens in order; comments and blanks are none. Raises ValueError with what can't be understood."""
    flat = list(_flat(query))
    nested: list[Token] = []
    open_ones: list[tuple[str, bool]] = []
    for index, token in enumerate(flat):
        is_name = index > 0 and flat[index - 1].is_sign(".")
        if token.is_sign(")") or (token.is_word("END") and not is_name):
            opener = "(" if token.is_sign(")") else "CASE"
            if not open_ones or open_ones.pop()[0] != opener:
                raise ValueError(f"it has a {token.text} too many")
        in_subquery = bool(open_ones) and open_ones[-1][1]
        nested.append(Token(token.kind, token.text, token.start, token.end, len(open_ones), in_subquery))
        if token.is_sign("("):
            is_query = index + 1 < len(flat) and flat[index + 1].is_word(*_BEGIN_OF_QUERY)
            open_ones.append(("(", in_subquery or is_query))
        elif token.is_word("CASE") and not is_name:
            open_ones.append(("CASE", in_subquery))
    if open_ones:
        raise ValueError(f"it has a {open_ones[-1][0]} without its end")
    return nested


def split_tokens(tokens: Sequence[Token], sign: str) -> list[list[Token]]:
    """The runs between that sign, where it stands outside of all parentheses."""
    runs: list[list[Token]] = [[]]
    for token in tokens:
        if token.depth == 0 and token.is_sign(sign):
            runs.append([])
        else:
            runs[-1].append(token)
    return runs


def _flat(query: str) -> Iterator[Token]:
    text = query.rstrip(" \t\r\n")
    previous: Token | None = None
    for piece in _PIECE.finditer(text):
        if piece.lastgroup is None or piece.lastgroup == "blank":
            continue
        token = Token(TokenKind(piece.lastgroup), piece[0], piece.start(), piece.end())
        if token.kind is TokenKind.SIGN and (token.text in _DOUBTFUL or not token.text.isascii()):
            raise ValueError(f"it has a {token.text!r}, which may mean several things")
        is_quoting = token.kind is TokenKind.TEXT and previous is not None and previous.is_word(*_QUOTE_MARKS)
        if is_quoting and previous is not None and previous.end == token.start:
            raise ValueError(f"it has a text in {previous.text}'…'")
        yield token
        previous = token

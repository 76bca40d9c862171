"""The text part's template, made once out of the HTML template instead of once a mail out of its HTML.

Every $(…) and {% … %} stands as a token in the page while it is turned into text, and is put back where its token
came out. That is right only if all tags keep their order and every variable its block; else there is no such template.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest

from jinja2.lexer import Lexer

from mailer.errors import TemplateFault
from mailer.model.template.environment import BEGIN
from mailer.model.template.html_text import html_lines

_STEPS = {"if": 1, "for": 1, "elif": 0, "else": 0, "endif": -1, "endfor": -1}
_LITERAL = re.compile(r"\$\(|\{%")


@dataclass(frozen=True, slots=True)
class _Piece:
    kind: str
    """data, variable or block."""
    source: str

    @property
    def word(self) -> str:
        """A block's tag: if, for, set."""
        return self.source.removeprefix("{%").split(maxsplit=1)[0]


def text_template(html: str, lexer: Lexer) -> str | None:
    """The template of the text part; None where the page can't be turned into one. `html` has no syntax error."""
    pieces = _pieces(html, lexer)
    opening, closing = islice((mark for mark in map(chr, range(0xE000, 0xF000)) if mark not in html), 2)
    token = re.compile(f"{opening}([0-9]+){closing}")
    page = "".join(
        piece.source if piece.kind == "data" else f"{opening}{place}{closing}" for place, piece in enumerate(pieces)
    )
    try:
        lines = html_lines(page, lambda text: token.sub(lambda found: pieces[int(found[1])].source, text))
    except TemplateFault:
        return None
    order = [int(place) for line in lines for place in token.findall(line)]
    if not _is_faithful(pieces, order):
        return None
    return "".join(_assembled(pieces, [token.split(line) for line in lines]))


def _pieces(html: str, lexer: Lexer) -> list[_Piece]:
    pieces: list[_Piece] = []
    tag: list[str] = []
    for _, token, text in lexer.tokeniter(html, None):
        match token:
            case "data":
                pieces.append(_Piece("data", text))
            case "variable_begin" | "block_begin":
                tag = [text.rstrip("+-")]
            case "variable_end" | "block_end":
                # Blanks that `-` takes away are gone from the data by now; here it would take line breaks of the text.
                pieces.append(_Piece(token.removesuffix("_end"), "".join([*tag, text.strip().lstrip("+-")])))
                tag = []
            case _ if tag:
                tag.append(text)
    return pieces


def _is_faithful(pieces: list[_Piece], order: list[int]) -> bool:
    """Whether the text has the page's tags in their order, and its variables within the same ones."""
    blocks = [place for place, piece in enumerate(pieces) if piece.kind == "block"]
    gone = set(blocks).difference(order)
    there = [place for place in blocks if place not in gone]
    if [place for place in order if pieces[place].kind == "block"] != there or not _may_go(pieces, gone):
        return False
    within = dict(_paths(pieces, [place for place in range(len(pieces)) if place not in gone]))
    return all(within[place] == path for place, path in _paths(pieces, order))


def _may_go(pieces: list[_Piece], gone: set[int]) -> bool:
    """Whether the blocks that did not come out are whole and were all within one element's tag, or one style sheet."""
    depth = 0
    for place, piece in enumerate(pieces):
        if place in gone:
            step = _STEPS.get(piece.word)
            if step is None or (depth == 0 and step != 1):
                return False
            depth += step
        elif depth and (piece.kind == "block" or "<" in piece.source or ">" in piece.source):
            return False
    return depth == 0


def _paths(pieces: list[_Piece], order: Iterable[int]) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Each variable with the branches that are open around it, and the last {% set %} before it."""
    opened: list[int] = []
    last_set = 0
    for place in order:
        piece = pieces[place]
        if piece.kind == "variable":
            yield place, (last_set, *opened)
        elif piece.kind == "block":
            step = _STEPS.get(piece.word)
            if step is None:
                last_set = place
            elif step == 1:
                opened.append(place)
            elif step == 0:
                opened[-1] = place
            else:
                opened.pop()


def _assembled(pieces: list[_Piece], lines: list[list[str]]) -> Iterator[str]:
    """The lines with their tags put back. A line of blocks alone leaves none; blank ones don't pile up."""
    blank = True
    began: list[bool] = []
    for line in lines:
        texts, tags = line[::2], [pieces[int(place)] for place in line[1::2]]
        if _needs_no_line(texts, tags, began):
            yield "".join(tag.source for tag in tags)
        elif tags or texts[0] or not blank:
            yield "".join(_interleaved(texts, tags)) + "\n"
            blank = not tags and not texts[0]


def _needs_no_line(texts: list[str], tags: list[_Piece], began: list[bool]) -> bool:
    """Whether a line holds blocks alone, and none that opened within a line: what stood before it would go on here.

    `began` tells of each open block whether it began a line, and is kept up to date.
    """
    at_start = no_line = bool(tags)
    for text, tag in zip(texts, tags, strict=False):
        at_start = at_start and not text.strip() and tag.kind == "block"
        step = _STEPS.get(tag.word) if tag.kind == "block" else None
        if step == 1:
            began.append(at_start)
        elif step is not None:
            no_line = no_line and (began.pop() if step == -1 else began[-1])
    return no_line and at_start and not texts[-1].strip()


def _interleaved(texts: Sequence[str], tags: Sequence[_Piece]) -> Iterator[str]:
    for text, tag in zip_longest(texts, tags):
        yield _LITERAL.sub(lambda found: f"{BEGIN}'{found[0]}')", text)
        if tag is not None:
            yield tag.source

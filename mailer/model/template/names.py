"""How a name of a template finds its column: one fold for both, and the names that are mailer's own."""

from unicodedata import normalize

ROW = "ROW"
"""The recipient's whole row, for names that are no identifiers: ROW["CUST#NO"]."""
ROWS = "ROWS"
"""All rows of the mapping query; always a list."""
LOOP = "loop"
"""Inside a loop, the loop itself: loop.index, loop.last."""


def fold(name: str) -> str:
    """The name as rows spell it: NFC and upper case, so that a column is found however it was typed."""
    return name.upper() if name.isascii() else normalize("NFC", normalize("NFC", name).upper())

"""Text from outside (an answer, an error, an event) as every database can keep it."""


def storable(text: str, limit: int) -> str:
    """At most `limit` characters: without NUL, and with U+FFFD for half of a surrogate pair, which can't be encoded."""
    kept = text.replace("\0", "")[:limit]
    return kept if kept.isascii() else kept.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def maybe_storable(text: str | None, limit: int) -> str | None:
    """The same of what may be missing."""
    return None if text is None else storable(text, limit)

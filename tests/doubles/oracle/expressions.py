"""Bare expressions, as defaults, checks, indexes and triggers have them."""

from __future__ import annotations

import re

from .parsing import parse
from .rewriting import rewritten
from .strict_text import check_tokens
from .tokens import tokenize


def expression(text: str) -> str:
    """The expression in PostgreSQL's SQL."""
    check_tokens(tokenize(text))
    text = re.sub(r"\bIS\s+JSON\s+(?:STRICT|LAX)\b", "IS JSON", text, flags=re.IGNORECASE)
    return rewritten(parse(f"SELECT {text} FROM dual"), {}).removeprefix("SELECT ").removesuffix(' FROM "dual"')

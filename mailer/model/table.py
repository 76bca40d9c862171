"""Reading a table of TOML or JSON that a person wrote, key by key: every fault is noted, none ends the reading."""

from collections.abc import Mapping
from datetime import timedelta
from difflib import get_close_matches
from enum import StrEnum
from typing import TypeVar

from mailer.model.duration import parse_duration

Choice = TypeVar("Choice", bound=StrEnum)

_MOST_UNKNOWN = 20
"""Unknown keys of one table that are named; a file that has more is another kind of file."""


class Table:
    """One table. `path` is what people call it: 'dbio', 'schedule 2', '' for the file; `faults` takes a line for each.

    A value that is missing or wrong reads as its default, or as nothing, so that the rest can still be looked at.
    """

    def __init__(self, path: str, values: object, faults: list[str]) -> None:
        self.path = path
        self.faults = faults
        self._known: list[str] = []
        self._values: Mapping[str, object] = {}
        if isinstance(values, Mapping):
            self._values = values
        else:
            faults.append(f"{path or 'the whole'}: must be a table, not {quoted(values)}")

    def fault(self, key: str, sentence: str) -> None:
        """Notes that the value of `key` is wrong."""
        path = f"{self.path}." if self.path else ""
        self.faults.append(f"{path}{quoted_key(key)}: {sentence}")

    def value(self, key: str) -> object:
        """The value as it is; None where there is none."""
        self._known.append(key)
        return self._values.get(key)

    def text(self, key: str) -> str | None:
        """A text that isn't blank."""
        value = self.value(key)
        if value is None:
            return None
        if not isinstance(value, str):
            self.fault(key, f"must be a text in quotes, not {quoted(value)}")
        elif not value.strip():
            self.fault(key, "is blank")
        elif "\0" in value:
            self.fault(key, "holds a NUL character")
        else:
            return value
        return None

    def needed_text(self, key: str) -> str:
        """As `text`; '' where there is none, which is a fault."""
        if key not in self._values:
            self._known.append(key)
            self.fault(key, "is needed")
            return ""
        return self.text(key) or ""

    def texts(self, key: str) -> tuple[str, ...]:
        """A text, or a list of texts."""
        value = self.value(key)
        items = [value] if isinstance(value, str) else value
        if items is None:
            return ()
        if isinstance(items, list) and all(isinstance(item, str) and item.strip() for item in items):
            return tuple(items)
        self.fault(key, f"must be a text or a list of texts, not {quoted(value)}")
        return ()

    def items(self, key: str, example: str) -> list[object]:
        """A list of anything."""
        value = self.value(key)
        if value is None or isinstance(value, list):
            return value or []
        self.fault(key, f"must be a list, as in {key} = {example}, not {quoted(value)}")
        return []

    def pairs(self, key: str) -> tuple[tuple[str, str], ...]:
        """A table of texts, in its order."""
        value = self.value(key)
        if value is None:
            return ()
        if isinstance(value, Mapping) and all(isinstance(item, str) for item in value.values()):
            return tuple(value.items())
        self.fault(key, f"must be a table of texts, not {quoted(value)}")
        return ()

    def integer(self, key: str, default: int, lowest: int, highest: int) -> int:
        """A whole number between `lowest` and `highest`."""
        value = self.value(key)
        if value is None:
            return default
        # True is an int to Python, and no number to whoever wrote it.
        if isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest:
            return value
        self.fault(key, f"must be a whole number from {lowest} to {highest}, not {quoted(value)}")
        return default

    def yes_or_no(self, key: str) -> bool:
        """True or false; false where there is none."""
        value = self.value(key)
        if isinstance(value, bool | None):
            return bool(value)
        self.fault(key, f"must be true or false, without quotes, not {quoted(value)}")
        return False

    def duration(self, key: str) -> timedelta | None:
        """A number of seconds, or '15m'."""
        value = self.value(key)
        if value is None:
            return None
        if not isinstance(value, str | int | float):
            self.fault(key, f'must be a duration, as in {key} = "15m", not {quoted(value)}')
            return None
        try:
            return parse_duration(value)
        except ValueError as error:
            self.fault(key, str(error))
            return None

    def choice(self, key: str, choices: type[Choice], *, needed: bool = False) -> Choice | None:
        """One of some words."""
        value = self.value(key)
        if value is None:
            if needed:
                self.fault(key, f"is needed: one of {', '.join(quoted(choice.value) for choice in choices)}")
            return None
        for choice in choices:
            if value == choice.value:
                return choice
        self.fault(key, f"must be one of {', '.join(quoted(choice.value) for choice in choices)}, not {quoted(value)}")
        return None

    def close(self) -> None:
        """Notes every key that nobody asked for, with the nearest right one."""
        unknown = sorted(self._values.keys() - set(self._known))
        for key in unknown[:_MOST_UNKNOWN]:
            self.fault(key, f"unknown key; {offer(key, self._known)}")
        if len(unknown) > _MOST_UNKNOWN:
            self.faults.append(f"{self.path or 'the whole'}: {len(unknown) - _MOST_UNKNOWN} more unknown keys")


def quoted(value: object) -> str:
    """A value that a person wrote, short enough for one line."""
    match value:
        case str():
            return repr(value if len(value) <= 40 else value[:39] + "…")
        case bool():
            return str(value).lower()
        case Mapping():
            return "a table"
        case list():
            return "a list"
        case int() if value.bit_length() > 64:
            return "a huge number"
        case _:
            return str(value)[:40]


def quoted_key(key: str) -> str:
    """A key in a path: as it is where TOML lets it stand bare, else in quotes."""
    is_bare = key.isascii() and key.replace("_", "").replace("-", "").isalnum()
    return key if is_bare and len(key) <= 40 else quoted(key)


def offer(word: str, known: list[str]) -> str:
    """The known word that a misspelt one may have meant, or all of them."""
    nearest = get_close_matches(word[:60].lower(), known, n=1, cutoff=0.6)
    return f"did you mean {nearest[0]!r}?" if nearest else f"there are {', '.join(known)}"

"""The names of the variables, and which of them a misspelt one may have meant."""

from collections.abc import Iterator
from difflib import get_close_matches

from pydantic import BaseModel, SecretStr

from mailer.settings.fields import Settings, SourceSettings

PREFIX = "MAILER_"
SECRET_FILE = "_FILE"  # noqa: S105 - the ending of a name
"""Behind a secret's name: the path of a file that holds it."""
_SOURCES = f"{PREFIX}SOURCES__"


def variable_names(source: str = "NAME") -> tuple[str, ...]:
    """Every variable that mailer knows, in the order of the fields; those of a data source as `source` has them."""
    return (
        *_names(Settings, PREFIX, without="sources"),
        *_names(SourceSettings, f"{_SOURCES}{source.upper()}__"),
    )


def is_known(name: str) -> bool:
    """Whether mailer reads the variable `name`, in upper case."""
    return name in variable_names(_source_in(name))


def nearest(name: str) -> str | None:
    """The variable that was probably meant by an unknown `name`; None where none is near."""
    if name == _SOURCES.rstrip("_"):
        return f"{_SOURCES}NAME__URL"
    known = variable_names(_source_in(name))
    found = get_close_matches(name.removeprefix(PREFIX), [one.removeprefix(PREFIX) for one in known], n=1, cutoff=0.5)
    return PREFIX + found[0] if found else None


def _names(model: type[BaseModel], prefix: str, without: str = "") -> Iterator[str]:
    for field, info in model.model_fields.items():
        if field == without:
            continue
        yield prefix + field.upper()
        if info.annotation == SecretStr | None:
            yield prefix + field.upper() + SECRET_FILE


def _source_in(name: str) -> str:
    parts = name.split("__")
    return parts[1] if len(parts) > 1 and parts[1] else "NAME"

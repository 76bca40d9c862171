"""Definitions of automations as files: TOML, with the templates beside it."""

from mailer.definitions.differing import differences
from mailer.definitions.reading import read_definition
from mailer.definitions.writing import write_definition

__all__ = ["differences", "read_definition", "write_definition"]

"""Files that settings come from: `.env`, and a file for each secret, as Docker and Kubernetes mount them."""

from io import StringIO
from pathlib import Path

from dotenv.parser import Binding, parse_stream  # python-dotenv comes with pydantic-settings

from mailer.errors import ConfigurationError

_LARGEST = 1_000_000
"""Bytes; what is larger was not written as settings."""


def read_env_file(path: Path) -> dict[str, str]:
    """The variables of a file of NAME=value lines, as they are written there; none where there is no such file.

    Raises ConfigurationError, with the line, where it can't be read.
    """
    if not path.is_file():
        return {}
    variables = {}
    for binding in parse_stream(StringIO(_read_text(path, f"the settings file {path}"))):
        if binding.error or (binding.key and binding.value is None):
            raise ConfigurationError(f"{path}, line {_line(binding)}: not of the form NAME=value", "Correct that line.")
        if binding.key and binding.value is not None:
            variables[binding.key] = binding.value
    return variables


def read_secret_file(variable: str, path: Path) -> str:
    """The secret in the file that `variable` names; line breaks at its end are not part of it.

    Raises ConfigurationError.
    """
    secret = _read_text(path, f"the file of {variable}, {path},").rstrip("\r\n")
    if not secret:
        raise ConfigurationError(f"the file of {variable}, {path}, is empty", "Write the secret into it.")
    return secret


def _line(binding: Binding) -> int:
    """The parser counts from the blank lines before it."""
    written = binding.original.string
    return binding.original.line + written[: -len(written.lstrip())].count("\n")


def _read_text(path: Path, what: str) -> str:
    try:
        with path.expanduser().open("rb") as file:
            content = file.read(_LARGEST + 1)
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigurationError(f"{what} can't be read: {reason}", "Check its path and its permissions.") from None
    if len(content) > _LARGEST:
        raise ConfigurationError(f"{what} is larger than {_LARGEST:,} bytes", "Check its path.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigurationError(f"{what} is not UTF-8", "Save it as UTF-8.") from None
    if "\0" in text:
        raise ConfigurationError(f"{what} holds a NUL character", "Save it as text, in UTF-8.")
    return text

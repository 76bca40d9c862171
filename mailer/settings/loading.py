"""From variables to `Settings`: what is unknown becomes a warning, what is wrong one line that names its variable."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import EnvSettingsSource

from mailer.errors import ConfigurationError
from mailer.settings.fields import Settings
from mailer.settings.files import read_env_file, read_secret_file
from mailer.settings.names import PREFIX, SECRET_FILE, is_known, nearest

_MAY_HOLD_A_SECRET = ("PASSWORD", "URL", "DSN", "DATABASE")
_SHOWN_CHARACTERS = 60
_A_SIZE = "must be a number of bytes, or a size such as 500kB or 10MB"
_OWN_WORDS = {
    "bool_parsing": "must be true or false",
    "byte_size": _A_SIZE,
    "byte_size_unit": _A_SIZE,
    "float_parsing": "must be a number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number, and a shorter one",
    "greater_than_equal": "must be {ge:,.10g} or more",
    "less_than_equal": "must be {le:,.10g} or less",
}
"""For the commonest of what the library says."""


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    """The settings, and what a person should hear about them."""

    settings: Settings
    warnings: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    """Those of the warnings that tell of a variable that mailer does not know."""


def load_settings(environ: Mapping[str, str] | None = None, env_file: Path = Path(".env")) -> LoadedSettings:
    """Reads the settings from `environ` (None: the process's own) over those of `env_file`, where there is such a file.

    A variable that is set to nothing is not set. Raises ConfigurationError: one line, with the variable's name.
    """
    outer = os.environ if environ is None else environ
    filed = read_env_file(env_file)
    given = {name.upper(): value for name, value in (*filed.items(), *outer.items()) if name.upper().startswith(PREFIX)}
    known = {name: value for name, value in given.items() if value and is_known(name)}
    unknown = _unknown(given)
    source = EnvSettingsSource(Settings)
    source.env_vars = {name.lower(): value for name, value in _with_secrets_read(known).items()}
    try:
        settings = Settings(**source())
    except ValidationError as error:
        raise _explained(error, unknown) from None
    warnings = [*_unread(filed, outer, env_file), *unknown]
    if env_file.is_dir():
        warnings.append(f"{env_file} is a folder, not a file of settings: it is not read")
    return LoadedSettings(settings, tuple(warnings), tuple(unknown))


def _with_secrets_read(variables: Mapping[str, str]) -> dict[str, str]:
    read = {name: value for name, value in variables.items() if not name.endswith(SECRET_FILE)}
    for name in sorted(variables.keys() - read.keys()):
        secret = name.removesuffix(SECRET_FILE)
        if secret in read:
            raise ConfigurationError(f"{secret} and {name} are both set", f"Remove one of {secret} and {name}.")
        read[secret] = read_secret_file(name, Path(variables[name]))
    return read


def _unknown(given: Mapping[str, str]) -> list[str]:
    warnings = []
    for name in sorted(given):
        if not is_known(name):
            offer = f"did you mean {meant}?" if (meant := nearest(name)) else "see .env.example for those there are"
            warnings.append(f"{name} is no setting of mailer; {offer}")
    return warnings


def _unread(filed: Mapping[str, str], outer: Mapping[str, str], env_file: Path) -> list[str]:
    """The AWS SDK reads the environment alone, so its variables in the file would be ignored unseen."""
    return [
        f"{name} in {env_file} is not read: only MAILER_… variables are; set it in the environment"
        for name in sorted(filed)
        if name.startswith("AWS_") and name not in outer
    ]


def _explained(error: ValidationError, unknown: list[str]) -> ConfigurationError:
    first, *others = error.errors(include_url=False)
    also = ", ".join(sorted({_variable(other["loc"]) for other in others}))
    line = _sentence(first) + (f" (also wrong: {also})" if also else "")
    # What is missing may be there under a name that is unknown.
    next_step = " ".join(
        [*(f"{one}." for one in unknown), "Correct it in the environment or in .env; see .env.example."]
    )
    return ConfigurationError(line, next_step)


def _sentence(fault: Any) -> str:
    name = _variable(fault["loc"])
    if fault["type"] == "value_error":
        return f"{name} {fault['ctx']['error']}".strip()
    own_words = _OWN_WORDS.get(fault["type"], "").format(**fault.get("ctx", {}))
    message = own_words or fault["msg"].split(", unable to ")[0].replace("Input should be", "must be")
    if any(word in name for word in _MAY_HOLD_A_SECRET):
        return f"{name} {message}"
    written = str(fault["input"])
    shown = written if len(written) <= _SHOWN_CHARACTERS else written[:_SHOWN_CHARACTERS] + "…"
    return f"{name} is {shown!r}: {message}"


def _variable(location: tuple[int | str, ...]) -> str:
    return PREFIX + "__".join(str(part).upper() for part in location) if location else ""

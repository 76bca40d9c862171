"""Where the files lie that come with the program: in the package of an installed mailer, at the top of a checkout."""

from pathlib import Path
from typing import Literal

from mailer.errors import ConfigurationError

_PACKAGE = Path(__file__).parent


def shipped_folder(name: Literal["sql", "migrations", "examples"], *, package: Path = _PACKAGE) -> Path:
    """The folder of that name; `package` is where mailer's own code lies. Raises ConfigurationError."""
    for folder in (package / "_shipped" / name, package.parent / name):
        if folder.is_dir():
            return folder
    raise ConfigurationError(f"mailer's folder '{name}' is neither in {package} nor beside it", "Install mailer anew.")

"""The demo's folder: made fresh by each run, which removes what an earlier one made there and nothing else."""

import os
from pathlib import Path

from mailer.cli.demo_data import attachment_files
from mailer.errors import ConfigurationError

MARK = ".mailer-demo"
"""A file that says that a folder is the demo's: written first, into a folder that was empty."""
DATABASE = "mailer.db"
CUSTOMER_DATABASE = "crm.db"
ATTACHMENTS = "attachments"
SETTINGS_FILE = ".env"
_LEFT_BY_SQLITE = ("", "-wal", "-shm", "-journal")


def make_fresh(folder: Path) -> None:
    """Leaves the folder as the first run finds it. Raises ConfigurationError where it is somebody else's."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / MARK).is_file() and any(folder.iterdir()):
            raise ConfigurationError(
                f"{folder} holds files that no demo made", "Name another folder: mailer demo --folder DIR."
            )
        (folder / MARK).write_text("'mailer demo' made this folder, and makes it anew each time.\n", encoding="utf-8")
        _clear(folder)
    except OSError as error:
        what = f"can't make {folder} fresh: {error.strerror or error}"
        raise ConfigurationError(what, "Name a folder where you may write: mailer demo --folder DIR.") from error


def write_settings(folder: Path, outbox: Path, rate: float) -> None:
    """Writes the folder's .env, so that every command that is typed in it works on the demo.

    Raises ConfigurationError.
    """
    lines = [
        "# Written by 'mailer demo': commands that are typed in this folder work on the demo.",
        f"MAILER_DATABASE={DATABASE}",
        f"MAILER_SOURCES__CRM__URL=sqlite:///{CUSTOMER_DATABASE}",
        f"MAILER_ATTACHMENTS={ATTACHMENTS}",
        "MAILER_TRANSPORT=outbox",
        f"MAILER_OUTBOX={_quoted(os.path.relpath(outbox, folder))}",
        f"MAILER_SES_RATE={rate:g}",
    ]
    try:
        (folder / SETTINGS_FILE).write_text("\n".join(lines) + "\n", encoding="utf-8")
    except OSError as error:
        what = f"can't write {folder / SETTINGS_FILE}: {error.strerror or error}"
        raise ConfigurationError(what, "Name another folder: mailer demo --folder DIR.") from error


def _clear(folder: Path) -> None:
    for name in (DATABASE, CUSTOMER_DATABASE):
        for ending in _LEFT_BY_SQLITE:
            (folder / f"{name}{ending}").unlink(missing_ok=True)
    (folder / SETTINGS_FILE).unlink(missing_ok=True)
    folders = {folder / ATTACHMENTS}
    for file, _ in attachment_files(folder / ATTACHMENTS):
        file.unlink(missing_ok=True)
        folders.add(file.parent)
    for emptied in sorted(folders, reverse=True):
        if emptied.is_dir() and not any(emptied.iterdir()):
            emptied.rmdir()


def _quoted(text: str) -> str:
    """As a value in .env is written."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"

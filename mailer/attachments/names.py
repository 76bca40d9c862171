"""Names of attachments: which may be asked for, when two are one, and how an error shows them."""

import re
import unicodedata

from mailer.errors import AttachmentMissing

_SHOWN_CHARACTERS = 200


def composed(text: str) -> str:
    """The NFC form of `text`: the same for '한' as one character and as three, as macOS stores it (UAX #15)."""
    return unicodedata.normalize("NFC", text)


def last_part(path: str) -> str:
    """The file's own name at the end of a path within the storage."""
    return path.rpartition("/")[2]


def asked(name: str) -> str:
    """The NFC form of a name as a row asks for it: a file's name, or its path within the storage.

    Raises AttachmentMissing where it is blank, absolute, holds a backslash or NUL, or has a part like '..'.
    """
    if not name.strip():
        raise AttachmentMissing("the attachment's name is blank", "Let the target query give the file's name.")
    path = composed(name)
    if not _stays_inside(path):
        raise AttachmentMissing(
            f"{shown(name)} is not a name within the attachment storage",
            "Give the file's name, or its path within the storage with '/' between the parts, like '2026-11/a.pdf'.",
        )
    return path


def can_be_asked(path: str) -> bool:
    """Whether a listed file counts. Folders that begin with a dot don't: they are snapshots, trash and the like."""
    return _stays_inside(path) and not any(part.startswith(".") for part in path.split("/")[:-1])


def shown(name: str) -> str:
    """The name in quotes, as messages and logs may hold it: no control characters, no full address, bounded."""
    masked = re.sub(r"([^\s/@])[^\s/@]*@", r"\1…@", name)
    return repr(masked if len(masked) <= _SHOWN_CHARACTERS else masked[:_SHOWN_CHARACTERS] + "…")


def _stays_inside(path: str) -> bool:
    return not ("\\" in path or "\0" in path or any(part in {"", ".", ".."} for part in path.split("/")))

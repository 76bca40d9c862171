"""The files of a definition: text in UTF-8, of bounded size, none from outside the definition's folder."""

import stat
import unicodedata
from pathlib import Path, PureWindowsPath

_KINDS = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}


def read_text(path: Path, most_bytes: int) -> str:
    """The text of a file; a byte order mark at its start is not part of it.

    Raises ValueError, with a sentence that names the file.
    """
    try:
        kind = stat.S_IFMT(path.stat().st_mode)
        if kind != stat.S_IFREG:
            raise ValueError(f"{path.name!r} is {_KINDS.get(kind, 'a device')}, not a file")
        with path.open("rb") as file:
            content = file.read(most_bytes + 1)
    except FileNotFoundError:
        raise ValueError(f"there is no file {path.name!r} in {str(path.parent)!r}") from None
    except OSError as error:
        raise ValueError(f"{path.name!r} can't be read: {error.strerror or error}") from None
    if len(content) > most_bytes:
        raise ValueError(f"{path.name!r} is larger than {most_bytes:,} bytes")
    return _decoded(content, path.name)


def file_below(folder: Path, name: str) -> Path:
    """The file `name` in the folder or below it, whichever Unicode form the file system keeps its name in.

    Raises ValueError where the name, or a link on the way, leads out of the folder.
    """
    if PureWindowsPath(name).anchor or ".." in PureWindowsPath(name).parts:
        raise ValueError(f"{name!r} leads out of the definition's folder")
    spellings = [folder / name, *(folder / unicodedata.normalize(form, name) for form in ("NFC", "NFD"))]
    try:
        path = next((spelling for spelling in spellings if spelling.exists()), spellings[0])
        is_below = path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError) as error:  # RuntimeError: links that go round in a circle, before Python 3.13
        reason = getattr(error, "strerror", None) or "its links go round in a circle"
        raise ValueError(f"{name[:60]!r} can't be read: {reason}") from None
    if not is_below:
        raise ValueError(f"{name!r} is a link that leads out of the definition's folder")
    return path


def _decoded(content: bytes, name: str) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ValueError(f"{name!r} is not UTF-8 (line {line}): save it as UTF-8") from None
    if "\0" in text:
        raise ValueError(f"{name!r} holds a NUL character (line {text[: text.index(chr(0))].count(chr(10)) + 1})")
    return text

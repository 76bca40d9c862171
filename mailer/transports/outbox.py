"""The embedded transport: each mail becomes an .eml file in a folder."""

import errno
import os
import tempfile
from pathlib import Path, PurePosixPath

import anyio
import anyio.to_thread

from mailer.errors import ConfigurationError, TransportAway
from mailer.model.clock import Clock
from mailer.model.message import Message
from mailer.model.outcome import Accepted, NoAnswer, Outcome, RecipientRefused, TransportDown
from mailer.transports.eml import compose, message_id

_THREADS = 4
"""Composing holds the interpreter lock and writing waits for the disk: more threads would only queue there."""
_NAME_IS_AT_FAULT = {errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL}
"""Errors that another mail would not meet; all others say that the folder can't be written."""


_PATH_IS_AT_FAULT = {
    errno.ENOTDIR,
    errno.EEXIST,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ELOOP,
    errno.ENAMETOOLONG,
}
"""What no waiting mends."""


class Outbox:
    """Writes `<folder>/<label>.eml`; a mail sent again under its label takes the place of the file.

    A file appears whole or not at all, readable for its owner alone. `durable`: it is on the disk before it counts as
    sent (some milliseconds a mail).
    """

    def __init__(self, folder: Path, clock: Clock, *, durable: bool = False) -> None:
        self._folder = folder
        self._clock = clock
        self._durable = durable
        self._threads = anyio.CapacityLimiter(_THREADS)

    async def send(self, message: Message, *, timeout: float) -> Outcome:
        """Composes and writes the mail in a thread; `message_id` is the file's own Message-ID.

        Past `timeout` seconds the thread is left behind, and may still write: NoAnswer.
        """
        begun = False

        def write() -> Outcome:
            nonlocal begun
            begun = True
            return self._write(message)

        with anyio.move_on_after(timeout):
            return await anyio.to_thread.run_sync(write, abandon_on_cancel=True, limiter=self._threads)
        if begun:
            return NoAnswer("Timeout", f"the outbox folder did not answer within {timeout:g} s")
        return TransportDown("Timeout", f"the outbox folder was busy for {timeout:g} s")

    async def ready(self) -> None:
        """Nothing to be done."""

    async def max_rate(self) -> float | None:
        """None: a folder has no rate."""
        return None

    async def check(self) -> None:
        """Writes a file in the folder and removes it; where there is no folder, looks whether it could be made.

        Raises ConfigurationError where it is the wrong path, TransportAway where writing fails otherwise.
        """
        try:
            await anyio.to_thread.run_sync(self._try_out, abandon_on_cancel=True, limiter=self._threads)
        except OSError as error:
            raise (ConfigurationError if error.errno in _PATH_IS_AT_FAULT else TransportAway)(
                f"the outbox folder {self._folder} can't be written: {os.strerror(error.errno or 0)}",
                "Check MAILER_OUTBOX, the folder's permissions and the space on its disk.",
            ) from error

    async def __aenter__(self) -> "Outbox":
        return self

    async def __aexit__(self, *details: object) -> None:
        return None

    def _try_out(self) -> None:
        if self._folder.exists():
            _remove(self._new_file(self._folder, b""))
            return
        above = next(folder for folder in self._folder.absolute().parents if folder.exists())
        if not above.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "")
        if not os.access(above, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, "")

    def _write(self, message: Message) -> Outcome:
        path = self._folder / _relative_path(message.label)
        identity = message_id(message)
        try:
            content = compose(message, message_id=identity, date=self._clock.now())
            self._put(path, content)
        except UnicodeError:
            return RecipientRefused("UnicodeError", "a text of the mail holds half a character")
        except OSError as error:
            code = errno.errorcode.get(error.errno or 0, type(error).__name__)
            kind = RecipientRefused if error.errno in _NAME_IS_AT_FAULT else TransportDown
            return kind(code, f"the outbox folder {path.parent}: {error.strerror or error}")
        return Accepted(identity)

    def _put(self, path: Path, content: bytes) -> None:
        temporary = self._new_file(path.parent, content)
        try:
            temporary.replace(path)
            if self._durable:
                _flush_folder(path.parent)
        except OSError:
            _remove(temporary)
            raise

    def _new_file(self, folder: Path, content: bytes) -> Path:
        """A file of a name that nobody else uses, in the folder where it will stay; both made as needed."""
        try:
            descriptor, name = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=folder)
        except FileNotFoundError:
            folder.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                if self._durable:
                    file.flush()
                    os.fsync(descriptor)
        except OSError:
            _remove(Path(name))
            raise
        return Path(name)


def _relative_path(label: str) -> PurePosixPath:
    """Where the mail of that label lies below the folder; ValueError for a label that would leave it."""
    path = PurePosixPath(f"{label}.eml")
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"a label must stay in the outbox: {label!r}")
    return path


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    """As far as it can be done: what is wrong with the folder is said by the error that led here."""
    try:
        path.unlink()
    except OSError:
        return

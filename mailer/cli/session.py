"""What every command begins with: settings, logs, an event loop."""

import getpass
import logging
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TextIO, TypeVar, cast

import anyio
import structlog

from mailer.clock import SystemClock
from mailer.errors import innermost
from mailer.model.address import mask_addresses
from mailer.settings import Settings, load_settings

T = TypeVar("T")

CLOCK = SystemClock()
INTERRUPTED = 130
"""Exit code of a command that Ctrl-C ends."""


def settings() -> Settings:
    """The settings of this run; what is odd about them is said on stderr. Raises ConfigurationError."""
    loaded = load_settings()
    configure_logs(loaded.settings)
    log = structlog.get_logger(__name__)
    for warning in loaded.warnings:
        log.warning(warning)
    return loaded.settings


def actor() -> str:
    """Who types: the operating system's user, for AUDIT_LOG and JOB_QUEUE."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def run_async(work: Callable[[], Awaitable[T]]) -> T:
    """Runs a command's coroutine; an error in one of its tasks is raised as itself, not in a group."""
    try:
        return anyio.run(work, backend_options={"use_uvloop": _has_uvloop()})
    except BaseExceptionGroup as group:
        raise innermost(group) from group


def leave() -> None:
    """Ends the process with 0, also where a thread still hangs in a dead file system: nothing is left for it to do."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(0)


def _has_uvloop() -> bool:
    try:
        import uvloop  # noqa: F401, PLC0415 - where it does not exist asyncio's own loop does
    except ImportError:
        return False
    return True


def configure_logs(settings: Settings) -> None:
    """Structured lines on stderr: JSON where nobody watches; addresses masked."""
    as_json = settings.log_format == "json" or (settings.log_format == "auto" and not sys.stderr.isatty())
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False) if as_json else structlog.dev.ConsoleRenderer()
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _mask,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[settings.log_level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _Log(sys.stderr))),
        cache_logger_on_first_use=False,
    )


class _Log:
    """Where log lines go. One that can't be written, on a full disk, is lost: the service goes on."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


def _mask(logger: Any, method: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    """No address leaves by a log, wherever in a message it stands."""
    return {key: mask_addresses(value) if isinstance(value, str) else value for key, value in event.items()}

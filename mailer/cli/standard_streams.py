"""stdin, stdout and stderr as a command finds them: closed, without a reader, or on a disk that is full."""

import errno
import os
import sys
from typing import NoReturn

from mailer.errors import Unreachable

_CANT_WRITE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF}
"""What a disk says, or a stream that is open for reading alone."""


def open_closed_streams() -> None:
    """A stream that was closed (`>&-`) leads to nowhere: else the next file that is opened would get its number."""
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 - open to the end


def cant_write(error: OSError) -> Unreachable:
    """What to say where stdout takes no more. Raises the error itself where it tells of something else."""
    if error.errno not in _CANT_WRITE:
        raise error
    return Unreachable(
        f"can't write to stdout: {os.strerror(error.errno)}",
        "Make room there, or write elsewhere; what the command changed stays changed.",
    )


def end_quietly(code: int) -> NoReturn:
    """Ends with that code; what is still buffered for stdout must not complain at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)

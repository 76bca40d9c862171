"""A disk that can be full: a small tmpfs where one may be mounted, and for everybody a limit on a process's files."""

import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

SIZE = 8 * 1024 * 1024


class Disk(Protocol):
    """`says`: what SQLite says of it."""

    folder: Path
    says: str

    @contextmanager
    def full(self, pid: int) -> Iterator[None]:
        """While the block runs, the process `pid` can write nothing more there."""
        ...


class SmallDisk:
    """A tmpfs."""

    says = "database or disk is full"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def full(self, pid: int) -> Iterator[None]:
        ballast = self.folder / "ballast"
        with ballast.open("wb", buffering=0) as file:
            try:
                while file.write(b"\0" * 4096):
                    pass
            except OSError:
                pass  # no room is left
        yield
        ballast.unlink()


class LimitedFiles:
    """A folder in which a process meets EFBIG when it writes: RLIMIT_FSIZE."""

    says = "disk I/O error"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def full(self, pid: int) -> Iterator[None]:
        soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))
        yield
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def mounted(folder: Path) -> Iterator[SmallDisk | None]:
    """A small disk at the folder; None where this user may not mount."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    if os.geteuid() != 0 or shutil.which("mount") is None or subprocess.run(command, check=False).returncode:
        yield None
        return
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)

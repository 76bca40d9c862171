"""Where mailer keeps its tables in a soak: by settings alone, so that the soak itself is the same on each."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.doubles.oracle_process import oracle_process

KINDS = ("sqlite", "oracle")
_PASSWORD = "비밀"


@contextmanager
def own_database(kind: str, folder: Path) -> Iterator[dict[str, str]]:
    """The MAILER_DATABASE… variables of an SQLite file, or of a stand-in for Oracle in a process of its own."""
    if kind == "sqlite":
        yield {"MAILER_DATABASE": str(folder / "mailer.db")}
        return
    with oracle_process({"MAILER": _PASSWORD}) as process:
        yield {
            "MAILER_DATABASE": f"oracle://{process.dsn}",
            "MAILER_DATABASE_USER": "MAILER",
            "MAILER_DATABASE_PASSWORD": _PASSWORD,
            "MAILER_AUTO_MIGRATE": "true",
        }

"""`python -m tests.soak`: workers are killed while they send a list. Ends with one line, and 1 if a promise broke."""

import argparse
import sys
import tempfile
from pathlib import Path

import anyio

from tests.soak.databases import KINDS
from tests.soak.soaking import Soak


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--db", choices=KINDS, default="sqlite", help="oracle: its stand-in")
    parser.add_argument("--recipients", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=8)
    parser.add_argument("--workers", type=int, default=3, help="worker processes; a scheduler comes to them")
    parser.add_argument("--rate", type=float, default=200.0, help="mails a second")
    parser.add_argument("--latency", type=float, default=0.05, help="seconds that SES takes to answer")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="an empty folder for databases, logs and SES's record")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mailer-soak-") as folder:
        soak = Soak(
            given.db,
            given.recipients,
            given.kills,
            given.workers,
            given.rate,
            given.latency,
            given.seed,
            given.keep or Path(folder),
        )
        result = anyio.run(soak.run)
    if result.unknown > result.unknown_at_most:
        sys.stderr.write(f"more UNKNOWN than the {result.unknown_at_most} that so many kills may leave\n")
    sys.stdout.write(f"{result}\n")
    sys.exit(not result.is_good)


if __name__ == "__main__":
    main()

"""Runs of mailer and of the bare loop against a double of their own, and what each mail cost them."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.processes import CORES, Double, Stretch, double, sending_stretch, started
from bench.workplace import ATTACHMENT_BYTES, MAILER, enqueued, environment


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="mailer-bench-") as made:
        yield Path(made)


def run_mailer(
    number: int,
    *,
    client: str = "aioboto3",
    attachment: bool = False,
    batch: bool = False,
    latency: float = 0.0,
    max_parallel: int = 50,
) -> Stretch:
    """A job of so many recipients by `mailer run`, on the first core, as fast as it can."""
    with folder() as made, double(latency) as ses:
        env = {**ses.environment, **environment(SES_CLIENT=client)}
        enqueued(made / "ours", number, env, max_parallel=max_parallel, attachment=attachment, batch=batch)
        command = [MAILER, "run", "--until-idle"]
        with started(command, made / "ours", env, core=CORES[0]) as process:
            return sending_stretch(process, ses, number // 5, number * 19 // 20)


def run_bare(number: int, *, attachment: bool = False) -> Stretch:
    """The bare loop of aioboto3 on the first core."""
    command = bare_command(number, attachment=attachment)
    with folder() as made, double() as ses, started(command, made, ses.environment, core=CORES[0]) as process:
        return sending_stretch(process, ses, number // 5, number * 19 // 20)


def bare_command(number: int, *, attachment: bool = False) -> list[str]:
    size = [str(ATTACHMENT_BYTES)] if attachment else []
    return [sys.executable, "-m", "bench.bare", str(number), "50", *size]


def mails_a_second(programs: list[list[str]], made: Path, env: dict[str, str], ses: Double, mails: int) -> float:
    """What these programs together reach, each on a core of its own, between a fifth and three quarters of the mails:
    later one may have ended before the other."""
    with ExitStack() as stack:
        running = [
            stack.enter_context(started(command, made, env, core=core))
            for command, core in zip(programs, CORES, strict=False)
        ]
        stretch = sending_stretch(running[0], ses, mails // 5, mails * 3 // 4)
    return stretch.rate

"""Against programs that do the same work and install from a registry; and what a kill -9 costs each of them."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bench import mails, workplace
from bench.figure import Figure, Scale, at_least
from bench.processes import CHECKOUT, CORES, Double, double, inherited, on_core, sending_stretch
from bench.runs import folder

LATENCY = 0.060
PROGRAMS = CHECKOUT / "bench" / "peer_programs"
PYTHON = CHECKOUT / ".bench" / "venv" / "bin" / "python"
NODE = CHECKOUT / ".bench" / "node"
QUIET = 20.0
"""Seconds without a mail after which a program is taken to have ended."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A program: what makes its folder ready, and what then sends; either sees crm.db in its working folder."""

    name: str
    needs: Path
    prepare: Callable[[Path, dict[str, str]], None]
    command: list[str]
    mails: int
    """In a full run: as many as it sends in about ten seconds."""


def _run(command: list[str], made: Path, env: dict[str, str]) -> None:
    subprocess.run(command, cwd=made, env=inherited(env), check=True, capture_output=True)


def _prepare_django(made: Path, env: dict[str, str]) -> None:
    _run([str(PYTHON), str(PROGRAMS / "django_mail.py"), "prepare"], made, env)


def _prepare_celery(made: Path, env: dict[str, str]) -> None:
    _run([str(PYTHON), str(PROGRAMS / "celery_mail.py")], made, env)


def _prepare_node(made: Path, env: dict[str, str]) -> None:
    queries = {name: getattr(mails, name.upper()) for name in ("target", "mapping", "update")}
    named = {name: query.replace(":", "@") for name, query in queries.items()}
    texts = {"subject": mails.SUBJECT, "html": mails.HTML, "text": mails.TEXT}
    (made / "mail.json").write_text(json.dumps({**named, **texts}), encoding="utf-8")


def _prepare_ours(made: Path, env: dict[str, str]) -> None:
    workplace.write_definition(made, max_parallel=50)
    workplace.mailer(made, env, "automation", "apply", "bench.toml")
    workplace.mailer(made, env, "enqueue", workplace.NAME)


OURS = Peer("mailer", Path(workplace.MAILER), _prepare_ours, [workplace.MAILER, "run", "--until-idle"], 6_000)
PEERS = [
    Peer(
        "django-post_office + django-ses",
        PYTHON,
        _prepare_django,
        [str(PYTHON), str(PROGRAMS / "django_mail.py"), "send"],
        1_000,
    ),
    Peer(
        "Celery + boto3",
        PYTHON,
        _prepare_celery,
        [str(PYTHON), "-m", "celery", "-A", "celery_mail", "worker", "-P", "threads", "-c", "20", "-l", "error"],
        1_000,
    ),
    Peer(
        "nodemailer + better-sqlite3",
        NODE / "node_modules" / "better-sqlite3" / "build" / "Release" / "better_sqlite3.node",
        _prepare_node,
        ["node", str(PROGRAMS / "nodemailer_mail.mjs")],
        4_000,
    ),
]


def peers(scale: Scale) -> list[Figure]:
    """Mails a second on one core with 60 ms of latency, in turn; then each is killed half-way and started again."""
    there = [peer for peer in PEERS if peer.needs.exists()]
    figures = [
        Figure(f"against {peer.name}", "ahead", "is not installed: make bench installs it", False)
        for peer in PEERS
        if peer not in there
    ]
    ratios: dict[str, list[float]] = {peer.name: [] for peer in there}
    for _ in range(scale.rounds):
        ours = _rate(OURS, scale)
        for peer in there:
            ratios[peer.name].append(ours / _rate(peer, scale))
    figures += [
        at_least(f"against {peer.name}", 1, ratios[peer.name], "x", f"; kill -9: {_after_kill(peer, scale)}")
        for peer in there
    ]
    return [
        *figures,
        Figure("mailer after a kill -9 (no mail: UNKNOWN in its ledger)", "", _after_kill(OURS, scale), None),
    ]


def _rate(peer: Peer, scale: Scale) -> float:
    number = peer.mails if not scale.is_quick else peer.mails // 10
    with folder() as made, double(LATENCY) as ses:
        env = _ready(peer, made, ses, number)
        process = _start(peer, made, env)
        try:
            return sending_stretch(process, ses, number // 5, number * 19 // 20).rate
        finally:
            _kill(process)


def _after_kill(peer: Peer, scale: Scale) -> str:
    """Killed after a third, started again as a supervisor would: how many got no mail, and how many two."""
    number = 600 if not scale.is_quick else 200
    with folder() as made, double(LATENCY) as ses:
        env = {**_ready(peer, made, ses, number), "MAILER_LEASE": "3s", "MAILER_POLL": "200ms"}
        process = _start(peer, made, env)
        sending_stretch(process, ses, 1, number // 3)
        _kill(process)
        process = _start(peer, made, env)
        _until_quiet(ses)
        _kill(process)
        got = ses.recipients()
    twice = sum(times > 1 for times in got.values())
    return f"{number - len(got)} of {number} get no mail within {QUIET:g} s, {twice} get two"


def _ready(peer: Peer, made: Path, ses: Double, number: int) -> dict[str, str]:
    workplace.make_customers(made, number)
    path = f"{CHECKOUT}{os.pathsep}{PROGRAMS}"
    env = {**ses.environment, **workplace.environment(), "PYTHONPATH": path, "BENCH_NODE": str(NODE)}
    peer.prepare(made, env)
    return env


def _start(peer: Peer, made: Path, env: dict[str, str]) -> subprocess.Popen[bytes]:
    with (made / "printed").open("ab") as printed:
        return subprocess.Popen(
            on_core(CORES[0], peer.command),
            cwd=made,
            env=inherited(env),
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=printed,
            start_new_session=True,
        )


def _kill(process: subprocess.Popen[bytes]) -> None:
    """The whole of it, its own children too."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _until_quiet(ses: Double) -> None:
    last, since = -1, time.monotonic()
    while time.monotonic() - since < QUIET:
        if (count := ses.count()) != last:
            last, since = count, time.monotonic()
        time.sleep(0.1)

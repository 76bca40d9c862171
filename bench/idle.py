"""An idle service: how many queries it asks of its database, and how much CPU it takes."""

import json
import sys

from bench.figure import Figure, Scale, at_most
from bench.processes import double, started
from bench.runs import folder
from bench.workplace import enqueued, environment, mailer

ROLES = ("worker", "scheduler")
SETTLED = 5.0
"""Seconds after the start that count for nothing."""


def idle(scale: Scale) -> list[Figure]:
    """With MAILER_POLL=15s; the process's own heartbeat counts like any other."""
    figures = []
    for role in ROLES:
        queries, beats, cpu = _watch(role, scale.idle_seconds)
        detail = f"; {beats:.1f} of them heartbeats"
        figures.append(at_most(f"idle {role}: queries a minute", 4, [queries + beats], "", detail))
        figures.append(at_most(f"idle {role}: CPU, of one core", 0.3, [100 * cpu], " %"))
    return figures


def _watch(role: str, seconds: float) -> tuple[float, float, float]:
    with folder() as made, double() as ses:
        env = {**ses.environment, **environment(POLL="15s")}
        enqueued(made / "ours", 1, env)
        mailer(made / "ours", env, "run", "--until-idle")
        command = [sys.executable, "-m", "bench.counting", role, str(SETTLED), str(seconds)]
        with started(command, made / "ours", env) as process:
            process.wait(seconds + SETTLED + 60)
            counted = json.loads((made / "ours" / "counted.json").read_text())
    minutes = seconds / 60
    return counted["queries"] / minutes, counted["beats"] / minutes, counted["cpu"] / seconds

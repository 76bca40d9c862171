"""Two plots for docs/: throughput against deliveries in flight, and pacing over time."""

import json
import subprocess

from bench.figure import Figure, Scale
from bench.pacing import TIMES
from bench.peers import PYTHON
from bench.processes import CHECKOUT
from bench.runs import run_mailer

IN_FLIGHT = (1, 2, 5, 10, 20, 50, 100, 200)
LATENCY = 0.060
CONCURRENCY = CHECKOUT / ".bench" / "concurrency.json"


def plots(scale: Scale) -> list[Figure]:
    """Written to docs/speed-concurrency.png and docs/speed-pacing.png, unless the scale is the quick one."""
    steps = IN_FLIGHT if not scale.is_quick else (1, 50)
    rates = {
        client: [run_mailer(_mails(n, scale), client=client, latency=LATENCY, max_parallel=n).rate for n in steps]
        for client in ("aioboto3", "lean")
    }
    shown = ", ".join(f"{n}: {rate:.0f}/s" for n, rate in zip(steps, rates["lean"], strict=True))
    if not scale.is_quick and PYTHON.exists():
        CONCURRENCY.write_text(json.dumps({"in_flight": steps, "latency": LATENCY, "rates": rates}))
        command = [str(PYTHON), "-m", "bench.draw", str(CONCURRENCY), str(TIMES), str(CHECKOUT / "docs")]
        subprocess.run(command, cwd=CHECKOUT, check=True)
    return [Figure("mails a second by deliveries in flight, 60 ms of latency, lean", "", shown, None)]


def _mails(in_flight: int, scale: Scale) -> int:
    return min(scale.mails, 100 * in_flight, 3_000) if not scale.is_quick else 20 * in_flight

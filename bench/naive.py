"""Against programs as one would first write them, with 60 ms of latency to SES and no rate limit."""

import sys

from bench.figure import Figure, Scale, at_least
from bench.processes import CORES, double, sending_stretch, started
from bench.runs import folder, run_mailer
from bench.workplace import make_customers

LATENCY = 0.060


def against_naive(scale: Scale) -> list[Figure]:
    """Mails a second on one core, the programs in turn; 200 deliveries of mailer's in flight."""
    row_by_row, ten = [], []
    rates: dict[str, float] = {}
    for _ in range(scale.rounds):
        ours = run_mailer(scale.mails // 2, latency=LATENCY, max_parallel=200).rate
        single = _run("bench.row_by_row", 60 if scale.is_quick else 150)
        tens = _run("bench.ten_at_a_time", 300 if scale.is_quick else 1000)
        rates = {"ours": ours, "single": single, "tens": tens}
        row_by_row.append(ours / single)
        ten.append(ours / tens)
    last = f"; {rates['ours']:.0f}/s against "
    return [
        at_least("against row by row with boto3", 20, row_by_row, "x", f"{last}{rates['single']:.0f}/s"),
        at_least("against ten at a time, then sleep", 3, ten, "x", f"{last}{rates['tens']:.0f}/s"),
    ]


def _run(module: str, number: int) -> float:
    with folder() as made, double(LATENCY) as ses:
        make_customers(made, number)
        command = [sys.executable, "-m", module]
        with started(command, made, ses.environment, core=CORES[0]) as process:
            return sending_stretch(process, ses, number // 5, number * 19 // 20).rate

"""Paced at a rate: how much of it is used, the worst sliding second, and what a slow pace costs in CPU."""

import json
from itertools import pairwise

from bench.figure import Figure, Scale, at_least, at_most
from bench.processes import CHECKOUT, CORES, double, sending_stretch, started
from bench.runs import folder
from bench.workplace import MAILER, enqueued, environment
from tests.doubles.ses_rate import worst_second

RATES = (14, 200, 500)
LATENCY = 0.08
CPU_AT = 14
TIMES = CHECKOUT / ".bench" / "times.json"
"""When each mail came, by rate: for the plot."""


def paced(scale: Scale) -> list[Figure]:
    """At 80 ms of latency, by when each mail came to the double."""
    figures: list[Figure] = []
    shown: dict[int, list[float]] = {}
    for rate in RATES:
        used, worst, cpu = [], [], []
        for _ in range(scale.rounds):
            times, share = _run(rate, scale.seconds)
            used.append(100 * (len(times) - 1) / (times[-1] - times[0]) / rate)
            worst.append(float(worst_second(times)))
            cpu.append(100 * share)
            shown[rate] = times
        most = rate + max(1, 0.02 * rate)
        gap = max(after - before for before, after in pairwise(shown[rate]))
        figures += [
            at_least(
                f"paced at {rate}/s: share of the rate that is used", 99, used, " %", f"; longest gap {gap:.2f} s"
            ),
            at_most(f"paced at {rate}/s: mails in the worst sliding second", most, worst, ""),
        ]
        name = f"CPU at {rate}/s, of one core"
        figures.append(at_most(name, 5, cpu, " %") if rate == CPU_AT else Figure(name, "", f"{min(cpu):.1f} %", None))
    TIMES.parent.mkdir(exist_ok=True)
    TIMES.write_text(json.dumps(shown))
    return figures


def _run(rate: int, seconds: float) -> tuple[list[float], float]:
    """When the mails came, the first second's apart; and the CPU that the process used, of one core."""
    number = int(rate * (seconds + 2))
    with folder() as made, double(LATENCY) as ses:
        env = {**ses.environment, **environment(SES_RATE=str(rate))}
        enqueued(made / "ours", number, env, max_parallel=max(10, rate // 4))
        with started([MAILER, "run", "--until-idle"], made / "ours", env, core=CORES[0]) as process:
            stretch = sending_stretch(process, ses, rate, number)
        return ses.times()[rate:], stretch.cpu / stretch.seconds

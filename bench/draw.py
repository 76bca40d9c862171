"""Draws the plots of docs/, in the environment of the peers: `python -m bench.draw CONCURRENCY TIMES FOLDER`."""

import json
import sys
from collections import Counter
from pathlib import Path

from matplotlib import pyplot


def concurrency(measured: dict, file: Path) -> None:
    figure, axes = pyplot.subplots(figsize=(7, 4))
    for client, rates in measured["rates"].items():
        axes.loglog(measured["in_flight"], rates, marker="o", label=f"mailer, {client}")
    latency = measured["latency"]
    most = [number / latency for number in measured["in_flight"]]
    axes.loglog(
        measured["in_flight"], most, "--", color="grey", label=f"in flight / {latency * 1000:.0f} ms of latency"
    )
    axes.set(xlabel="deliveries in flight (max_parallel)", ylabel="mails a second, one core")
    axes.legend()
    axes.grid(visible=True, which="both", alpha=0.3)
    figure.tight_layout()
    figure.savefig(file, dpi=110)


def pacing(times_by_rate: dict, file: Path) -> None:
    figure, axes = pyplot.subplots(figsize=(7, 4))
    for rate, times in times_by_rate.items():
        halves = Counter(int((moment - times[0]) * 2) for moment in times)
        shown = range(max(halves))  # the last half second is not a whole one
        axes.step([half / 2 for half in shown], [2 * halves[half] for half in shown], where="post", label=f"{rate}/s")
        axes.axhline(float(rate), linestyle=":", color="grey")
    axes.set(xlabel="seconds", ylabel="mails a second, by half seconds", yscale="log")
    axes.legend()
    axes.grid(visible=True, alpha=0.3)
    figure.tight_layout()
    figure.savefig(file, dpi=110)


if __name__ == "__main__":
    folder = Path(sys.argv[3])
    concurrency(json.loads(Path(sys.argv[1]).read_text()), folder / "speed-concurrency.png")
    pacing(json.loads(Path(sys.argv[2]).read_text()), folder / "speed-pacing.png")

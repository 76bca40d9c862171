"""`python -m bench [--quick] [--only NAME …]`: measures, prints the table, and says how many goals hold."""

import argparse
import sys
import time
from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from bench.batching import batching
from bench.figure import FULL, QUICK, Figure, Measure
from bench.idle import idle
from bench.loading import loading
from bench.memory import peak_memory
from bench.naive import against_naive
from bench.old_rows import old_rows
from bench.pacing import paced
from bench.peers import peers
from bench.plots import plots
from bench.throughput import attachment, one_core, two_processes

MEASURES: Mapping[str, Measure] = {
    "one-core": one_core,
    "naive": against_naive,
    "peers": peers,
    "paced": paced,
    "memory": peak_memory,
    "loading": loading,
    "attachment": attachment,
    "batching": batching,
    "two-processes": two_processes,
    "old-rows": old_rows,
    "idle": idle,
    "plots": plots,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("--quick", action="store_true", help="everything once and small: to see that it runs")
    parser.add_argument("--only", nargs="+", choices=MEASURES, default=list(MEASURES))
    given = parser.parse_args()
    scale = QUICK if given.quick else FULL
    figures: list[Figure] = []
    for name in given.only:
        began = time.monotonic()
        measured = MEASURES[name](scale)
        sys.stderr.write(f"{name}: {time.monotonic() - began:.0f} s\n")
        sys.stderr.writelines(f"  {figure.name}: {figure.figure}\n" for figure in measured)
        figures += measured
    _print(figures)


def _print(figures: list[Figure]) -> None:
    table = Table("", "figure", "goal", "measured", box=None)
    for figure in figures:
        mark = {True: "held", False: "MISSED", None: ""}[figure.held]
        table.add_row(mark, figure.name, figure.goal, figure.figure)
    Console(width=None if sys.stdout.isatty() else 170).print(table)
    goals = [figure for figure in figures if figure.held is not None]
    held = sum(bool(figure.held) for figure in goals)
    sys.stdout.write(f"goals={len(goals)} held={held} missed={len(goals) - held}\n")


if __name__ == "__main__":
    main()

"""One line of the table: what was measured, what it should be, what it is."""

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass

Measure = Callable[["Scale"], list["Figure"]]


@dataclass(frozen=True, slots=True)
class Figure:
    """`held` None: printed beside the goals, and none of them."""

    name: str
    goal: str
    figure: str
    held: bool | None


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured. The quick scale only shows that everything runs; its figures mean little."""

    rounds: int
    mails: int
    seconds: float
    """Of a paced run."""
    long_list: int
    sent_of_it: int
    idle_seconds: float

    @property
    def is_quick(self) -> bool:
        return self.rounds == 1


FULL = Scale(rounds=5, mails=8_000, seconds=20, long_list=1_000_000, sent_of_it=20_000, idle_seconds=120)
QUICK = Scale(rounds=1, mails=1_000, seconds=3, long_list=10_000, sent_of_it=1_000, idle_seconds=20)


def at_least(name: str, goal: float, values: Iterable[float], unit: str, detail: str = "") -> Figure:
    """The median of the rounds against the least that it should be; the lowest and highest beside it."""
    each = sorted(values)
    median = statistics.median(each)
    spread = f" ({each[0]:.2f} to {each[-1]:.2f})" if len(each) > 1 else ""
    return Figure(name, f">= {goal:g}{unit}", f"{median:.2f}{unit}{spread}{detail}", median >= goal)


def at_most(name: str, goal: float, values: Iterable[float], unit: str, detail: str = "") -> Figure:
    """As `at_least`, against the most."""
    each = sorted(values)
    median = statistics.median(each)
    spread = f" ({each[0]:.2f} to {each[-1]:.2f})" if len(each) > 1 else ""
    return Figure(name, f"<= {goal:g}{unit}", f"{median:.2f}{unit}{spread}{detail}", median <= goal)

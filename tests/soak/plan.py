"""What is done to the processes, and when: drawn from a seed, so that a run can be repeated."""

import random
from dataclasses import dataclass
from enum import Enum, auto

FREEZES_A_KILL = 0.1


class Deed(Enum):
    """What happens to a process."""

    KILL = auto()
    """SIGKILL, and another is started in its place."""
    FREEZE = auto()
    """SIGSTOP for longer than a lease, then SIGCONT."""


@dataclass(frozen=True, slots=True)
class Blow:
    """A deed, once SES has accepted so many mails."""

    after_mails: int
    deed: Deed


def blows(chance: random.Random, kills: int, recipients: int) -> list[Blow]:
    """The first kill as the list is loaded, the others and some freezes at random moments of the sending."""
    deeds = [Deed.KILL] * (kills - 1) + [Deed.FREEZE] * round(kills * FREEZES_A_KILL)
    drawn = [Blow(chance.randrange(1, max(2, recipients)), deed) for deed in deeds]
    first = [Blow(0, Deed.KILL)] if kills else []
    return first + sorted(drawn, key=lambda blow: blow.after_mails)

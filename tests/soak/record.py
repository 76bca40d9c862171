"""SES's own record, as the double writes it: a line of JSON for each mail that it accepted."""

import json
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Accepted:
    """What SES accepted."""

    times: Counter[str]
    """By address."""
    identities: frozenset[str]
    longest_stall: float
    """Seconds, the most between one mail of the first job and the next."""


class Record:
    """One file. Reading how many there are costs what is new."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_to = 0
        self.count = 0

    def look(self) -> int:
        """How many mails were accepted so far."""
        with self._path.open("rb") as file:
            file.seek(self._read_to)
            new = file.read()
        self._read_to += len(new)
        self.count += new.count(b"\n")
        return self.count

    def read(self, first_job: int) -> Accepted:
        """All of it."""
        mails = [json.loads(line) for line in self._path.read_text(encoding="utf-8").splitlines()]
        moments = sorted(mail["at"] for mail in mails if mail["tags"]["job"] == str(first_job))
        gaps = [later - earlier for earlier, later in pairwise(moments)]
        return Accepted(
            times=Counter(mail["to"] for mail in mails),
            identities=frozenset(mail["id"] for mail in mails),
            longest_stall=max(gaps, default=0.0),
        )

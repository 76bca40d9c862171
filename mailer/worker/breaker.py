"""Stops a job whose mails are all refused alike, before it burns the list."""

from mailer.errors import JobStopped
from mailer.model.outcome import Accepted, Outcome, RecipientRefused, Refused

SAME_REFUSALS = 20
"""How many in a row, with no mail taken between, are the job's fault and not the recipients'."""


class Breaker:
    """Counts the refusals of one job in this process."""

    def __init__(self) -> None:
        self._code = ""
        self._count = 0

    def heed(self, outcome: Outcome | None) -> None:
        """Notes an answer. Raises JobStopped at the last refusal that is borne."""
        match outcome:
            case Accepted():
                self._count = 0
            case RecipientRefused() | Refused():
                self._count = self._count + 1 if outcome.code == self._code else 1
                self._code = outcome.code
                if self._count >= SAME_REFUSALS:
                    raise JobStopped(f"the same refusal {self._count} times in a row: {outcome.code}: {outcome.text}")
            case _:
                pass

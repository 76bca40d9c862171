import pytest

from mailer.errors import JobStopped
from mailer.model.outcome import (
    Accepted,
    AccountPaused,
    NoAnswer,
    Outcome,
    RecipientRefused,
    Refused,
    Throttled,
    TransportDown,
)
from mailer.worker.breaker import SAME_REFUSALS, Breaker


def heed(breaker: Breaker, outcome: Outcome | None, times: int) -> None:
    for _ in range(times):
        breaker.heed(outcome)


@pytest.mark.parametrize("kind", [RecipientRefused, Refused])
def test_the_same_refusal_twenty_times_in_a_row_stops_the_job(kind: type[RecipientRefused | Refused]) -> None:
    breaker = Breaker()
    heed(breaker, kind("MessageRejected", "거절"), SAME_REFUSALS - 1)
    with pytest.raises(JobStopped, match=r"^the same refusal 20 times in a row: MessageRejected: 거절$"):
        breaker.heed(kind("MessageRejected", "거절"))


def test_a_mail_that_was_taken_between_begins_the_count_anew() -> None:
    breaker = Breaker()
    for _ in range(5):
        heed(breaker, RecipientRefused("MessageRejected", "거절"), SAME_REFUSALS - 1)
        breaker.heed(Accepted("id"))


def test_another_refusal_begins_the_count_anew() -> None:
    breaker = Breaker()
    for code in ("MessageRejected", "BadRequestException", "MessageRejected"):
        heed(breaker, RecipientRefused(code, "거절"), SAME_REFUSALS - 1)


@pytest.mark.parametrize(
    "outcome", [Throttled("a", "b"), TransportDown("a", "b"), AccountPaused("a", "b"), NoAnswer("a", "b"), None]
)
def test_what_is_nobodys_refusal_neither_counts_nor_begins_anew(outcome: Outcome | None) -> None:
    breaker = Breaker()
    heed(breaker, outcome, 3 * SAME_REFUSALS)
    heed(breaker, Refused("MessageRejected", "거절"), SAME_REFUSALS - 1)
    heed(breaker, outcome, SAME_REFUSALS)
    with pytest.raises(JobStopped):
        breaker.heed(Refused("MessageRejected", "거절"))

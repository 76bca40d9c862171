"""Which change of a delivery may replace which: evidence by attempt, claims by their own state."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.model.delivery import Change, Standing, Status, UpdateStatus, answer_replaces

SENDING = Standing(Status.SENDING, 1, UpdateStatus.NONE)
ANSWERS = [Status.SENT, Status.PENDING, Status.FAILED, Status.UNKNOWN]
CHANGE = Change(1, 1, 1, SENDING, replace(SENDING, status=Status.SENT), 0)
STANDINGS = st.builds(
    Standing, st.sampled_from(Status), st.integers(min_value=0, max_value=3), st.sampled_from(UpdateStatus)
)

REPLACED = {
    Status.SENT: {Status.SENDING, Status.UNKNOWN, Status.PENDING, Status.FAILED},
    Status.PENDING: {Status.SENDING, Status.UNKNOWN},
    Status.FAILED: {Status.SENDING, Status.UNKNOWN},
    Status.UNKNOWN: {Status.SENDING},
}


def answer(status: Status, attempt: int = 1) -> Change:
    return replace(CHANGE, after=Standing(status, attempt, UpdateStatus.NONE))


@pytest.mark.parametrize("found", Status)
@pytest.mark.parametrize("said", ANSWERS)
def test_an_answer_replaces_what_it_proves_wrong(said: Status, found: Status) -> None:
    is_replaced = answer_replaces(answer(said), Standing(found, 1, UpdateStatus.NONE))
    assert is_replaced is (found in REPLACED[said])


@given(said=st.sampled_from(ANSWERS), attempt=st.integers(min_value=1, max_value=3), found=STANDINGS)
def test_an_answer_says_nothing_of_another_attempt(said: Status, attempt: int, found: Standing) -> None:
    if answer_replaces(answer(said, attempt), found):
        assert found.attempt == attempt


@given(said=st.sampled_from(ANSWERS), found=STANDINGS)
def test_an_answer_never_takes_back_that_a_mail_was_sent(said: Status, found: Standing) -> None:
    if found.status is Status.SENT:
        assert not answer_replaces(answer(said, found.attempt), found)


@given(said=st.sampled_from(ANSWERS), found=STANDINGS)
def test_whatever_another_answer_replaces_a_mail_that_was_sent_replaces_too(said: Status, found: Standing) -> None:
    if answer_replaces(answer(said, found.attempt), found):
        assert answer_replaces(answer(Status.SENT, found.attempt), found)


@pytest.mark.parametrize("before", Status)
def test_only_a_change_of_what_is_pending_needs_the_batch_and_only_one_of_what_is_sending_is_evidence(
    before: Status,
) -> None:
    change = replace(CHANGE, before=Standing(before, 1, UpdateStatus.NONE))
    assert change.is_claim is (before is Status.PENDING)
    assert change.is_answer is (before is Status.SENDING)


def test_the_states_of_an_update_query_are_never_equal_to_those_of_a_delivery() -> None:
    """Both have a FAILED, and the counts hold either as a key."""
    assert not {*Status} & {*UpdateStatus}
    assert len({*Status, *UpdateStatus}) == len(Status) + len(UpdateStatus)

"""From a transport's answer to the ledger's next state."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.model.delivery import CODE_LIMIT, ERROR_LIMIT, Delivery, Standing, Status, UpdateStatus
from mailer.model.outcome import (
    Accepted,
    AccountPaused,
    JobRefused,
    NoAnswer,
    Outcome,
    RecipientRefused,
    Refused,
    Throttled,
    TransportDown,
)
from mailer.worker.outcomes import (
    MAX_RETRIES,
    Next,
    after,
    change_of,
    update_failed,
    without_mail,
)

UNCOUNTED = [Throttled, TransportDown, AccountPaused, JobRefused]


@pytest.mark.parametrize(("has_update", "update"), [(True, UpdateStatus.DUE), (False, UpdateStatus.NONE)])
def test_a_mail_that_was_taken_is_sent_and_its_update_query_due_if_there_is_one(
    has_update: bool, update: UpdateStatus
) -> None:
    assert after(Accepted("ses-1"), 2, has_update=has_update) == Next(Status.SENT, update, 2, "ses-1")


def test_no_answer_is_unknown() -> None:
    result = after(NoAnswer("timeout", "18초 동안 답이 없음"), 1, has_update=True)
    assert result == Next(Status.UNKNOWN, UpdateStatus.NONE, 1, None, "timeout", "18초 동안 답이 없음")


def test_a_refusal_of_the_recipient_is_final() -> None:
    result = after(RecipientRefused("MessageRejected", "bad content"), 0, has_update=True)
    assert (result.status, result.update_status, result.error_code) == (
        Status.FAILED,
        UpdateStatus.NONE,
        "MessageRejected",
    )


def test_a_refusal_that_names_nobody_is_tried_three_times_more() -> None:
    tries, states = 0, []
    for _ in range(MAX_RETRIES + 1):
        result = after(Refused("500", "internal"), tries, has_update=True)
        tries = result.tries
        states.append(result.status)
    assert states == [Status.PENDING] * 3 + [Status.FAILED]
    assert tries == 4


@given(kind=st.sampled_from(UNCOUNTED), tries=st.integers(min_value=0, max_value=10))
def test_what_is_not_the_mails_fault_never_uses_up_a_try(kind: type[Throttled], tries: int) -> None:
    result = after(kind("code", "text"), tries, has_update=True)
    assert (result.status, result.tries, result.error_code) == (Status.PENDING, tries, "code")


def test_a_call_that_was_not_made_leaves_the_mail_as_it_was() -> None:
    assert after(None, 2, has_update=True) == Next(Status.PENDING, UpdateStatus.NONE, 2)


@pytest.mark.parametrize("kind", [NoAnswer, RecipientRefused, Refused, *UNCOUNTED])
def test_what_is_said_is_cut_to_what_the_ledger_keeps(kind: type[Refused]) -> None:
    outcome: Outcome = kind("가" * 5000, "나" * 5000)
    result = after(outcome, 0, has_update=False)
    assert (len(result.error_code or ""), len(result.error or "")) == (CODE_LIMIT, ERROR_LIMIT)


def test_a_delivery_without_a_mail_says_why() -> None:
    result = without_mail(Status.SKIPPED, "attachment missing", "명세서.pdf is not there" * 100)
    assert (result.status, result.update_status, result.tries) == (Status.SKIPPED, UpdateStatus.NONE, 0)
    assert result.error_code == "attachment missing"
    assert len(result.error or "") == ERROR_LIMIT


def test_an_update_query_that_fails_leaves_the_mail_sent() -> None:
    result = update_failed(1, "ORA-00942" * 1000)
    assert (result.status, result.update_status, result.tries) == (Status.SENT, UpdateStatus.FAILED, 1)
    assert len(result.error or "") == ERROR_LIMIT


def test_a_change_leads_from_where_the_row_stood_to_the_result() -> None:
    delivery = Delivery(7, 3, 2, 1, "하나", None, {}, "token", Status.PENDING, 1, 0, UpdateStatus.NONE, None)
    before = Standing(Status.SENDING, 2, UpdateStatus.NONE)
    change = change_of(delivery, before, 2, after(Accepted("ses-1"), 1, has_update=True))
    assert (change.delivery_id, change.job_id, change.batch_no) == (7, 3, 2)
    assert (change.before, change.after) == (before, Standing(Status.SENT, 2, UpdateStatus.DUE))
    assert (change.tries, change.message_id) == (1, "ses-1")

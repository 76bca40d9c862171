"""SES's event records: AWS's own examples, what is malformed, what is of other mails, and what follows from each."""

import json
from collections.abc import Iterable
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.model.delivery import Standing, Status, UpdateStatus
from mailer.model.ses_event import (
    TOPIC_VALIDATED,
    EventKind,
    Feedback,
    SesEvent,
    feedback_after,
    read_event,
    standing_after,
)
from tests.doubles.ses_events import example, record, wrapped

TOKEN = "a1b2c3d4e5f60718"
REJECTING = (EventKind.REJECT, EventKind.RENDERING_FAILURE)
ACCEPTING = tuple(kind for kind in EventKind if kind not in REJECTING)


def read(made: object) -> SesEvent | None:
    return read_event(json.dumps(made))


def seen(kind: EventKind, **more: Any) -> SesEvent:
    """An event of delivery 12."""
    event = read(record(kind, delivery=12, token=TOKEN, **more))
    assert event is not None
    return event


def standing(status: Status, update: UpdateStatus = UpdateStatus.NONE) -> Standing:
    return Standing(status, 3, update)


@pytest.mark.parametrize("kind", EventKind)
def test_each_kind_is_read_with_its_delivery_token_and_message(kind: EventKind) -> None:
    event = seen(kind, message_id="0102-명세서")
    assert (event.kind, event.delivery_id, event.token, event.message_id) == (kind, 12, TOKEN, "0102-명세서")


@pytest.mark.parametrize("kind", EventKind)
def test_an_event_says_the_same_raw_and_wrapped_by_sns(kind: EventKind) -> None:
    body = json.dumps(record(kind, delivery=12, token=TOKEN), ensure_ascii=False)
    assert read_event(wrapped(body)) == read_event(body) is not None


@pytest.mark.parametrize("kind", EventKind)
def test_aws_own_examples_are_of_mails_that_are_not_ours(kind: EventKind) -> None:
    assert read(example(kind)) is None


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (EventKind.BOUNCE, "Permanent General"),
        (EventKind.COMPLAINT, "abuse"),
        (EventKind.REJECT, "Bad content"),
        (EventKind.RENDERING_FAILURE, "Attribute 'attributeName' is not present in the rendering data."),
        (EventKind.SEND, ""),
        (EventKind.DELIVERY, ""),
    ],
)
def test_the_reason_is_what_ses_says(kind: EventKind, reason: str) -> None:
    assert seen(kind).reason == reason


@pytest.mark.parametrize("value", ["12", 12], ids=["text", "number"])
def test_a_delivery_may_be_written_as_text_or_as_a_number(value: object) -> None:
    made = record(EventKind.SEND, delivery=0, token=TOKEN)
    made["mail"]["tags"]["delivery"] = [value]
    event = read(made)
    assert event is not None
    assert event.delivery_id == 12


@pytest.mark.parametrize(
    "tags",
    [
        {"token": [TOKEN]},
        {"delivery": ["12"]},
        {"delivery": [], "token": [TOKEN]},
        {"delivery": "12", "token": TOKEN},
        {"delivery": ["-12"], "token": [TOKEN]},
        {"delivery": ["12.0"], "token": [TOKEN]},
        {"delivery": ["١٢"], "token": [TOKEN]},
        {"delivery": [True], "token": [TOKEN]},
        {"delivery": ["9" * 19], "token": [TOKEN]},
        {"delivery": ["12"], "token": [""]},
        {"delivery": ["12"], "token": ["x" * 33]},
        {"delivery": ["12"], "token": ["a\x00b"]},
        {"delivery": ["12"], "token": ["\ud800"]},
    ],
    ids=str,
)
def test_tags_that_we_never_set_are_another_mails(tags: dict[str, object]) -> None:
    made = example(EventKind.SEND)
    made["mail"]["tags"] = tags
    assert read(made) is None


def test_a_kind_that_ses_has_learnt_since_is_passed_over() -> None:
    assert read(record(EventKind.SEND, delivery=12, token=TOKEN) | {"eventType": "Telepathy"}) is None


@pytest.mark.parametrize("body", [TOPIC_VALIDATED, f"{TOPIC_VALIDATED}\n", wrapped(TOPIC_VALIDATED)])
def test_what_ses_says_of_a_new_topic_is_no_mail(body: str) -> None:
    assert read_event(body) is None


@pytest.mark.parametrize(
    "body",
    [
        "",
        "안녕하세요",
        "{",
        "[]",
        "null",
        "12",
        "{}",
        '{"eventType": "Send"}',
        '{"eventType": "Send", "mail": []}',
        '{"notificationType": "Bounce", "mail": {}, "bounce": {}}',
        '{"Message": {"eventType": "Send"}}',
        '{"Message": "no JSON"}',
        "[" * 100_000,
        "9" * 5_000,
        wrapped("[" * 100_000),
    ],
    ids=lambda body: body[:30],
)
def test_what_is_no_event_is_refused(body: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever json says, too
        read_event(body)


@pytest.mark.parametrize(
    ("kind", "part"),
    [
        (EventKind.BOUNCE, "bounce"),
        (EventKind.COMPLAINT, "complaint"),
        (EventKind.REJECT, "reject"),
        (EventKind.RENDERING_FAILURE, "failure"),
    ],
)
@pytest.mark.parametrize("value", [None, [], "text"])
def test_an_event_without_what_its_kind_is_about_is_refused(kind: EventKind, part: str, value: object) -> None:
    with pytest.raises(ValueError, match=part):
        read(record(kind, delivery=12, token=TOKEN) | {part: value})


def test_texts_are_cut_to_one_line_that_the_tables_can_hold() -> None:
    made = record(EventKind.REJECT, delivery=12, token=TOKEN, message_id="m" * 300)
    made["reject"]["reason"] = "나쁜\r\nBcc: 내용\x00 \ud800" + "x" * 2000
    event = read(made)
    assert event is not None
    assert event.reason.startswith("나쁜 Bcc: 내용 ?xxx")
    assert (len(event.reason), len(event.message_id or "")) == (1000, 200)


@pytest.mark.parametrize("value", [None, 12, [], ""])
def test_a_message_id_that_is_no_text_is_none(value: object) -> None:
    made = record(EventKind.SEND, delivery=12, token=TOKEN)
    made["mail"]["messageId"] = value
    event = read(made)
    assert event is not None
    assert event.message_id is None


@pytest.mark.parametrize(
    ("bounce", "suppresses"), [("Permanent", True), ("Transient", False), ("Undetermined", False), ("permanent", False)]
)
def test_only_a_permanent_bounce_suppresses_and_every_one_is_feedback(bounce: str, suppresses: bool) -> None:
    event = seen(EventKind.BOUNCE, bounce=bounce)
    assert event.suppresses is suppresses
    assert bool(event.named) is suppresses
    assert feedback_after(None, event) is Feedback.BOUNCED


def test_a_complaint_suppresses_unless_it_takes_one_back() -> None:
    made = record(EventKind.COMPLAINT, delivery=12, token=TOKEN)
    complaint = read(made)
    made["complaint"]["complaintFeedbackType"] = "not-spam"
    taken_back = read(made)
    assert complaint is not None
    assert taken_back is not None
    assert (complaint.suppresses, taken_back.suppresses) == (True, False)
    assert feedback_after(Feedback.DELIVERED, complaint) is Feedback.COMPLAINED
    assert feedback_after(Feedback.DELIVERED, taken_back) is Feedback.DELIVERED


def test_addresses_are_named_as_the_ledger_writes_them_and_what_is_none_is_left_out() -> None:
    made = record(EventKind.BOUNCE, delivery=12, token=TOKEN)
    given_addresses = [
        " Hong@명세서.한국 ",
        "kim@EXAMPLE.com",
        "nobody",
        "",
        None,
        3,
        "a@b.com\r\nBcc: c@d.com",
        "\ud800@x",
    ]
    made["bounce"]["bouncedRecipients"] = [{"emailAddress": one} for one in given_addresses] + [None, "kim@example.com"]
    event = read(made)
    assert event is not None
    assert event.named == ("hong@xn--v42bo4jnc.xn--3e0b707e", "kim@example.com")


@pytest.mark.parametrize("recipients", [None, {}, "kim@example.com", []])
def test_a_permanent_bounce_that_names_nobody_still_suppresses_the_recipient(recipients: object) -> None:
    made = record(EventKind.BOUNCE, delivery=12, token=TOKEN)
    made["bounce"]["bouncedRecipients"] = recipients
    event = read(made)
    assert event is not None
    assert (event.suppresses, event.named) == (True, ())


@pytest.mark.parametrize("kind", ACCEPTING)
@pytest.mark.parametrize("status", [status for status in Status if status is not Status.SENT])
@pytest.mark.parametrize("has_update", [True, False])
def test_evidence_that_ses_took_the_mail_makes_it_sent_whatever_it_was(
    kind: EventKind, status: Status, has_update: bool
) -> None:
    after = standing_after(standing(status), seen(kind), has_update=has_update)
    assert after == standing(Status.SENT, UpdateStatus.DUE if has_update else UpdateStatus.NONE)


@pytest.mark.parametrize("kind", EventKind)
@pytest.mark.parametrize("update", UpdateStatus)
def test_what_is_sent_stays_so_and_its_update_query_does_not_run_again(kind: EventKind, update: UpdateStatus) -> None:
    assert standing_after(standing(Status.SENT, update), seen(kind), has_update=True) is None


@pytest.mark.parametrize("kind", REJECTING)
@pytest.mark.parametrize("status", [Status.SENDING, Status.UNKNOWN])
def test_what_ses_will_not_send_is_failed_where_nobody_knew(kind: EventKind, status: Status) -> None:
    assert standing_after(standing(status), seen(kind), has_update=True) == standing(Status.FAILED)


@pytest.mark.parametrize("kind", REJECTING)
@pytest.mark.parametrize("status", [Status.PENDING, Status.FAILED, Status.SKIPPED])
def test_a_reject_changes_nothing_that_was_settled(kind: EventKind, status: Status) -> None:
    assert standing_after(standing(status), seen(kind), has_update=True) is None


@pytest.mark.parametrize(
    ("kinds", "feedback"),
    [
        ([EventKind.SEND, EventKind.OPEN, EventKind.CLICK, EventKind.DELIVERY_DELAY, EventKind.SUBSCRIPTION], None),
        ([EventKind.SEND, EventKind.DELIVERY, EventKind.OPEN], Feedback.DELIVERED),
        ([EventKind.SEND, EventKind.DELIVERY, EventKind.BOUNCE], Feedback.BOUNCED),
        ([EventKind.DELIVERY, EventKind.BOUNCE, EventKind.COMPLAINT], Feedback.COMPLAINED),
        ([EventKind.REJECT], Feedback.REJECTED),
        ([EventKind.RENDERING_FAILURE], Feedback.REJECTED),
    ],
    ids=str,
)
def test_the_gravest_feedback_stays_in_whatever_order_events_come(
    kinds: list[EventKind], feedback: Feedback | None
) -> None:
    for order in permutations(kinds):
        assert heeded(standing(Status.SENT), [seen(kind) for kind in order], has_update=False)[1] == feedback


def heeded(
    found: Standing, events: Iterable[SesEvent], *, has_update: bool
) -> tuple[Standing, Feedback | None, frozenset[str]]:
    """Where a delivery stands after these events, one by one, with what is suppressed."""
    feedback: Feedback | None = None
    suppressed: set[str] = set()
    for event in events:
        found = standing_after(found, event, has_update=has_update) or found
        feedback = feedback_after(feedback, event)
        suppressed |= set(event.named)
    return found, feedback, frozenset(suppressed)


@given(
    st.sampled_from([status for status in Status if status is not Status.SENT]),
    st.booleans(),
    st.data(),
)
def test_any_order_and_repetition_of_events_ends_the_same(
    status: Status, has_update: bool, data: st.DataObject
) -> None:
    kinds = st.sampled_from(EventKind)
    bounces = st.sampled_from(["Permanent", "Transient"])
    events = data.draw(st.lists(st.builds(lambda kind, bounce: seen(kind, bounce=bounce), kinds, bounces), min_size=1))
    again = data.draw(st.permutations(events + data.draw(st.lists(st.sampled_from(events)))))
    once = heeded(standing(status), events, has_update=has_update)
    assert heeded(standing(status), again, has_update=has_update) == once
    if any(event.kind.proves_acceptance for event in events):
        assert once[0].status is Status.SENT


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_whatever_stands_in_a_record_it_is_read_passed_over_or_refused(anything: object) -> None:
    for part in ("eventType", "mail", "bounce", "tags", "bouncedRecipients", "bounceType", "messageId"):
        made = record(EventKind.BOUNCE, delivery=12, token=TOKEN)
        for table in (made, made["mail"], made["bounce"]):
            if part in table:
                table[part] = anything
        try:
            event = read(made)
        except ValueError:
            continue
        assert event is None or event.delivery_id == 12

"""What a target row becomes in the ledger, whatever it holds: each row has its place there, and none stops the list."""

import pytest

from mailer.model.automation import Dbio
from mailer.model.delivery import Status
from mailer.model.row import Row, Value
from mailer.worker.loading import new_delivery

DBIO = Dbio("crm", "SELECT CUST_ID, EMAIL FROM CUSTOMER", key="CUST_ID", email="EMAIL")


def becomes(key: Value, email: Value) -> tuple[str, str | None, Status, str | None]:
    delivery = new_delivery(DBIO, {"CUST_ID": key, "EMAIL": email}, 7, new_token=lambda: "token")
    return delivery.recipient_key, delivery.email, delivery.status, delivery.error


def test_a_row_with_key_and_address_is_pending() -> None:
    assert becomes(17, " kim@example.co.kr ") == ("17", "kim@example.co.kr", Status.PENDING, None)


@pytest.mark.parametrize("key", ["가" * 400, "a\r\nb", "../../etc/passwd", "$(X)", "<b>", "\x1b[31m", b"\x00" * 200])
def test_a_key_may_hold_anything(key: Value) -> None:
    recipient_key, _, status, _ = becomes(key, "kim@example.co.kr")
    assert (recipient_key, status) == (key.hex() if isinstance(key, bytes) else key, Status.PENDING)


@pytest.mark.parametrize("key", ["가" * 401, "a" * 1_000_000, b"\x00" * 201])
def test_a_key_longer_than_the_ledger_holds_fails_its_row_alone_and_is_named_by_its_number(key: Value) -> None:
    error = "the key is longer than 400 characters"
    assert becomes(key, "kim@example.co.kr") == ("#7", "kim@example.co.kr", Status.FAILED, error)
    row: Row = {"CUST_ID": key, "EMAIL": "kim@example.co.kr"}
    assert new_delivery(DBIO, row, 7, new_token=lambda: "token").error_code == "key too long"


@pytest.mark.parametrize("email", ["a" * 1_000_000, "kim@example.co.kr\r\nBcc: lee@example.co.kr", "\0", b"\xff" * 9])
def test_an_address_that_is_none_fails_its_row_alone_and_is_kept_as_far_as_it_fits(email: Value) -> None:
    recipient_key, kept, status, error = becomes(17, email)
    assert (recipient_key, status) == ("17", Status.FAILED)
    assert len(kept or "") <= 320
    assert error is not None
    assert len(error) < 200

"""What an export of the ledger says of each delivery."""

from mailer.cli.export import Shape
from mailer.cli.output import iso
from mailer.db.record import Record


def _values(record: Record) -> list[str | int | None]:
    """Times in UTC, ISO 8601. An error that says no more than its code is left out."""
    code, error = record.maybe_text("ERROR_CODE"), record.maybe_text("ERROR")
    return [
        record.integer("ROW_NO"),
        record.text("RECIPIENT_KEY"),
        record.maybe_text("EMAIL"),
        record.text("STATUS"),
        record.integer("ATTEMPT"),
        record.maybe_text("MESSAGE_ID"),
        code,
        None if error == code else error,
        record.text("UPDATE_STATUS"),
        record.maybe_text("FEEDBACK"),
        iso(record.maybe_moment("SENDING_AT")),
        iso(record.maybe_moment("DONE_AT")),
    ]


DELIVERIES = Shape(
    (
        *("row_no", "key", "email", "status", "attempt", "message_id", "error_code", "error"),
        *("update_status", "feedback", "sending_at", "done_at"),
    ),
    _values,
)

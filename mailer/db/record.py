"""One row of mailer's own tables, read by column name and type."""

from datetime import UTC, datetime

from mailer.model.row import Value


class Record(dict[str, Value]):
    """Column name, upper case, to value. A getter raises TypeError where the column holds another type."""

    def integer(self, column: str) -> int:
        """The column's whole number."""
        value = self[column]
        if not isinstance(value, int):
            raise TypeError(f"{column} holds no whole number")
        return value

    def number(self, column: str) -> float:
        """The column's number."""
        value = self[column]
        if not isinstance(value, int | float):
            raise TypeError(f"{column} holds no number")
        return float(value)

    def text(self, column: str) -> str:
        """The column's text."""
        value = self[column]
        if not isinstance(value, str):
            raise TypeError(f"{column} holds no text")
        return value

    def moment(self, column: str) -> datetime:
        """The column's time, aware, in UTC. A driver may give it naive, or as the text that it is kept as."""
        value = self[column]
        if isinstance(value, str):
            value = datetime.fromisoformat(value)
        if not isinstance(value, datetime):
            raise TypeError(f"{column} holds no time")
        return value.replace(tzinfo=UTC)

    def maybe_integer(self, column: str) -> int | None:
        """The column's whole number, or None where it is NULL."""
        return None if self[column] is None else self.integer(column)

    def maybe_number(self, column: str) -> float | None:
        """The column's number, or None where it is NULL."""
        return None if self[column] is None else self.number(column)

    def maybe_text(self, column: str) -> str | None:
        """The column's text, or None where it is NULL."""
        return None if self[column] is None else self.text(column)

    def maybe_moment(self, column: str) -> datetime | None:
        """The column's time, or None where it is NULL."""
        return None if self[column] is None else self.moment(column)

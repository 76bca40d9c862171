"""`mailer doctor`."""


def doctor() -> None:
    """To come."""

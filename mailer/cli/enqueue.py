"""`mailer enqueue`."""


def enqueue() -> None:
    """To come."""

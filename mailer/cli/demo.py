"""`mailer demo`."""


def demo() -> None:
    """To come."""

"""What holds for all tests."""

from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def logs_of_its_own() -> Iterator[None]:
    """A command that ran in the test's process leaves logs that go to a file which is closed by then."""
    yield
    structlog.reset_defaults()

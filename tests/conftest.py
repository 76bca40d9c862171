"""What holds for all tests."""

import signal
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import HealthCheck, settings

# A suite that is started in the background ignores Ctrl-C, and so would each command that it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples each time, so that a change is judged by what it changed; `--hypothesis-profile=search` looks for
# new ones. A machine that is busy with other things is no failure.
settings.register_profile("same", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
settings.register_profile("search", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=1000)
settings.load_profile("same")


@pytest.fixture(autouse=True)
def logs_of_its_own() -> Iterator[None]:
    """A command that ran in the test's process leaves logs that go to a file which is closed by then."""
    yield
    structlog.reset_defaults()

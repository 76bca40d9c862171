"""`mailer --version`."""

from importlib.metadata import version

from tests.e2e.commands import Mailer


def test_the_version_is_that_of_the_package(command: Mailer) -> None:
    ran = command("--version")
    assert (ran.code, ran.stdout, ran.stderr) == (0, f"mailer {version('mailer')}\n", "")

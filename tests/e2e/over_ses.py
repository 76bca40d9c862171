"""Commands that send over the double of SES, which counts what nobody may get twice."""

from pathlib import Path
from time import monotonic, sleep

from tests.doubles.ses import environment
from tests.doubles.ses_process import SesProcess
from tests.e2e.commands import TIMEOUT, look
from tests.e2e.crew import Crew
from tests.e2e.people import NAME, OWNER


def over(url: str, **settings: str) -> dict[str, str]:
    """The settings of a command that sends over the double."""
    return {**environment(url), "MAILER_TRANSPORT": "ses", "MAILER_SES_RATE": "100", **settings}


def apply_and_enqueue(workplace: Path, definition: str) -> None:
    """Job 1 waits."""
    applied = look(workplace, "automation", "apply", definition)
    assert applied.code == 0, applied.stderr
    assert look(workplace, "enqueue", NAME).stdout == "job 1 waiting\n"


def run(crew: Crew, ses: SesProcess, **settings: str) -> None:
    """Until there is nothing left to do."""
    crew.run_until_idle(over(ses.url, **settings))


def wait_for_mails(ses: SesProcess, number: int) -> None:
    """Until the double has accepted so many."""
    deadline = monotonic() + TIMEOUT
    while ses.stats()["accepted"] < number:
        assert monotonic() < deadline, "mails do not come"
        sleep(0.01)


def people_mailed(ses: SesProcess) -> list[str]:
    """To whom mails went, the warnings to the owner aside; who got two is there twice."""
    return [mail.to for mail in ses.mails() if mail.to != OWNER]

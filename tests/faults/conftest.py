"""Fixtures of the fault tests: a workplace beside a double of SES."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doubles.ses_process import SesProcess, ses_process
from tests.faults.disks import Disk, LimitedFiles, mounted
from tests.faults.workplace import Workplace


@pytest.fixture(scope="session")
def running_ses() -> Iterator[SesProcess]:
    """A double of SES for all tests; each finds it as new."""
    with ses_process() as ses:
        yield ses


@pytest.fixture
def ses(running_ses: SesProcess) -> SesProcess:
    """SES that answers after 20 ms, as a near region does, without limits or faults."""
    running_ses.clear_faults()
    running_ses.clear_mails()
    running_ses.limit(rate=None, quota=None, latency=0.02, sending_enabled=True)
    return running_ses


@pytest.fixture
def workplace(tmp_path: Path, ses: SesProcess) -> Iterator[Workplace]:
    """An empty workplace. What still runs in it at the end is killed."""
    folder = tmp_path / "작업"
    (folder / "attachments").mkdir(parents=True)
    place = Workplace(folder, ses, tmp_path)
    yield place
    place.kill_all()


@pytest.fixture(params=["small disk", "limited files"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    """A disk that can be full."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if request.param == "limited files":
        yield LimitedFiles(folder)
        return
    with mounted(folder) as small:
        if small is None:
            pytest.skip("no tmpfs may be mounted here: RLIMIT_FSIZE has to do")
        yield small

"""The outbox: real files in real folders, and what becomes of a mail where they can't be written."""

import os
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from functools import partial
from pathlib import Path

import anyio
import pytest

from mailer.clock import SystemClock
from mailer.errors import ConfigurationError
from mailer.model.message import Message
from mailer.model.outcome import Accepted, NoAnswer, Outcome, RecipientRefused, TransportDown
from mailer.transports.outbox import Outbox

PATIENT = 60.0
"""Seconds; longer than any test takes."""


def files_in(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox(tmp_path / "outbox", SystemClock())


async def test_a_mail_becomes_a_file_named_by_its_label_in_a_folder_made_for_it(
    outbox: Outbox, mail: Message, tmp_path: Path
) -> None:
    async with outbox:
        outcome = await outbox.send(mail, timeout=PATIENT)

    (file,) = files_in(tmp_path / "outbox")
    assert file.name == "7-홍길동-12.eml"
    assert outcome == Accepted(message_from_bytes(file.read_bytes())["Message-ID"])


async def test_a_label_may_name_a_folder_of_its_own(outbox: Outbox, mail: Message, tmp_path: Path) -> None:
    await outbox.send(replace(mail, label="alerts/작업 실패"), timeout=PATIENT)
    assert (tmp_path / "outbox" / "alerts" / "작업 실패.eml").is_file()


@pytest.mark.parametrize("label", ["../out", "/tmp/out", "alerts/../../out"])
async def test_a_label_never_leaves_the_outbox(outbox: Outbox, mail: Message, label: str) -> None:
    with pytest.raises(ValueError, match="stay in the outbox"):
        await outbox.send(replace(mail, label=label), timeout=PATIENT)


async def test_a_mail_sent_again_takes_the_place_of_the_first(outbox: Outbox, mail: Message, tmp_path: Path) -> None:
    first = await outbox.send(mail, timeout=PATIENT)
    again = await outbox.send(replace(mail, html="<p>다시</p>"), timeout=PATIENT)
    (file,) = files_in(tmp_path / "outbox")
    assert first == again
    assert b"PHA+64uk7IucPC9wPg==" in file.read_bytes()


@pytest.mark.parametrize("durable", [False, True])
async def test_many_at_once_are_as_many_whole_files(mail: Message, tmp_path: Path, durable: bool) -> None:
    outbox = Outbox(tmp_path, SystemClock(), durable=durable)
    async with anyio.create_task_group() as group:
        for number in range(50):
            one = replace(mail, label=f"7-{number}", tags=(("delivery", str(number)),))
            group.start_soon(partial(outbox.send, one, timeout=PATIENT))
    files = files_in(tmp_path)
    assert len(files) == 50
    for file in files:
        parsed = message_from_bytes(file.read_bytes())
        assert parsed["Message-ID"] == f"<{file.stem.removeprefix('7-')}@example.co.kr>"
        assert len(parsed.get_payload()) == 3


async def test_a_folder_removed_while_it_runs_is_made_again(outbox: Outbox, mail: Message, tmp_path: Path) -> None:
    await outbox.send(mail, timeout=PATIENT)
    (tmp_path / "outbox" / "7-홍길동-12.eml").unlink()
    (tmp_path / "outbox").rmdir()
    assert isinstance(await outbox.send(mail, timeout=PATIENT), Accepted)


async def test_a_folder_that_cannot_be_made_is_nobodys_failure(mail: Message, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    outbox = Outbox(tmp_path / "file" / "outbox", SystemClock())
    outcome = await outbox.send(mail, timeout=PATIENT)
    assert outcome == TransportDown("ENOTDIR", f"the outbox folder {tmp_path}/file/outbox: Not a directory")


@contextmanager
def without_permission(folder: Path) -> Iterator[None]:
    """The folder may be read and not written; root, who may write everywhere, becomes nobody for so long."""
    user = os.geteuid()
    folder.chmod(0o500)
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)
        folder.chmod(0o700)


async def test_a_folder_without_permission_is_nobodys_failure(mail: Message, tmp_path: Path) -> None:
    outbox = Outbox(tmp_path, SystemClock())
    with without_permission(tmp_path):
        outcome = await outbox.send(mail, timeout=PATIENT)
    assert outcome == TransportDown("EACCES", f"the outbox folder {tmp_path}: Permission denied")
    assert isinstance(await outbox.send(mail, timeout=PATIENT), Accepted)


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """The system refuses to write files beyond this size, as it does on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_disk_without_room_is_nobodys_failure_and_leaves_nothing_behind(
    outbox: Outbox, mail: Message, tmp_path: Path
) -> None:
    large = replace(mail, text="x" * 8_000_000)
    with largest_file(4_000_000):
        outcome = await outbox.send(large, timeout=PATIENT)
    assert isinstance(outcome, TransportDown)
    assert outcome.code == "EFBIG"
    assert files_in(tmp_path / "outbox") == []
    assert isinstance(await outbox.send(large, timeout=PATIENT), Accepted)


async def test_a_name_that_no_file_can_have_is_that_recipients_failure(outbox: Outbox, mail: Message) -> None:
    outcome = await outbox.send(replace(mail, label="홍" * 100), timeout=PATIENT)
    assert isinstance(outcome, RecipientRefused)
    assert outcome.code == "ENAMETOOLONG"


async def test_half_a_character_is_that_recipients_failure(outbox: Outbox, mail: Message) -> None:
    outcome = await outbox.send(replace(mail, text="\ud800"), timeout=PATIENT)
    assert isinstance(outcome, RecipientRefused)


class StuckClock(SystemClock):
    """A write that hangs until `free`: the outbox reads the clock in its thread."""

    def __init__(self) -> None:
        self.free = threading.Event()

    def now(self) -> datetime:
        self.free.wait(60)
        return datetime.now(UTC)


async def test_a_write_that_hangs_is_in_doubt_and_one_that_never_began_is_not(mail: Message, tmp_path: Path) -> None:
    clock = StuckClock()
    outbox = Outbox(tmp_path, clock)
    outcomes: list[Outcome] = []

    async def send(number: int) -> None:
        outcomes.append(await outbox.send(replace(mail, label=str(number)), timeout=0.3))

    try:
        async with anyio.create_task_group() as group:
            for number in range(6):
                group.start_soon(send, number)
    finally:
        clock.free.set()
    kinds = sorted(type(outcome).__name__ for outcome in outcomes)
    assert kinds == ["NoAnswer"] * 4 + ["TransportDown"] * 2
    assert NoAnswer("Timeout", "the outbox folder did not answer within 0.3 s") in outcomes


async def test_a_folder_has_no_rate(outbox: Outbox) -> None:
    assert await outbox.max_rate() is None


async def test_a_check_makes_no_folder_and_leaves_one_that_is_there_empty(outbox: Outbox, tmp_path: Path) -> None:
    await outbox.check()
    assert not await anyio.Path(tmp_path / "outbox").exists()
    (tmp_path / "outbox").mkdir()
    await outbox.check()
    assert files_in(tmp_path / "outbox") == []


@pytest.mark.parametrize("path", ["file", "file/outbox"])
async def test_a_check_of_a_wrong_path_says_what_to_do(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="Not a directory") as wrong:
        await Outbox(tmp_path / path, SystemClock()).check()
    assert "MAILER_OUTBOX" in wrong.value.next_step

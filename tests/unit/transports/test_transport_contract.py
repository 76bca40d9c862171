"""What every transport does alike: the port's contract, on the outbox and on SES."""

from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import anyio
import pytest

from mailer.clock import SystemClock
from mailer.model.message import Message
from mailer.model.outcome import Accepted, Outcome, TransportDown
from mailer.transports.outbox import Outbox
from mailer.transports.ses import SesTransport
from mailer.transports.ses_lean import LeanSesTransport
from mailer.transports.transport import Transport
from tests.doubles.ses import SesDouble

PATIENT = 60.0


class Breakable:
    """A transport, and a hand to take it down and bring it back."""

    def __init__(self, transport: Transport, folder: Path, ses: SesDouble) -> None:
        self.transport, self._folder, self._ses = transport, folder, ses

    async def take_down(self) -> None:
        if isinstance(self.transport, Outbox):
            self._folder.touch()
        else:
            await self._ses.refuse_connections()

    async def bring_back(self) -> None:
        if isinstance(self.transport, Outbox):
            self._folder.unlink()
        else:
            await self._ses.accept_connections()


@pytest.fixture(params=["outbox", "ses", "lean ses"])
async def breakable(request: pytest.FixtureRequest, tmp_path: Path, ses: SesDouble) -> AsyncIterator[Breakable]:
    folder = tmp_path / "outbox"
    transports: dict[str, Transport] = {
        "outbox": Outbox(folder, SystemClock()),
        "ses": SesTransport(),
        "lean ses": LeanSesTransport(SystemClock()),
    }
    async with transports[request.param] as transport:
        yield Breakable(transport, folder, ses)


async def test_an_accepted_mail_has_an_id_of_its_own(breakable: Breakable, mail: Message) -> None:
    outcomes: list[Outcome] = []

    async def send(number: int) -> None:
        one = replace(mail, label=f"7-{number}", tags=(("delivery", str(number)),))
        outcomes.append(await breakable.transport.send(one, timeout=PATIENT))

    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(partial(send, number))

    ids = {outcome.message_id for outcome in outcomes if isinstance(outcome, Accepted)}
    assert len(ids) == 20
    assert all(ids)


async def test_while_it_is_down_nobody_is_failed_and_afterwards_it_goes_on(breakable: Breakable, mail: Message) -> None:
    await breakable.take_down()
    assert isinstance(await breakable.transport.send(mail, timeout=PATIENT), TransportDown)
    assert isinstance(await breakable.transport.send(mail, timeout=PATIENT), TransportDown)
    await breakable.bring_back()
    assert isinstance(await breakable.transport.send(mail, timeout=PATIENT), Accepted)

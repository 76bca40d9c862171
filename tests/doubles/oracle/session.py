"""One connection of a client, from its first packet to its last.

A loop reads packets, for a break may come while a statement runs; a task beside it makes requests of them and answers.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

import psycopg

from . import replies
from .calls import Binds, Calls
from .errors import CANCELLED, OracleError
from .faults import Action, Fault
from .logon import Logons
from .packets import VERSION_11G, Marker, PacketStream, PacketType, is_goodbye, service_name
from .requests import (
    CloseCursors,
    CurrentSchema,
    EndToEnd,
    Execute,
    Fetch,
    FreeLobs,
    Function,
    LobCall,
    Logon,
    Negotiation,
    Request,
    Simple,
    bind_row,
    parse,
)
from .wire import MoreNeeded, Reader

if TYPE_CHECKING:
    from .server import StandIn

_T = TypeVar("_T")
_log = logging.getLogger(__name__)
_CANCEL_AGAIN = 0.1


class _Interrupted(Exception):
    """The client gave up a request that it had sent only in part."""


class Session:
    """What the stand-in has of a connection; `sid` and `serial` are what ALTER SYSTEM KILL SESSION takes."""

    def __init__(self, standin: StandIn, packets: PacketStream, sid: int) -> None:
        self.sid = sid
        self.serial = 1000 + sid
        self.user = ""
        self.attributes: dict[str, str] = {}
        self.calls: Calls | None = None
        self._standin = standin
        self._packets = packets
        self._logons = Logons(standin, self)
        self._buffer = bytearray()
        self._reader = Reader(self._buffer)
        self._arrived = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._broken = asyncio.Event()
        self._partial_given_up = False
        self._hung = False

    @property
    def executing(self) -> bool:
        return not self._idle.is_set()

    @property
    def open_cursors(self) -> int:
        return self.calls.open_cursors if self.calls else 0

    def kill(self) -> None:
        """Cuts the connection at once, whatever runs."""
        self._packets.abort()

    async def run(self) -> None:
        """Serves the connection until either side ends it. Never raises for what a client or a fault does to it."""
        try:
            if await self._connect():
                async with asyncio.TaskGroup() as tasks:
                    answering = tasks.create_task(self._answer_all())
                    try:
                        await self._read_packets()
                    finally:
                        await self._end(answering)
        except* (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._standin.forget(self)
            self._packets.close()
            if self.calls:
                await self.calls.close()

    async def _end(self, answering: asyncio.Task[None]) -> None:
        """Until it has ended: asyncio.wait_for of Python 3.11, in psycopg, may lose a cancellation."""
        with suppress(psycopg.Error):
            await self._stop_executing()
        while not answering.done():
            answering.cancel()
            await asyncio.wait([answering], timeout=_CANCEL_AGAIN)

    async def _connect(self) -> bool:
        description = await self._packets.read_connect()
        fault = self._standin.faults.strike("connect")
        if fault:
            return await self._spoil_connect(fault)
        if service_name(description) != self._standin.service:
            self._packets.refuse(12514)
            return False
        self._packets.accept()
        return True

    async def _spoil_connect(self, fault: Fault) -> bool:
        match fault.action:
            case Action.REFUSE | Action.ERROR:
                self._packets.refuse(fault.code)
            case Action.HANG:
                await self._packets.read()  # until the client gives up
            case Action.ENCRYPT:
                self._packets.accept(native_encryption=True)
                await self._packets.read()
            case Action.OLD:
                self._packets.accept(version=VERSION_11G)
                await self._packets.read()
            case Action.SLOW:
                await asyncio.sleep(fault.seconds)
                self._packets.accept()
                return True
        return False

    async def _read_packets(self) -> None:
        while True:
            kind, body = await self._packets.read()
            if self._hung:
                continue
            if kind == PacketType.MARKER:
                await self._on_marker(body[2])
            elif kind != PacketType.DATA:
                raise ConnectionError(f"packet type {kind} is unknown")
            elif is_goodbye(body):
                return
            else:
                self._buffer += body[2:]
                self._arrived.set()

    async def _on_marker(self, marker: int) -> None:
        """A break stops what runs and loses its answer; a reset is answered when that has ended."""
        if marker == Marker.RESET:
            await self._idle.wait()
            self._broken.clear()
            self._packets.send_marker(Marker.RESET)
            self._packets.send(self._failed(OracleError(CANCELLED)))
        elif self.executing:
            if not self._broken.is_set():
                self._broken.set()
                self._packets.send_marker(Marker.BREAK)
                await self._stop_executing()
        else:
            self._buffer.clear()
            self._partial_given_up = True
            self._arrived.set()

    async def _stop_executing(self) -> None:
        if self.executing and self.calls:
            await self.calls.cancel()

    async def _answer_all(self) -> None:
        while True:
            try:
                request, binds = await self._receive()
            except _Interrupted:
                continue
            self._idle.clear()
            try:
                await self._answer(request, binds)
            finally:
                self._idle.set()
            await self._packets.drain()

    async def _receive(self) -> tuple[Request, Binds]:
        """The next function that wants an answer; what rides in front of it is done on the way."""
        self._partial_given_up = False
        while True:
            request = await self._read(parse)
            if isinstance(request, CloseCursors | EndToEnd | CurrentSchema | FreeLobs):
                await self._note(request)
                continue
            binds: list[dict[int, bytes | None]] = []
            if isinstance(request, Execute) and self.calls:
                variables = self.calls.variables_to_read(request)
                row = functools.partial(bind_row, variables=variables)
                binds = [await self._read(row) for _ in range(request.executions if variables else 0)]
            del self._buffer[: self._reader.position]
            self._reader.position = 0
            return request, binds

    async def _read(self, part: Callable[[Reader], _T]) -> _T:
        """A part of a request, parsed again from its start as long as its end has not arrived."""
        while True:
            start = self._reader.position
            try:
                return part(self._reader)
            except MoreNeeded:
                self._reader.position = start
                self._arrived.clear()
                await self._arrived.wait()
                if self._partial_given_up:
                    self._reader.position = 0
                    raise _Interrupted from None

    async def _note(self, request: CloseCursors | EndToEnd | CurrentSchema | FreeLobs) -> None:
        if isinstance(request, EndToEnd):
            self.attributes.update(request.attributes)
        elif self.calls:
            await self.calls.note(request)

    async def _answer(self, request: Request, binds: Binds) -> None:
        call, sql = self._named(request)
        user = request.user if isinstance(request, Logon) else self.user
        fault = self._standin.faults.strike(call, sql=sql, user=user) if call else None
        if fault and fault.action is Action.ERROR:
            self._send(self._failed(OracleError(fault.code, fault.text or None)))
        elif fault and fault.action is Action.KILL:
            self.kill()
        elif fault and fault.action is Action.HANG:
            self._hung = True
            await asyncio.Event().wait()
        else:
            answer = await self._answered(request, binds)
            if fault:
                await self._spoil(answer, fault)
            else:
                self._send(answer)

    async def _spoil(self, answer: bytes, fault: Fault) -> None:
        if fault.action is Action.SLOW:
            try:
                await asyncio.wait_for(self._broken.wait(), fault.seconds)
            except TimeoutError:
                self._send(answer)
            return
        if fault.action is Action.WARN:
            self._send(replies.warning(OracleError(fault.code, fault.text or None)) + answer)
            return
        if fault.action is Action.CUT:
            self._packets.send_part(answer)
            await self._packets.drain()
            self._packets.close()
            return
        self.kill()

    def _send(self, answer: bytes) -> None:
        if not self._broken.is_set():
            self._packets.send(answer)

    def _named(self, request: Request) -> tuple[str, str]:
        """What faults call this request, and the text of its statement."""
        match request:
            case Execute() | Fetch():
                sql = self.calls.text_of(request) if self.calls else ""
                return ("fetch" if isinstance(request, Fetch) else "execute"), sql
            case Simple(function=function):
                return function.name.lower(), ""
            case LobCall():
                return "lob", ""
            case Logon(function=Function.LOGON_PROOF):
                return "logon", ""
        return "", ""

    async def _answered(self, request: Request, binds: Binds) -> bytes:
        try:
            match request:
                case Negotiation(message=message):
                    return replies.protocol() if message == 1 else replies.data_types()
                case Logon():
                    return await self._logons.answer(request)
            if self.calls is None:
                raise ConnectionError("no call before the logon")
            return await self.calls.answer(request, binds)
        except OracleError as error:
            return self._failed(error)
        except psycopg.Error as error:
            return self._failed(OracleError(3113, f"end-of-file on communication channel ({error})"))
        except Exception as error:  # noqa: BLE001 - a fault of the stand-in's own shall reach the test that met it
            _log.exception("session %s", self.sid)
            return self._failed(OracleError(54002, f"the stand-in itself failed: {type(error).__name__}: {error}"))

    def _failed(self, error: OracleError) -> bytes:
        return replies.outcome(error, in_transaction=bool(self.calls and self.calls.in_transaction))

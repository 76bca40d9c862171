"""The stand-in's faults and clock from another process: a line of JSON for each order and each answer."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from .faults import Action, Fault

if TYPE_CHECKING:
    from .server import StandIn

Json = object
_Order = Mapping[str, Json]


class Control:
    """The far end: orders of a test to a stand-in that runs in another process. One order at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def arm(self, fault: Fault) -> int:
        """Arms a fault; its number is for `until_struck` and `disarm`."""
        return int(str(await self._order("arm", fault=asdict(fault))))

    async def until_struck(self, fault: int) -> None:
        """Returns when the fault has struck for the first time."""
        await self._order("until_struck", fault=fault)

    async def disarm(self, fault: int) -> None:
        await self._order("disarm", fault=fault)

    async def clear_faults(self) -> None:
        await self._order("clear_faults")

    async def sessions(self) -> list[dict[str, Json]]:
        """sid, serial, user and the tracing attributes of each session, in order of sid."""
        found = await self._order("sessions")
        return [dict(session) for session in found] if isinstance(found, list) else []

    async def kill(self, sid: int) -> None:
        await self._order("kill", sid=sid)

    async def until_waiting(self, sid: int) -> None:
        """Returns when that session waits for another one's lock."""
        await self._order("until_waiting", sid=sid)

    async def go_down(self) -> None:
        await self._order("go_down")

    async def come_back(self) -> None:
        await self._order("come_back")

    async def advance(self, by: timedelta) -> None:
        await self._order("advance", seconds=by.total_seconds())

    async def freeze_clock(self, at: datetime | None) -> None:
        await self._order("freeze_clock", at=at.isoformat() if at else None)

    async def add_user(self, user: str, password: str) -> None:
        """With a schema of its own."""
        await self._order("add_user", user=user, password=password)

    async def keep_ancient_password(self, user: str) -> None:
        await self._order("keep_ancient_password", user=user)

    async def set_password(self, user: str, password: str) -> None:
        await self._order("set_password", user=user, password=password)

    async def _order(self, name: str, **details: Json) -> Json:
        self._writer.write(json.dumps({"do": name, **details}).encode() + b"\n")
        answer = json.loads(await self._reader.readline())
        if "error" in answer:
            raise RuntimeError(answer["error"])
        done: Json = answer["done"]
        return done


@asynccontextmanager
async def connected_control(address: str) -> AsyncIterator[Control]:
    """Orders to the control socket at `host:port`."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield Control(reader, writer)
    finally:
        writer.close()


@asynccontextmanager
async def control_socket(standin: StandIn, port: int = 0) -> AsyncIterator[str]:
    """Serves orders to a stand-in; the address is `host:port`."""
    orders = _Orders(standin)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                writer.write(json.dumps(await _answer(orders, json.loads(line))).encode() + b"\n")
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def _answer(orders: _Orders, order: _Order) -> dict[str, Json]:
    try:
        return {"done": await orders.follow(order)}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return {"error": f"{type(error).__name__}: {error}"}


class _Orders:
    """What can be ordered, by name; each returns what JSON can say."""

    def __init__(self, standin: StandIn) -> None:
        self._standin = standin

    async def follow(self, order: _Order) -> Json:
        done = getattr(self, f"order_{order['do']}")(order)
        return await done if inspect.isawaitable(done) else done

    def order_arm(self, order: _Order) -> Json:
        details = order["fault"]
        if not isinstance(details, dict):
            raise TypeError("a fault is an object")
        return self._standin.faults.arm(Fault(**{**details, "action": Action(details["action"])})).number

    async def order_until_struck(self, order: _Order) -> None:
        await self._standin.faults.of(_whole(order, "fault")).struck.wait()

    def order_disarm(self, order: _Order) -> None:
        self._standin.faults.disarm(self._standin.faults.of(_whole(order, "fault")))

    def order_clear_faults(self, _: _Order) -> None:
        self._standin.faults.clear()

    def order_sessions(self, _: _Order) -> Json:
        return [
            {"sid": session.sid, "serial": session.serial, "user": session.user, **session.attributes}
            for _, session in sorted(self._standin.sessions.items())
        ]

    def order_kill(self, order: _Order) -> None:
        self._standin.sessions[_whole(order, "sid")].kill()

    async def order_until_waiting(self, order: _Order) -> None:
        await self._standin.until_waiting(_whole(order, "sid"))

    async def order_go_down(self, _: _Order) -> None:
        await self._standin.go_down()

    async def order_come_back(self, _: _Order) -> None:
        await self._standin.listen()

    async def order_advance(self, order: _Order) -> None:
        await self._standin.advance(timedelta(seconds=float(str(order["seconds"]))))

    async def order_freeze_clock(self, order: _Order) -> None:
        await self._standin.freeze_clock(datetime.fromisoformat(str(order["at"])) if order["at"] else None)

    async def order_add_user(self, order: _Order) -> None:
        await self._standin.add_user(str(order["user"]), str(order["password"]))

    def order_keep_ancient_password(self, order: _Order) -> None:
        self._standin.keep_ancient_password(str(order["user"]))

    def order_set_password(self, order: _Order) -> None:
        self._standin.set_password(str(order["user"]), str(order["password"]))


def _whole(order: _Order, name: str) -> int:
    return int(str(order[name]))

"""A double of SES for load: accepts every mail, counts, and costs as little as it can beside what is measured.

`python -m bench.double [--latency S]` prints its URL. `GET /count`: mails so far. `GET /times`: when each came, in
seconds since the epoch. `GET /recipients`: how many each address got. The tests' double is the strict one.
"""

import argparse
import asyncio
import base64
import json
import re
import signal
import sys
import time
from array import array
from collections import Counter
from typing import cast

import uvloop

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_TO = re.compile(rb'"ToAddresses": ?\["([^"]+)"')
_RAW = re.compile(rb'"Raw": ?\{"Data": ?"([^"]+)"')
_TO_HEADER = re.compile(rb"^To: *(?:.*<)?([^\s<>]+@[^\s<>]+)", re.MULTILINE | re.IGNORECASE)


_ACCOUNT = {
    "SendingEnabled": True,
    "ProductionAccessEnabled": True,
    "EnforcementStatus": "HEALTHY",
    "SendQuota": {"Max24HourSend": -1, "MaxSendRate": 100_000, "SentLast24Hours": 0},
}


class Mails:
    """What was accepted."""

    def __init__(self, latency: float) -> None:
        self.latency = latency
        self.times = array("d")
        self.recipients: Counter[str] = Counter()

    def accept(self, body: bytes) -> bytes:
        self.times.append(time.time())
        self.recipients[_recipient(body)] += 1
        return b'{"MessageId":"0100%012x-bench"}' % len(self.times)

    def answer(self, path: bytes) -> bytes:
        match path:
            case b"/count":
                return b"%d" % len(self.times)
            case b"/times":
                return json.dumps(list(self.times)).encode()
            case b"/recipients":
                return json.dumps(self.recipients).encode()
            case b"/v2/email/account":
                return json.dumps(_ACCOUNT).encode()
            case _:
                return b"{}"


def _recipient(body: bytes) -> str:
    found = _TO.search(body)
    if found is None:  # nodemailer and django-ses send a whole MIME mail
        raw = _RAW.search(body)
        found = _TO_HEADER.search(base64.b64decode(raw[1])) if raw else None
    return found[1].decode() if found else "?"


class Connection(asyncio.Protocol):
    """HTTP/1.1, as far as the clients of this benchmark speak it."""

    def __init__(self, mails: Mails) -> None:
        self._mails = mails
        self._buffer = bytearray()
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own is none by its class

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._buffer[:end])
            length = _LENGTH.search(head)
            whole = end + 4 + (int(length[1]) if length else 0)
            if b"100-continue" in head:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            if len(self._buffer) < whole:
                return
            body = bytes(self._buffer[end + 4 : whole])
            del self._buffer[:whole]
            self._handle(head, body)

    def _handle(self, head: bytes, body: bytes) -> None:
        method, path, _ = head.split(b" ", 2)
        if method != b"POST":
            self._write(self._mails.answer(path))
        elif self._mails.latency:
            asyncio.get_running_loop().call_later(self._mails.latency, self._write, self._mails.accept(body))
        else:
            self._write(self._mails.accept(body))

    def _write(self, content: bytes) -> None:
        if self._transport.is_closing():  # the client was killed
            return
        head = (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nx-amzn-RequestId: 0\r\nContent-Length: %d\r\n\r\n"
            % len(content)
        )
        self._transport.write(head + content)


async def _serve(latency: float) -> None:
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, over.set)
    mails = Mails(latency)
    server = await loop.create_server(lambda: Connection(mails), "127.0.0.1", 0, backlog=1024)
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await over.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--latency", type=float, default=0.0)
    uvloop.run(_serve(parser.parse_args().latency))

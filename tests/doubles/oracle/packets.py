"""TNS packets: the frames around everything, and the first three of a connection."""

from __future__ import annotations

import asyncio
import re
import struct
from enum import IntEnum

SESSION_DATA_UNIT = 65536
VERSION_11G = 314
_ENCRYPTION_REQUIRED = 0x10
_PROTOCOL_VERSION = 318
_HEADER = 8
_DATA_OVERHEAD = 10
_END_OF_FILE = 0x0040
_REFUSED_BY_LISTENER = 0x22


class PacketType(IntEnum):
    CONNECT = 1
    ACCEPT = 2
    REFUSE = 4
    DATA = 6
    MARKER = 12


class Marker(IntEnum):
    BREAK = 1
    RESET = 2
    INTERRUPT = 3


class PacketStream:
    """Packets over one socket. Lengths have 16 bits until ACCEPT was sent, 32 bits after it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._accepted = False

    async def read(self) -> tuple[int, bytes]:
        """The next packet's type and body. Raises IncompleteReadError or ConnectionError when the client is gone."""
        header = await self._reader.readexactly(_HEADER)
        length = int.from_bytes(header[: 4 if self._accepted else 2], "big")
        return header[4], await self._reader.readexactly(length - _HEADER)

    async def read_connect(self) -> str:
        """The connect string, `(DESCRIPTION=…)`; a long one follows its CONNECT in a packet of its own."""
        kind, body = await self.read()
        if kind != PacketType.CONNECT:
            raise ConnectionError("a connection begins with CONNECT")
        length, offset = struct.unpack(">HH", body[16:20])
        description = body[offset - _HEADER : offset - _HEADER + length]
        if not description:
            _, body = await self.read()
            description = body[2:]
        return description.decode()

    def accept(self, *, native_encryption: bool = False, version: int = _PROTOCOL_VERSION) -> None:
        """`native_encryption`: it is demanded, which the driver refuses; as it does a version below 315."""
        flags = (0x41 | (_ENCRYPTION_REQUIRED if native_encryption else 0), 0x01)
        body = struct.pack(">HHHHHHHBB", version, 0, 65535, 65535, 1, 0, 45, *flags)
        self._write(
            PacketType.ACCEPT, body + bytes(8) + struct.pack(">IIBI", SESSION_DATA_UNIT, SESSION_DATA_UNIT, 0, 0)
        )
        self._accepted = True

    def refuse(self, code: int) -> None:
        """What a listener answers: ORA-12514 is an unknown service, ORA-12520 no handler, and so on."""
        text = b"(DESCRIPTION=(TMP=)(VSNNUM=318767104)(ERR=%d)(ERROR_STACK=(ERROR=(CODE=%d)(EMFI=4))))" % (code, code)
        self._write(PacketType.REFUSE, bytes((_REFUSED_BY_LISTENER, 0)) + struct.pack(">H", len(text)) + text)

    def send(self, message: bytes) -> None:
        step = SESSION_DATA_UNIT - _DATA_OVERHEAD
        for start in range(0, len(message), step):
            self._write(PacketType.DATA, b"\0\0" + message[start : start + step])

    def send_part(self, message: bytes) -> None:
        """Half of a message, in a packet that says it is all there: the wire is cut in the middle of it."""
        packet = struct.pack(">IBBH", len(message) + _DATA_OVERHEAD, PacketType.DATA, 0, 0) + b"\0\0" + message
        self._writer.write(packet[: max(_HEADER, len(packet) // 2)])

    def send_marker(self, marker: Marker) -> None:
        self._write(PacketType.MARKER, bytes((1, 0, marker)))

    async def drain(self) -> None:
        await self._writer.drain()

    def close(self) -> None:
        self._writer.close()

    def abort(self) -> None:
        """Cut the connection at once, as a killed server process does."""
        self._writer.transport.abort()

    def _write(self, kind: PacketType, body: bytes) -> None:
        length = len(body) + _HEADER
        head = struct.pack(">I", length) if self._accepted else struct.pack(">HH", length, 0)
        self._writer.write(head + bytes((kind, 0, 0, 0)) + body)


def is_goodbye(data_packet: bytes) -> bool:
    return bool(int.from_bytes(data_packet[:2], "big") & _END_OF_FILE)


def service_name(connect_string: str) -> str | None:
    found = re.search(r"SERVICE_NAME=([^)]*)", connect_string)
    return found[1].upper() if found else None

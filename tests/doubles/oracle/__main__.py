"""`python -m tests.doubles.oracle --port 0`: a stand-in in a process of its own.

Prints two lines, the DSN and `control HOST:PORT`, when both take connections; runs until SIGTERM or SIGINT.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys

from .control import control_socket
from .postgres import postgres_server
from .server import running_standin


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.doubles.oracle", description="A stand-in for Oracle, for tests."
    )
    parser.add_argument("--port", type=int, default=1521, help="where clients connect; 0 takes a free one")
    parser.add_argument("--control", type=int, default=0, help="port of the control socket; 0 takes a free one")
    parser.add_argument("--service", default="FREEPDB1")
    parser.add_argument(
        "--user", action="append", metavar="NAME/PASSWORD", help="may be repeated (default: mailer/mailer)"
    )
    arguments = parser.parse_args()
    users = dict(user.split("/", 1) for user in arguments.user or ["mailer/mailer"])
    with postgres_server() as postgres:
        asyncio.run(_serve(postgres, users, arguments))


async def _serve(postgres: str, users: dict[str, str], arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with (
        running_standin(postgres, users, port=arguments.port, service=arguments.service) as standin,
        control_socket(standin, arguments.control) as control,
    ):
        sys.stdout.write(f"{standin.dsn}\ncontrol {control}\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    main()

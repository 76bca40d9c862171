"""The double of SES as a process of its own: its command line, and the hand that a test holds it by."""

import argparse
import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import uvloop

from tests.doubles.ses import SesDouble, environment
from tests.doubles.ses_record import Mail, mail_from_json

_CHECKOUT = Path(__file__).resolve().parents[2]


class SesProcess:
    """A running `python -m tests.doubles.ses`, asked over `/_control/…`. Blocks: not for use on an event loop."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.environment = environment(url)

    def mails(self, since: int = 0) -> list[Mail]:
        return [mail_from_json(one) for one in self._ask("GET", f"mails?since={since}")]

    def stats(self) -> dict[str, Any]:
        answer: dict[str, Any] = self._ask("GET", "stats")
        return answer

    def fault(self, kind: str, **more: object) -> None:
        """As SesDouble.fault."""
        self._ask("POST", "faults", {"kind": kind, **more})

    def clear_faults(self) -> None:
        self._ask("DELETE", "faults")

    def clear_mails(self) -> None:
        self._ask("DELETE", "mails")

    def limit(self, **limits: object) -> None:
        """Any of rate, burst, quota, latency, sending_enabled."""
        self._ask("PUT", "limits", limits)

    def refuse_connections(self, seconds: float) -> None:
        self._ask("POST", "refuse", {"seconds": seconds})

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode("utf-8")
        with urlopen(Request(f"{self.url}/_control/{path}", data=data, method=method), timeout=30) as answer:
            return json.load(answer)


@contextmanager
def ses_process(*arguments: str) -> Iterator[SesProcess]:
    """Starts the double with these arguments of its command line, and stops it at the end."""
    command = [sys.executable, "-m", "tests.doubles.ses", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_CHECKOUT) as process:
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            assert url.startswith("http://"), "the double of SES did not start"
            yield SesProcess(url)
        finally:
            process.terminate()


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line: prints the URL, then runs until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m tests.doubles.ses")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--rate", type=float, help="mails per second; more are throttled")
    parser.add_argument("--burst", type=float)
    parser.add_argument("--quota", type=int, help="mails before the daily quota is used up")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before every answer")
    parser.add_argument("--verified", action="append", help="a verified address or domain; none given: all are")
    parser.add_argument("--sandbox", action="store_true", help="recipients must be verified, too")
    parser.add_argument("--record", type=Path, help="file of JSON lines, one for each accepted mail")
    parser.add_argument("--light", action="store_true", help="keep no bodies and attachments")
    given = parser.parse_args(arguments)
    uvloop.run(_serve(given))


async def _serve(given: argparse.Namespace) -> None:
    over = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    double = SesDouble(
        port=given.port,
        rate=given.rate,
        burst=given.burst,
        quota=given.quota,
        latency=given.latency,
        verified=given.verified,
        sandbox=given.sandbox,
        record=given.record,
        keep_content=not given.light,
    )
    async with double as ses:
        sys.stdout.write(f"{ses.url}\n")
        sys.stdout.flush()
        await over.wait()

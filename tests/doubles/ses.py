"""Our double of SES: the part of its API v2 that mailer calls, over HTTP, reached by the unmodified AWS SDK.

It records each mail that it accepts, keeps a rate and a daily quota, refuses what SES refuses, and goes wrong on
demand. In a test's own process: `async with SesDouble() as ses: …`. As a process of its own:
`python -m tests.doubles.ses --port 0`, which prints its URL; then everything goes by `/_control/…` (ses_control.py,
and ses_process.py for a test that wants it so).
"""

import asyncio
import json
import socket
import struct
import time
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import unquote

from aiohttp import web

from tests.doubles.ses_control import Control
from tests.doubles.ses_faults import AFTER_ACCEPTING, ANSWERS, BEFORE_ACCEPTING, Answer, Fault, Script
from tests.doubles.ses_rate import Bucket, worst_second
from tests.doubles.ses_record import Mail, mail_of
from tests.doubles.ses_rules import MAX_BODY, refusal

_HOST = "127.0.0.1"


def environment(url: str) -> dict[str, str]:
    """The variables that lead the AWS SDK to the double, and nowhere else."""
    return {
        "AWS_ENDPOINT_URL_SESV2": url,
        "AWS_REGION": "ap-northeast-2",
        "AWS_DEFAULT_REGION": "ap-northeast-2",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


class SesDouble:
    """An SES account in one region.

    `rate` None: unlimited, and GetAccount says 14; `burst` is a fifth of a second's worth if not given.
    `quota`: mails in its whole life. `latency`: seconds before every answer. `verified` None: every identity is.
    `record`: each accepted mail is also a line of JSON there, before it is answered, so that it outlives everybody.
    `keep_content` False keeps no bodies and attachments, for large runs.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        rate: float | None = None,
        burst: float | None = None,
        quota: int | None = None,
        latency: float = 0.0,
        verified: Collection[str] | None = None,
        sandbox: bool = False,
        configuration_sets: Collection[str] | None = None,
        record: Path | None = None,
        keep_content: bool = True,
    ) -> None:
        self.mails: list[Mail] = []
        self.posts = 0
        """SendEmail calls that came whole, whatever became of them."""
        self.user_agents: set[str] = set()
        self.refused: Counter[str] = Counter()
        """Error answers by code."""
        self.quota, self.latency, self.sandbox, self.sending_enabled = quota, latency, sandbox, True
        self.verified, self.configuration_sets = verified, configuration_sets
        self._script = Script()
        self._read_failures: list[str] = []
        self._arrival = asyncio.Event()
        self._times: list[float] = []
        self._keep_content = keep_content
        self._record_path = record
        self._record: TextIO | None = None
        self._port = port
        self._reopening: asyncio.Task[None] | None = None
        self.limit(rate, burst)

    @property
    def url(self) -> str:
        return f"http://{_HOST}:{self._port}"

    def limit(self, rate: float | None, burst: float | None = None) -> None:
        """Sets the account's rate from now on."""
        self.rate = rate
        self._bucket = Bucket(rate, burst or max(1.0, rate / 5)) if rate else None

    def fault(
        self,
        kind: str,
        *,
        to: str | None = None,
        nth: int | None = None,
        times: int | None = 1,
        seconds: float = 0.0,
    ) -> None:
        """Adds a line to the script of what goes wrong (ses_faults.py: kinds, and what each field says)."""
        self._script.add(Fault(kind, to, nth, times, seconds))

    def fail_reads(self, *kinds: str) -> None:
        """The next reading calls (GetAccount, GetEmailIdentity) meet these error answers, one each."""
        self._read_failures.extend(kinds)

    def clear_faults(self) -> None:
        self._script.clear()
        self._read_failures.clear()

    def clear_mails(self) -> None:
        self.mails.clear()
        self._times.clear()

    async def wait_for_posts(self, number: int) -> None:
        """Returns when so many SendEmail calls have come since the start."""
        while self.posts < number:
            await self._arrival.wait()

    def worst_second(self) -> int:
        """The most mails accepted in any sliding second."""
        return worst_second(self._times)

    def stats(self) -> dict[str, Any]:
        by_delivery = Counter(mail.tags.get("delivery", mail.to) for mail in self.mails)
        return {
            "posts": self.posts,
            "accepted": len(self.mails),
            "refused": dict(self.refused),
            "worst_second": self.worst_second(),
            "twice": sorted(delivery for delivery, times in by_delivery.items() if times > 1),
        }

    async def refuse_connections(self, seconds: float | None = None) -> None:
        """Closes the port and every connection; for so long, or until `accept_connections`."""
        await self._site.stop()
        for connection in self._runner.server.connections if self._runner.server else ():
            connection.force_close()
        if seconds is not None:
            self._reopening = asyncio.create_task(self._reopen_after(seconds))

    async def accept_connections(self) -> None:
        """Opens the port again."""
        self._site = web.TCPSite(self._runner, _HOST, self._port, reuse_address=True, backlog=1024)
        await self._site.start()

    async def __aenter__(self) -> "SesDouble":
        if self._record_path:
            self._record = self._record_path.open("a", encoding="utf-8", buffering=1)
        application = web.Application(client_max_size=2 * MAX_BODY)
        application.router.add_post("/v2/email/outbound-emails", self._send_email)
        application.router.add_get("/v2/email/account", self._get_account)
        application.router.add_get("/v2/email/identities/{identity}", self._get_identity)
        Control(self).add_to(application)
        self._runner = web.AppRunner(application, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        await self.accept_connections()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *details: object) -> None:
        if self._reopening:
            self._reopening.cancel()
        await self._runner.cleanup()
        if self._record:
            self._record.close()

    async def _reopen_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self.accept_connections()

    async def _send_email(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        moment, self.posts = time.monotonic(), self.posts + 1
        self.user_agents.add(request.headers.get("User-Agent", ""))
        self._arrival.set()
        self._arrival = asyncio.Event()
        call = json.loads(body)
        recipients = call.get("Destination", {}).get("ToAddresses") or [""]
        fault = self._script.next(self.posts, recipients[0])
        if self.latency:
            await asyncio.sleep(self.latency)
        if fault is None or fault.kind in AFTER_ACCEPTING:
            refused = self._refusal(request, call, len(body))
            if refused is not None:
                return self._error(refused, call)
            return await self._answer(request, self._accept(call, moment), fault)
        await asyncio.sleep(fault.seconds)
        if fault.kind in BEFORE_ACCEPTING:
            return await _go_wrong(request, fault.kind.removesuffix("-before"))
        return self._error(ANSWERS[fault.kind], call)

    def _refusal(self, request: web.Request, call: Mapping[str, Any], size: int) -> Answer | None:
        if not request.headers.get("Authorization", "").startswith("AWS4-HMAC-SHA256 "):
            return Answer(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
        if size > MAX_BODY:
            return Answer(400, "BadRequestException", f"Message length is more than {MAX_BODY} bytes long")
        refused = refusal(
            call, verified=self.verified, sandbox=self.sandbox, configuration_sets=self.configuration_sets
        )
        if refused is not None:
            return refused
        if not self.sending_enabled:
            return ANSWERS["paused"]
        if self.quota is not None and len(self._times) >= self.quota:
            return ANSWERS["quota"]
        if self._bucket and not self._bucket.take():
            return ANSWERS["rate"]
        return None

    def _accept(self, call: Mapping[str, Any], moment: float) -> Mail:
        self._times.append(moment)
        identity = f"0100{len(self._times):012x}-{time.time_ns():x}-000000"
        mail = mail_of(call, identity=identity, at=time.time(), keep_content=self._keep_content)
        self.mails.append(mail)
        if self._record:
            self._record.write(json.dumps(mail.as_json(), ensure_ascii=False) + "\n")
        return mail

    async def _answer(self, request: web.Request, mail: Mail, fault: Fault | None) -> web.StreamResponse:
        if fault is not None:
            await asyncio.sleep(fault.seconds)
            if fault.kind == "lost-500":
                return self._error(ANSWERS["500"], {})
            if fault.kind != "late":
                return await _go_wrong(request, fault.kind)
        return web.Response(text=f'{{"MessageId":"{mail.id}"}}', content_type="application/json")

    def _error(self, answer: Answer, call: Mapping[str, Any]) -> web.Response:
        self.refused[answer.code or str(answer.status)] += 1
        if not answer.code:
            return web.Response(status=answer.status, text=answer.message, content_type="text/html")
        recipients = call.get("Destination", {}).get("ToAddresses", [""])
        message = answer.message.replace("{to}", recipients[0]).replace("{sender}", call.get("FromEmailAddress", ""))
        return web.json_response({"message": message}, status=answer.status, headers={"x-amzn-ErrorType": answer.code})

    async def _get_account(self, request: web.Request) -> web.Response:
        if self._read_failures:
            return self._error(ANSWERS[self._read_failures.pop(0)], {})
        quota = -1.0 if self.quota is None else float(self.quota)
        return web.json_response(
            {
                "SendQuota": {
                    "MaxSendRate": self.rate or 14.0,
                    "Max24HourSend": quota,
                    "SentLast24Hours": float(len(self._times)),
                },
                "SendingEnabled": self.sending_enabled,
                "ProductionAccessEnabled": not self.sandbox,
                "EnforcementStatus": "HEALTHY",
            }
        )

    async def _get_identity(self, request: web.Request) -> web.Response:
        if self._read_failures:
            return self._error(ANSWERS[self._read_failures.pop(0)], {})
        identity = unquote(request.match_info["identity"])
        if self.verified is not None and identity not in self.verified:
            missing = Answer(404, "NotFoundException", f"Email identity {identity} does not exist.")
            return self._error(missing, {})
        kind = "EMAIL_ADDRESS" if "@" in identity else "DOMAIN"
        return web.json_response({"IdentityType": kind, "VerifiedForSendingStatus": True})


async def _go_wrong(request: web.Request, how: str) -> web.StreamResponse:
    """No answer, in one of the ways: hang, half, reset, close."""
    transport = request.transport
    assert transport is not None
    if how == "hang":
        await asyncio.Event().wait()
    if how == "half":
        transport.write(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 90\r\n\r\n{"Mess')
        transport.close()
    elif how == "reset":
        # A linger time of zero makes the close a reset.
        linger = struct.pack("ii", 1, 0)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        transport.abort()
    else:
        transport.close()
    return web.Response()


if __name__ == "__main__":
    from tests.doubles.ses_process import main

    main()

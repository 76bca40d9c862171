"""`/_control/…`: what a test asks of the double of SES, and tells it, from another process. JSON both ways.

GET  stats             SesDouble.stats()
GET  mails?since=N     accepted mails from the Nth on (attachments in base64); DELETE forgets them
POST faults            {kind, to, nth, times, seconds}: ses_faults.Fault; DELETE clears the script
PUT  limits            any of {rate, burst, quota, latency, sending_enabled}
POST refuse            {seconds}: the port is closed for so long
"""

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from tests.doubles.ses import SesDouble


class Control:
    """The paths of one double."""

    def __init__(self, ses: "SesDouble") -> None:
        self._ses = ses

    def add_to(self, application: web.Application) -> None:
        router = application.router
        router.add_get("/_control/stats", self._stats)
        router.add_get("/_control/mails", self._mails)
        router.add_delete("/_control/mails", self._forget_mails)
        router.add_post("/_control/faults", self._add_fault)
        router.add_delete("/_control/faults", self._clear_faults)
        router.add_put("/_control/limits", self._limit)
        router.add_post("/_control/refuse", self._refuse)

    async def _stats(self, request: web.Request) -> web.Response:
        return web.json_response(self._ses.stats())

    async def _mails(self, request: web.Request) -> web.Response:
        since = int(request.query.get("since", "0"))
        return web.json_response([mail.as_json() for mail in self._ses.mails[since:]])

    async def _forget_mails(self, request: web.Request) -> web.Response:
        self._ses.clear_mails()
        return web.json_response({})

    async def _add_fault(self, request: web.Request) -> web.Response:
        try:
            self._ses.fault(**await request.json())
        except (TypeError, ValueError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response({})

    async def _clear_faults(self, request: web.Request) -> web.Response:
        self._ses.clear_faults()
        return web.json_response({})

    async def _limit(self, request: web.Request) -> web.Response:
        wanted = await request.json()
        if "rate" in wanted:
            self._ses.limit(wanted.pop("rate"), wanted.pop("burst", None))
        for name in ("quota", "latency", "sending_enabled"):
            if name in wanted:
                setattr(self._ses, name, wanted.pop(name))
        if wanted:
            return web.json_response({"error": f"no such limits: {sorted(wanted)}"}, status=400)
        return web.json_response({})

    async def _refuse(self, request: web.Request) -> web.StreamResponse:
        seconds = float((await request.json())["seconds"])
        response = web.json_response({})
        # Answered first, for every connection is cut, this one too.
        await response.prepare(request)
        await response.write_eof()
        await self._ses.refuse_connections(seconds)
        return response

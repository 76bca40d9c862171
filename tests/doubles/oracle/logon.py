"""The two phases of a logon, and what a new session starts with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import replies
from .authentication import Pair, Verifier12c, server_proof
from .errors import OracleError
from .requests import Function, Logon

if TYPE_CHECKING:
    from .server import StandIn
    from .session import Session

_VERSION_19_3 = 19 << 24 | 3 << 16
_NOBODY = Verifier12c("")


class Logons:
    """The logon of one session. An unknown user fails where a wrong password does, as in Oracle."""

    def __init__(self, standin: StandIn, session: Session) -> None:
        self._standin = standin
        self._session = session
        self._half = b""

    async def answer(self, logon: Logon) -> bytes:
        user = logon.user.upper()
        verifier = self._standin.verifiers.get(user, _NOBODY)
        if logon.function is Function.LOGON:
            self._half, challenge = verifier.challenge()
            return replies.parameters(challenge) + replies.outcome(in_transaction=False)
        key = verifier.answer(self._half, logon.pairs)
        if key is None or verifier is _NOBODY:
            raise OracleError(1017)
        session = self._session
        session.user = user
        session.calls = await self._standin.open_calls(session)
        settings = logon.pairs.get("AUTH_ALTER_SESSION", "").rstrip("\0")
        if settings:
            await session.calls.alter_session(settings)
        return replies.parameters(self._welcome(key)) + replies.outcome(in_transaction=False)

    def _welcome(self, key: bytes) -> list[Pair]:
        service = self._standin.service
        return [
            Pair("AUTH_VERSION_STRING", "- Production"),
            Pair("AUTH_VERSION_SQL", "24"),
            Pair("AUTH_VERSION_NO", str(_VERSION_19_3)),
            Pair("AUTH_SESSION_ID", str(self._session.sid)),
            Pair("AUTH_SERIAL_NUM", str(self._session.serial)),
            Pair("AUTH_INSTANCENAME", service),
            Pair("AUTH_SC_SERVICE_NAME", service),
            Pair("AUTH_SC_DBUNIQUE_NAME", service),
            Pair("AUTH_MAX_OPEN_CURSORS", "300"),
            Pair("AUTH_MAX_IDEN_LENGTH", "128"),
            Pair("AUTH_SVR_RESPONSE", server_proof(key)),
        ]

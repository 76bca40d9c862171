"""SES by its API v2 with little between: the AWS SDK's call of SendEmail made by hand, at a fraction of its cost.

Region, endpoint, credentials and their renewal are the SDK's own, and so is all that is asked of SES.
"""

import json
import ssl
from collections.abc import Callable
from io import BytesIO

import aiohttp
from aiobotocore.session import AioSession
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
    SSLError,
)
from botocore.httpsession import where
from botocore.parsers import RestJSONParser
from botocore.utils import get_environ_proxies

from mailer.errors import ConfigurationError
from mailer.model.clock import Clock
from mailer.model.message import Message
from mailer.transports.ses import USER_AGENT, SesTransport
from mailer.transports.ses_request import request_body
from mailer.transports.sigv4 import Credentials, Signer

_PATH = "/v2/email/outbound-emails"
_CONTENT_TYPE = "application/json"
_USE_THE_SDK = "Set MAILER_SES_CLIENT=aioboto3."
_IN_ONE_WRITE = 2**20
"""Bytes; a longer request is written in pieces, so that others go on meanwhile."""


class LeanSesTransport(SesTransport):
    """As SesTransport in all that can be seen from outside, but for what it refuses at start: proxies and SigV4a."""

    def __init__(
        self, clock: Clock, *, max_connections: int = 100, connect_timeout: float = 3.0, read_timeout: float = 18.0
    ) -> None:
        super().__init__(max_connections=max_connections, connect_timeout=connect_timeout, read_timeout=read_timeout)
        self._clock = clock
        self._limit = max_connections
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=connect_timeout, sock_read=read_timeout)
        self._errors = RestJSONParser()
        self._url: str
        self._signer: Signer
        self._http: aiohttp.ClientSession

    async def _call(self, message: Message, credentials: Credentials) -> str:
        """One POST, whatever becomes of it: aiohttp repeats none, and follows no redirection here."""
        body = request_body(message)
        headers = self._signer.headers(body, credentials, self._clock.now())
        try:
            data = body if len(body) < _IN_ONE_WRITE else BytesIO(body)
            async with self._http.post(self._url, data=data, headers=headers, allow_redirects=False) as response:
                answer = await response.read()
        except (aiohttp.ClientError, OSError) as error:
            raise _as_the_sdk_says(error, self._url) from error
        if response.status == 200:
            return str(json.loads(answer)["MessageId"])
        said = {"status_code": response.status, "headers": _lower(response), "body": answer}
        raise ClientError(self._errors.parse(said, None), "SendEmail")

    async def __aenter__(self) -> "LeanSesTransport":
        """Raises TransportAway as SesTransport does, and ConfigurationError for what only the SDK can do."""
        await super().__aenter__()
        try:
            meta = self._client.meta
            _refuse(meta.endpoint_url, meta.config.sigv4a_signing_region_set)
            self._url = meta.endpoint_url.rstrip("/") + _PATH
            self._signer = Signer(self._url, meta.region_name, "ses", _CONTENT_TYPE)
            self._http = await self._open.enter_async_context(
                aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(limit=self._limit, ssl=_trust(), keepalive_timeout=12),
                    timeout=self._timeout,
                    headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
                    cookie_jar=aiohttp.DummyCookieJar(),
                    auto_decompress=False,
                )
            )
        except BaseException:
            await self._open.aclose()
            raise
        return self


def _refuse(url: str, signing_regions: str | None) -> None:
    proxies = get_environ_proxies(url)
    if proxies.get(url.partition(":")[0]):
        raise ConfigurationError("the lean SES client can't use a proxy, and HTTP(S)_PROXY names one", _USE_THE_SDK)
    if signing_regions or ".endpoints.email." in url:
        raise ConfigurationError("the lean SES client can't sign by SigV4a, for several regions", _USE_THE_SDK)


def _trust() -> ssl.SSLContext:
    """The authorities that the SDK trusts: those of AWS_CA_BUNDLE, or of its profile, or its own."""
    return ssl.create_default_context(cafile=AioSession().get_config_variable("ca_bundle") or where())


def _as_the_sdk_says(error: Exception, url: str) -> Exception:
    """What aiobotocore raises for an error of aiohttp, so that one table tells what both mean (ses_errors.py)."""
    said: Callable[..., Exception] = HTTPClientError
    match error:
        case aiohttp.ClientSSLError():
            said = SSLError
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientPayloadError() | aiohttp.ClientResponseError():
            said = ConnectionClosedError
        case aiohttp.ConnectionTimeoutError():
            said = ConnectTimeoutError
        case TimeoutError():
            said = ReadTimeoutError
        case aiohttp.ClientConnectionError():
            said = EndpointConnectionError
        case _:
            pass
    return said(endpoint_url=url, error=error)


def _lower(response: aiohttp.ClientResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}

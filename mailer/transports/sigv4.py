"""AWS Signature Version 4 for many calls of one address: what does not change between them is made once.

AWS General Reference, 'Create a signed AWS API request'.
"""

import hashlib
import hmac
from datetime import datetime
from typing import Protocol
from urllib.parse import quote, urlsplit

_SIGNED = "content-type;host;x-amz-date"
_SIGNED_WITH_TOKEN = f"{_SIGNED};x-amz-security-token"


class Credentials(Protocol):
    """One set of credentials, as botocore freezes them for one call."""

    @property
    def access_key(self) -> str:
        """The key's id."""
        ...

    @property
    def secret_key(self) -> str:
        """What is signed with; never sent."""
        ...

    @property
    def token(self) -> str | None:
        """Of credentials that expire; None for others."""
        ...


class Signer:
    """Signs POSTs to one URL without a query."""

    def __init__(self, url: str, region: str, service: str, content_type: str) -> None:
        parts = urlsplit(url)
        self._host = _host(parts.scheme, parts.hostname or "", parts.port)
        self._content_type = content_type
        # Quoted once more than the URL is: every service but S3 wants the path so.
        self._request = (
            f"POST\n{quote(parts.path or '/', safe='/~')}\n\ncontent-type:{content_type}\nhost:{self._host}\n"
        )
        self._region, self._service = region, service
        self._key_of: tuple[str, str] = ("", "")
        self._key = b""

    def headers(self, body: bytes, credentials: Credentials, moment: datetime) -> dict[str, str]:
        """All headers that the signature covers, and the signature. `moment` is aware, in UTC."""
        time = moment.strftime("%Y%m%dT%H%M%SZ")
        scope = f"{time[:8]}/{self._region}/{self._service}/aws4_request"
        token = credentials.token
        names = _SIGNED_WITH_TOKEN if token else _SIGNED
        token_line = f"x-amz-security-token:{token}\n" if token else ""
        request = f"{self._request}x-amz-date:{time}\n{token_line}\n{names}\n{hashlib.sha256(body).hexdigest()}"
        text = f"AWS4-HMAC-SHA256\n{time}\n{scope}\n{hashlib.sha256(request.encode('ascii')).hexdigest()}"
        signature = hmac.digest(self._key_for(credentials.secret_key, time[:8]), text.encode("ascii"), "sha256").hex()
        headers = {
            "Host": self._host,
            "Content-Type": self._content_type,
            "X-Amz-Date": time,
            "Authorization": f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope}, "
            f"SignedHeaders={names}, Signature={signature}",
        }
        if token:
            headers["X-Amz-Security-Token"] = token
        return headers

    def _key_for(self, secret: str, day: str) -> bytes:
        """The signing key, which is the same for a whole day of one secret."""
        if self._key_of != (secret, day):
            key = f"AWS4{secret}".encode()
            for part in (day, self._region, self._service, "aws4_request"):
                key = hmac.digest(key, part.encode("ascii"), "sha256")
            self._key, self._key_of = key, (secret, day)
        return self._key


def _host(scheme: str, name: str, port: int | None) -> str:
    """The Host header: with its port only where that is not the scheme's own."""
    host = f"[{name}]" if ":" in name else name
    return host if port in (None, {"http": 80, "https": 443}[scheme]) else f"{host}:{port}"

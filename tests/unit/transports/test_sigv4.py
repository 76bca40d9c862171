"""Signatures, against botocore's own."""

from datetime import UTC, datetime, timedelta

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from hypothesis import given
from hypothesis import strategies as st

from mailer.transports.sigv4 import Signer

TYPE = "application/json"
ACCOUNT = "123456789012"
MOMENT = datetime(2026, 11, 24, 23, 59, 59, 999_999, tzinfo=UTC)

urls = st.sampled_from(
    [
        "https://email.ap-northeast-2.amazonaws.com/v2/email/outbound-emails",
        "https://email-fips.us-east-1.api.aws:443/v2/email/outbound-emails",
        "http://127.0.0.1:8080/v2/email/outbound-emails",
        "http://[::1]:80/v2/email/outbound-emails",
        "http://proxy.example/ses%20one/v2/email/outbound-emails",
    ]
)
credentials = st.builds(
    ReadOnlyCredentials,
    st.just("AKID"),
    st.text(min_size=1),
    st.none() | st.sampled_from(["token", "ab/c+d=="]),
    st.none(),
)
moments = st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2040, 1, 1)).map(  # noqa: DTZ001 - hypothesis asks for it
    lambda moment: moment.replace(tzinfo=UTC)
)


def botocores(url: str, body: bytes, keys: ReadOnlyCredentials, moment: datetime) -> str:
    """The header Authorization as botocore makes it."""
    time = moment.strftime("%Y%m%dT%H%M%SZ")
    request = AWSRequest("POST", url, headers={"Content-Type": TYPE, "X-Amz-Date": time}, data=body)
    if keys.token:
        request.headers["X-Amz-Security-Token"] = keys.token
    request.context["timestamp"] = time
    signer = SigV4Auth(keys, "ses", "ap-northeast-2")
    text = signer.string_to_sign(request, signer.canonical_request(request))
    signed = signer.signed_headers(signer.headers_to_sign(request))
    signature = signer.signature(text, request)
    return f"AWS4-HMAC-SHA256 Credential={signer.scope(request)}, SignedHeaders={signed}, Signature={signature}"


@given(urls, st.binary(), credentials, moments)
def test_a_request_is_signed_as_botocore_signs_it(
    url: str, body: bytes, keys: ReadOnlyCredentials, moment: datetime
) -> None:
    headers = Signer(url, "ap-northeast-2", "ses", TYPE).headers(body, keys, moment)
    assert headers["Authorization"] == botocores(url, body, keys, moment)
    assert headers.get("X-Amz-Security-Token") == keys.token


@pytest.mark.parametrize(
    ("secrets", "moments"),
    [(("one", "two"), (MOMENT, MOMENT)), (("one", "one"), (MOMENT, MOMENT + timedelta(seconds=1)))],
    ids=["credentials that were renewed", "the next day"],
)
def test_a_signing_key_is_kept_no_longer_than_it_holds(
    secrets: tuple[str, str], moments: tuple[datetime, datetime]
) -> None:
    url = "https://email.ap-northeast-2.amazonaws.com/v2/email/outbound-emails"
    signer = Signer(url, "ap-northeast-2", "ses", TYPE)
    for secret, moment in zip(secrets, moments, strict=True):
        keys = ReadOnlyCredentials("AKID", secret, None, ACCOUNT)
        assert signer.headers(b"{}", keys, moment)["Authorization"] == botocores(url, b"{}", keys, moment)

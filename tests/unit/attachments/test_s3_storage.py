import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream

from mailer.attachments.s3 import S3Storage
from mailer.errors import ConfigurationError, StorageAway

LISTING = (
    b'<?xml version="1.0"?><ListBucketResult><IsTruncated>false</IsTruncated>'
    b"<Contents><Key>a.pdf</Key><Size>100</Size></Contents></ListBucketResult>"
)


@asynccontextmanager
async def s3_that_answers(*answers: bytes) -> AsyncIterator[str]:
    """An endpoint that gives each request the next answer, then hangs up; after the last it says nothing."""
    waiting = list(answers)

    async def answer(stream: SocketStream) -> None:
        async with stream:
            request = b""
            while b"\r\n\r\n" not in request:
                request += await stream.receive()
            if not waiting:
                await anyio.sleep_forever()
            await stream.send(waiting.pop(0))

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, answer)
        yield f"http://127.0.0.1:{listener.extra(SocketAttribute.local_port)}"
        tasks.cancel_scope.cancel()
    await listener.aclose()


def http(status: str, body: bytes, **headers: str) -> bytes:
    fields = {"Content-Length": str(len(body)), "Connection": "close"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def refusal(code: str) -> bytes:
    return http("403 Forbidden", f"<Error><Code>{code}</Code><Message>No.</Message></Error>".encode())


async def test_a_listing_goes_on_page_after_page(s3: Any, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(10):
        s3.put_object(Bucket=bucket, Key=f"명세서_{number}.pdf", Body=bytes(number))
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "3")
    assert s3.list_objects_v2(Bucket=bucket)["IsTruncated"]
    async with S3Storage(bucket, "") as storage:
        index = await storage.index()
    assert [index.size(f"명세서_{number}.pdf") for number in range(10)] == list(range(10))


@pytest.mark.parametrize("prefix", ["첨부", "첨부/", "/첨부/"])
async def test_a_prefix_is_a_folder(s3: Any, bucket: str, prefix: str) -> None:
    s3.put_object(Bucket=bucket, Key="첨부/", Body=b"")
    s3.put_object(Bucket=bucket, Key="첨부/가.pdf", Body=b"in")
    s3.put_object(Bucket=bucket, Key="첨부2/나.pdf", Body=b"not in")
    async with S3Storage(bucket, prefix) as storage:
        index = await storage.index()
        assert len(index) == 1
        assert (await index.read("가.pdf")).content == b"in"


async def test_keys_that_a_path_would_normalise_away_are_left_out(s3: Any, bucket: str) -> None:
    for key in ("첨부/../a.pdf", "첨부//a.pdf", "첨부/./a.pdf"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"odd")
    async with S3Storage(bucket, "첨부") as storage:
        assert len(await storage.index()) == 0


@pytest.mark.parametrize("name", ["더하기+빈칸 그리고&%25.pdf", "물음표?#.pdf"])
async def test_odd_characters_in_a_key_survive(s3: Any, bucket: str, name: str) -> None:
    s3.put_object(Bucket=bucket, Key=f"첨부/{name}", Body=b"odd")
    async with S3Storage(bucket, "첨부") as storage:
        assert (await (await storage.index()).read(name)).content == b"odd"


async def test_a_bucket_that_is_not_there_is_named(s3: Any) -> None:
    async with S3Storage("no-such-bucket", "첨부") as storage:
        with pytest.raises(StorageAway, match="s3://no-such-bucket/첨부/: NoSuchBucket") as error:
            await storage.index()
    assert "MAILER_ATTACHMENTS" in error.value.next_step


@pytest.mark.parametrize(
    ("code", "next_step"),
    [
        ("AccessDenied", "s3:ListBucket"),
        ("InvalidAccessKeyId", "AWS_PROFILE"),
        ("RequestTimeTooSkewed", "clock"),
        ("SomethingNew", "documentation"),
    ],
)
async def test_a_refusal_names_its_code_and_what_to_do(
    aws: None, monkeypatch: pytest.MonkeyPatch, code: str, next_step: str
) -> None:
    async with s3_that_answers(refusal(code)) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
        async with S3Storage("bucket", "") as storage:
            with pytest.raises(StorageAway, match=f"S3 refused s3://bucket/: {code}") as error:
                await storage.index()
    assert next_step in error.value.next_step


async def test_a_refused_read_is_away_and_not_a_missing_file(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    async with s3_that_answers(http("200 OK", LISTING), refusal("AccessDenied")) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
        async with S3Storage("bucket", "") as storage:
            index = await storage.index()
            with pytest.raises(StorageAway, match="AccessDenied"):
                await index.read("a.pdf")


@pytest.mark.parametrize(
    "answer",
    [http("200 OK", b"half", Content_Length="100"), http("200 OK", b"other", x_amz_checksum_crc32="AAAAAA==")],
    ids=["cut", "another checksum"],
)
async def test_a_damaged_body_is_away_and_never_taken(
    aws: None, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    async with s3_that_answers(http("200 OK", LISTING), answer) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
        async with S3Storage("bucket", "") as storage:
            index = await storage.index()
            with pytest.raises(StorageAway, match="can't be reached"):
                await index.read("a.pdf")


async def test_silence_is_away_when_patience_ends(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    async with s3_that_answers() as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
        async with S3Storage("bucket", "", patience=0.3) as storage:
            with pytest.raises(StorageAway, match=r"did not answer for s3://bucket/ within 0\.3 s"):
                await storage.index()


async def test_a_closed_port_is_away(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens, so that the system refuses connections
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{taken.getsockname()[1]}")
        async with S3Storage("bucket", "") as storage:
            with pytest.raises(StorageAway, match="can't be reached") as error:
                await storage.index()
    assert "AWS_ENDPOINT_URL_S3" in error.value.next_step


async def test_without_credentials_it_says_so(s3: Any, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    async with S3Storage(bucket, "") as storage:
        with pytest.raises(StorageAway, match="no AWS credentials"):
            await storage.index()


@pytest.mark.parametrize(("variable", "value"), [("AWS_PROFILE", "없다"), ("AWS_ENDPOINT_URL_S3", "no url")])
async def test_a_wrong_setting_of_the_sdk_is_a_wrong_setting(
    aws: None, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match="AWS SDK can't be set up") as error:
        async with S3Storage("bucket", ""):
            pass
    assert variable in error.value.next_step

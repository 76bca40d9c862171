"""A bare loop: the same mail by `send_email` of aioboto3, with mailer's client settings, and nothing else.

`python -m bench.bare NUMBER CONCURRENCY [ATTACHMENT_BYTES]`; SES by the SDK's variables.
"""

import asyncio
import sys
from itertools import count

import aioboto3
import uvloop
from aiobotocore.config import AioConfig

from bench.mails import HTML, SUBJECT, TEXT


def request(number: int, attachment: bytes = b"") -> dict[str, object]:
    """The arguments of one SendEmail: as long as mailer's, rendered beforehand."""
    simple: dict[str, object] = {
        "Subject": {"Data": _filled(SUBJECT), "Charset": "UTF-8"},
        "Body": {
            "Html": {"Data": _filled(HTML), "Charset": "UTF-8"},
            "Text": {"Data": _filled(TEXT), "Charset": "UTF-8"},
        },
    }
    if attachment:
        simple["Attachments"] = [{"FileName": "terms.pdf", "ContentType": "application/pdf", "RawContent": attachment}]
    tags = {"job": "1", "delivery": str(number), "token": "0123456789abcdef"}
    return {
        "FromEmailAddress": "=?utf-8?b?6rOg6rCd7IS87YSw?= <billing@example.co.kr>",
        "Destination": {"ToAddresses": [f"customer{number}@example.com"]},
        "Content": {"Simple": simple},
        "EmailTags": [{"Name": name, "Value": value} for name, value in tags.items()],
    }


def settings(connections: int) -> AioConfig:
    """As mailer's own (mailer/transports/ses.py)."""
    return AioConfig(
        retries={"mode": "standard", "total_max_attempts": 1},
        parameter_validation=False,
        max_pool_connections=connections,
        connect_timeout=3,
        read_timeout=18,
        user_agent="mailer/bench",
    )


def _filled(text: str) -> str:
    values = {"CUST_NAME": "고객12345", "CUST_ID": "12345", "GRADE": "VIP", "ITEM": "현미 10kg", "AMOUNT": "31245"}
    for name, value in values.items():
        text = text.replace(f"$({name})", value)
    return text


async def send(number: int, concurrency: int, attachment: bytes) -> None:
    numbers = count(1)
    async with aioboto3.Session().client("sesv2", config=settings(concurrency)) as client:

        async def loop() -> None:
            while (mine := next(numbers)) <= number:
                await client.send_email(**request(mine, attachment))

        async with asyncio.TaskGroup() as group:
            for _ in range(concurrency):
                group.create_task(loop())


if __name__ == "__main__":
    content = bytes(int(sys.argv[3])) if len(sys.argv) > 3 else b""
    uvloop.run(send(int(sys.argv[1]), int(sys.argv[2]), content))

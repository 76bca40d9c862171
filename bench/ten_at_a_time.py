"""Ten at a time, then sleep: asyncio as one would first write it. `python -m bench.ten_at_a_time`, beside crm.db.

The sleep is what paces it; with no rate limit it is as short as it can be.
"""

import asyncio
from datetime import UTC, datetime

import aioboto3
import aiosqlite
from jinja2 import Environment

from bench.bare import request
from bench.mails import HTML, MAPPING, SUBJECT, TARGET, TEXT, UPDATE

AT_ONCE = 10


async def main() -> None:
    environment = Environment(variable_start_string="$(", variable_end_string=")", autoescape=True)
    templates = [environment.from_string(text) for text in (SUBJECT, HTML, TEXT)]
    async with aiosqlite.connect("crm.db") as crm, aioboto3.Session().client("sesv2") as client:
        crm.row_factory = aiosqlite.Row

        async def send(target: aiosqlite.Row) -> None:
            key = {"CUST_ID": target["CUST_ID"]}
            (mapped,) = await crm.execute_fetchall(MAPPING, key)
            row = {**dict(target), **dict(mapped)}
            subject, html, text = (template.render(row) for template in templates)
            mail = request(target["CUST_ID"])
            mail["Content"] = {
                "Simple": {"Subject": {"Data": subject}, "Body": {"Html": {"Data": html}, "Text": {"Data": text}}}
            }
            await client.send_email(**mail)
            await crm.execute(UPDATE, {**key, "SENT_AT": datetime.now(UTC).isoformat()})
            await crm.commit()

        targets = list(await crm.execute_fetchall(TARGET))
        for first in range(0, len(targets), AT_ONCE):
            await asyncio.gather(*map(send, targets[first : first + AT_ONCE]))
            await asyncio.sleep(0)


if __name__ == "__main__":
    asyncio.run(main())

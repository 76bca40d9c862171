"""Eight processes share one schema on the stand-in for Oracle: no job twice, no recipient twice, none missing.

MAILER_TEST_FLEET says how large: automations and recipients of each, `200x100` where it is not set.
"""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import oracledb
import pytest

from tests.doubles.oracle_process import OracleProcess, oracle_process
from tests.e2e.commands import StartMailer, look

OWN, CRM = "비밀", "고객"
AUTOMATIONS, RECIPIENTS = (int(size) for size in os.environ.get("MAILER_TEST_FLEET", "200x100").split("x"))
SCHEDULERS, WORKERS = 2, 6
SECONDS = 60 + AUTOMATIONS * RECIPIENTS / 5
SETTINGS = """
MAILER_DATABASE=oracle://{dsn}
MAILER_DATABASE_USER=MAILER
MAILER_DATABASE_PASSWORD={own}
MAILER_DATABASE_POOL=4
MAILER_SES_RATE=2000
MAILER_TICK=1s
MAILER_SOURCES__ERP__DSN={dsn}
MAILER_SOURCES__ERP__USER=CRM
MAILER_SOURCES__ERP__PASSWORD={crm}
MAILER_SOURCES__ERP__POOL=2
"""
DEFINITION = """
[automation]
name = "list-{number}"
from = "고객센터 <billing@example.co.kr>"
max_parallel = 10
[dbio]
source = "erp"
key = "CUST_ID"
email = "EMAIL"
target = "SELECT CUST_ID, EMAIL, NAME FROM RECIPIENT WHERE LIST_NO = {number} ORDER BY CUST_ID"
update = "UPDATE RECIPIENT SET MAILS = MAILS + 1 WHERE CUST_ID = :CUST_ID"
[template]
subject = "$(NAME)님께"
html = "mail.html"
[[schedule]]
kind = "realtime"
"""


@pytest.fixture
def oracle(workplace: Path) -> Iterator[OracleProcess]:
    """With recipients; the workplace's settings lead there."""
    with oracle_process({"MAILER": OWN, "CRM": CRM}) as process:
        asyncio.run(fill(process))
        (workplace / ".env").write_text(SETTINGS.format(dsn=process.dsn, own=OWN, crm=CRM), encoding="utf-8")
        yield process


async def fill(process: OracleProcess) -> None:
    async with oracledb.connect_async(user="CRM", password=CRM, dsn=process.dsn) as connection:
        await connection.execute(
            "CREATE TABLE RECIPIENT (CUST_ID NUMBER(19) PRIMARY KEY, LIST_NO NUMBER, EMAIL VARCHAR2(320), "
            "NAME VARCHAR2(100), MAILS NUMBER DEFAULT 0)"
        )
        rows = [
            (number * 1000 + place, number, f"{number}.{place}@example.co.kr", f"김{place}")
            for number in range(AUTOMATIONS)
            for place in range(RECIPIENTS)
        ]
        insert = "INSERT INTO RECIPIENT (CUST_ID, LIST_NO, EMAIL, NAME) VALUES (:1, :2, :3, :4)"
        await connection.executemany(insert, rows)
        await connection.commit()


async def ask(process: OracleProcess, user: str, password: str, sql: str) -> list[tuple[object, ...]]:
    async with oracledb.connect_async(user=user, password=password, dsn=process.dsn) as connection:
        found: list[tuple[object, ...]] = await connection.fetchall(sql)
        return found


def write_definitions(folder: Path) -> list[str]:
    folder.mkdir()
    (folder / "mail.html").write_text("<p>$(NAME)님</p>", encoding="utf-8")
    paths = [folder / f"{number}.toml" for number in range(AUTOMATIONS)]
    for number, path in enumerate(paths):
        path.write_text(DEFINITION.format(number=number), encoding="utf-8")
    return [str(path) for path in paths]


@pytest.mark.slow
@pytest.mark.timeout(SECONDS * 1.5)
def test_no_job_and_no_recipient_comes_twice_and_none_is_missing(
    oracle: OracleProcess, workplace: Path, start_mailer: StartMailer
) -> None:
    assert look(workplace, "migrate").code == 0
    applied = look(workplace, "automation", "apply", *write_definitions(workplace / "lists"))
    assert applied.code == 0, applied.stderr
    began = time.monotonic()
    schedulers = [start_mailer("run", "--role", "scheduler") for _ in range(SCHEDULERS)]
    workers = [start_mailer("run", "--role", "worker", "--until-idle") for _ in range(WORKERS)]
    for worker in workers:
        code = worker.process.wait(SECONDS)
        assert code == 0, worker.stderr
    took = time.monotonic() - began
    for scheduler in schedulers:
        assert scheduler.end(signal.SIGTERM).code == 0, scheduler.stderr
    jobs = asyncio.run(ask(oracle, "MAILER", OWN, "SELECT AUTO_ID, STATUS FROM JOB_QUEUE"))
    assert Counter(status for _, status in jobs) == {"DONE": AUTOMATIONS}
    assert len({auto_id for auto_id, _ in jobs}) == AUTOMATIONS
    mails = Counter(path.name.split("-")[1] for path in (workplace / "outbox").glob("*.eml"))
    assert len(mails) == AUTOMATIONS * RECIPIENTS
    assert set(mails.values()) == {1}
    updated = asyncio.run(ask(oracle, "CRM", CRM, "SELECT MAILS, COUNT(*) FROM RECIPIENT GROUP BY MAILS"))
    assert updated == [(1, AUTOMATIONS * RECIPIENTS)]
    print(f"{AUTOMATIONS * RECIPIENTS} mails of {AUTOMATIONS} jobs in {took:.0f} s")  # noqa: T201 - for `-s`

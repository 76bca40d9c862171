"""The example over the stand-in for Oracle: a scheduler and two workers, each a process, share its schema."""

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import oracledb
import pytest

from mailer.cli.demo_data import DemoData
from mailer.shipped import shipped_folder
from tests.doubles.oracle_process import OracleProcess, oracle_process
from tests.e2e.commands import StartMailer, look, run_mailer
from tests.e2e.oracle_crm import fill
from tests.e2e.statements import check_outcome, deliveries, show

OWN, CRM = "비밀", "고객"
SETTINGS = """
MAILER_DATABASE=oracle://{dsn}
MAILER_DATABASE_USER=MAILER
MAILER_DATABASE_PASSWORD={own}
MAILER_SOURCES__ERP__DSN={dsn}
MAILER_SOURCES__ERP__USER=CRM
MAILER_SOURCES__ERP__PASSWORD={crm}
"""


@pytest.fixture
def oracle(workplace: Path) -> Iterator[OracleProcess]:
    """With the customers' tables; the workplace's settings lead there."""
    with oracle_process({"MAILER": OWN, "CRM": CRM}) as process:
        asyncio.run(fill_in(process, workplace / "crm.db"))
        (workplace / ".env").write_text(SETTINGS.format(dsn=process.dsn, own=OWN, crm=CRM), encoding="utf-8")
        yield process


async def fill_in(process: OracleProcess, crm: Path) -> None:
    async with oracledb.connect_async(user="CRM", password=CRM, dsn=process.dsn) as connection:
        await fill(connection, crm)


async def ask(process: OracleProcess, user: str, password: str, sql: str) -> list[tuple[object, ...]]:
    async with oracledb.connect_async(user=user, password=password, dsn=process.dsn) as connection:
        found: list[tuple[object, ...]] = await connection.fetchall(sql)
        return found


def definition(workplace: Path) -> Path:
    """The example as it is written for Oracle, where NULL comes last in an order."""
    folder = workplace / "definition"
    folder.mkdir()
    example = shipped_folder("examples") / "monthly-statement"
    text = (example / "automation.toml").read_text(encoding="utf-8")
    text = text.replace('source = "crm" ', 'source = "erp" ')
    text = text.replace("ORDER BY BRANCH, CUST_ID", "ORDER BY BRANCH, CUST_ID NULLS FIRST")
    (folder / "automation.toml").write_text(text, encoding="utf-8")
    (folder / "statement.html").write_bytes((example / "statement.html").read_bytes())
    return folder / "automation.toml"


@pytest.mark.usefixtures("oracle")
def test_without_a_schema_it_asks_for_mailer_migrate(workplace: Path) -> None:
    ran = run_mailer(workplace, "run", "--until-idle")
    assert ran.code == 2
    assert "mailer migrate" in ran.stderr
    assert run_mailer(workplace, "migrate").code == 0
    assert run_mailer(workplace, "run", "--until-idle").code == 0


def test_a_scheduler_and_two_workers_send_every_mail_once(
    oracle: OracleProcess, workplace: Path, start_mailer: StartMailer, demo_data: DemoData
) -> None:
    assert look(workplace, "migrate").code == 0
    applied = look(workplace, "automation", "apply", str(definition(workplace)))
    assert (applied.code, applied.stderr) == (0, "")
    scheduler = start_mailer("run", "--role", "scheduler")
    workers = [start_mailer("run", "--role", "worker", "--until-idle") for _ in range(2)]
    for worker in workers:
        ended = worker.end()
        assert ended.code == 0, ended.stderr
    assert scheduler.end(signal.SIGTERM).code == 0, scheduler.stderr
    check_outcome(workplace, demo_data.expected)
    sent = sorted(row["key"] for row in deliveries(workplace, status="sent"))
    outbox = sorted(path.name.split("-")[1] for path in (workplace / "outbox").glob("*.eml"))
    assert outbox == sent
    assert len(set(sent)) == len(sent) == show(workplace)["counts"]["SENT"]
    ((written,),) = asyncio.run(ask(oracle, "CRM", CRM, "SELECT COUNT(*) FROM CUSTOMER WHERE SENT_AT IS NOT NULL"))
    assert isinstance(written, int)
    assert written > 600

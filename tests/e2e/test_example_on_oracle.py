"""The example over the stand-in for Oracle: a scheduler and two workers, each a process, share its schema."""

import asyncio
import signal
from pathlib import Path

import oracledb
import pytest

from mailer.cli.demo_data import DemoData
from mailer.shipped import shipped_folder
from tests.doubles.oracle_process import OracleProcess
from tests.e2e.commands import StartMailer, look, run_mailer
from tests.e2e.oracle_crm import fill
from tests.e2e.own_database import PASSWORD, OracleSchema, new_schema
from tests.e2e.statements import check_outcome, deliveries, show

SETTINGS = """
MAILER_DATABASE=oracle://{own.dsn}
MAILER_DATABASE_USER={own.user}
MAILER_DATABASE_PASSWORD={password}
MAILER_SOURCES__ERP__DSN={crm.dsn}
MAILER_SOURCES__ERP__USER={crm.user}
MAILER_SOURCES__ERP__PASSWORD={password}
"""


@pytest.fixture
def crm(workplace: Path, standin: OracleProcess) -> OracleSchema:
    """The customers' tables; the workplace's settings lead there, and to a schema that is still empty."""
    own, crm = new_schema(standin), new_schema(standin)
    asyncio.run(fill_in(crm, workplace / "crm.db"))
    (workplace / ".env").write_text(SETTINGS.format(own=own, crm=crm, password=PASSWORD), encoding="utf-8")
    return crm


async def fill_in(schema: OracleSchema, crm: Path) -> None:
    async with oracledb.connect_async(user=schema.user, password=PASSWORD, dsn=schema.dsn) as connection:
        await fill(connection, crm)


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


@pytest.mark.usefixtures("crm")
def test_without_a_schema_it_asks_for_mailer_migrate(workplace: Path) -> None:
    ran = run_mailer(workplace, "run", "--until-idle")
    assert ran.code == 2
    assert "mailer migrate" in ran.stderr
    assert run_mailer(workplace, "migrate").code == 0
    assert run_mailer(workplace, "run", "--until-idle").code == 0


def test_a_scheduler_and_two_workers_send_every_mail_once(
    crm: OracleSchema, workplace: Path, start_mailer: StartMailer, demo_data: DemoData
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
    ((written,),) = crm.query("SELECT COUNT(*) FROM CUSTOMER WHERE SENT_AT IS NOT NULL")
    assert isinstance(written, int)
    assert written > 600

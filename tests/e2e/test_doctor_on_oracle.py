"""`mailer doctor` over the stand-in for Oracle: each fault is caused at the socket, or in the database, and found."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import oracledb
import pytest

from mailer.db.statements import shipped_statements
from tests.doubles.oracle import Action, Control, Fault, connected_control
from tests.doubles.oracle_process import OracleProcess
from tests.e2e.commands import look
from tests.e2e.own_database import PASSWORD, new_schema

DEFINITION = """
[automation]
name = "안내"
from = "고객센터 <billing@example.co.kr>"
[dbio]
source = "erp"
key = "CUST_ID"
email = "EMAIL"
target = "SELECT CUST_ID, EMAIL FROM {owner}.CUSTOMER"
mapping = "SELECT AMOUNT FROM {owner}.BILL WHERE CUST_ID = :CUST_ID"
update = "UPDATE {owner}.CUSTOMER SET SENT_AT = :SENT_AT WHERE CUST_ID = :CUST_ID"
[template]
subject = "안내"
html = "mail.html"
"""
TABLES = sorted(
    {"ACCOUNT", "AUDIT_LOG", "AUTOMATION", "DBIO", "DELIVERY", "JOB_BATCH", "JOB_LOG", "JOB_MINUTE", "JOB_QUEUE"}
    | {"SCHEDULE", "SUPPRESSION", "TEMPLATE", "WORKER", "SCHEMA_HISTORY"}
)
Checks = dict[str, tuple[str, str, str]]
"""State, message and next step of each check."""


class Place:
    """A workplace whose data source `erp` and own database are two users of one stand-in."""

    def __init__(self, folder: Path, standin: OracleProcess) -> None:
        self.folder = folder
        self.standin = standin
        self.own, self.source, self.owner = (new_schema(standin) for _ in range(3))
        (folder / "attachments").mkdir()
        self.own.settle_in(folder)
        self.customers()

    def customers(self) -> None:
        for sql in (
            "CREATE TABLE CUSTOMER (CUST_ID NUMBER, EMAIL VARCHAR2(320), SENT_AT TIMESTAMP)",
            "CREATE TABLE BILL (CUST_ID NUMBER, AMOUNT NUMBER)",
        ):
            self.owner.execute(sql)

    def grant(self, what: str) -> None:
        self.owner.execute(f"GRANT {what} TO {self.source.user}")

    def apply(self) -> None:
        (self.folder / "mail.html").write_text("<p>$(AMOUNT)</p>", encoding="utf-8")
        (self.folder / "list.toml").write_text(DEFINITION.format(owner=self.owner.user), encoding="utf-8")
        applied = look(self.folder, "automation", "apply", "list.toml", env=self.settings)
        assert applied.code == 0, applied.stderr

    @property
    def settings(self) -> dict[str, str]:
        erp = {"DSN": self.standin.dsn, "USER": self.source.user, "PASSWORD": PASSWORD}
        return {
            "MAILER_SOURCES__CRM__URL": "",
            "MAILER_DB_PATIENCE": "1s",
            **{f"MAILER_SOURCES__ERP__{name}": value for name, value in erp.items()},
        }

    def doctor(self, **settings: str) -> tuple[int, Checks]:
        ran = look(self.folder, "doctor", "--json", env=self.settings | settings)
        assert ran.stderr == ""
        return ran.code, {one["check"]: (one["state"], one["message"], one["next"]) for one in json.loads(ran.stdout)}

    def order(self, give: Callable[[Control], Awaitable[object]]) -> None:
        """An order to the stand-in."""

        async def connect() -> None:
            async with connected_control(self.standin.control) as control:
                await give(control)

        asyncio.run(connect())


@pytest.fixture
def place(tmp_path: Path, standin: OracleProcess) -> Iterator[Place]:
    folder = tmp_path / "작업"
    folder.mkdir()
    place = Place(folder, standin)
    yield place
    place.order(lambda control: control.clear_faults())


def test_all_is_well(place: Place) -> None:
    for what in ("SELECT ON CUSTOMER", "UPDATE ON CUSTOMER", "SELECT ON BILL"):
        place.grant(what)
    place.apply()
    code, found = place.doctor()
    assert code == 0, found
    assert {name for name, (state, _, _) in found.items() if state != "ok"} == {"scheduler", "worker"}
    assert {"rights", "pool", "data source erp", "automation 안내"} < set(found)


@pytest.mark.parametrize(
    ("revoked", "query", "says", "advice"),
    [
        ("SELECT, UPDATE ON CUSTOMER", "target", "ORA-00942", "GRANT SELECT ON"),
        ("SELECT ON BILL", "mapping", "ORA-00942", "GRANT SELECT ON"),
        ("UPDATE ON CUSTOMER", "update", "ORA-01031", "grants"),
    ],
)
def test_a_data_sources_missing_grant_is_found_for_each_query(
    place: Place, revoked: str, query: str, says: str, advice: str
) -> None:
    for what in ("SELECT ON CUSTOMER", "UPDATE ON CUSTOMER", "SELECT ON BILL"):
        place.grant(what)
    place.apply()
    place.owner.execute(f"REVOKE {revoked} FROM {place.source.user}")
    code, found = place.doctor()
    state, message, step = found["automation 안내"]
    assert (code, state) == (2, "fault")
    assert f"{query} query: {says} from data source 'erp'" in message
    assert advice in step


def move_to_another_owner(place: Place) -> str:
    """The schema as a DBA may have made it: tables of another owner, and synonyms. Returns mailer's user."""
    mailer = new_schema(place.standin)
    for table in TABLES:
        mailer.execute(f"CREATE SYNONYM {table} FOR {place.own.user}.{table}")
        place.own.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {mailer.user}")
    return mailer.user


def test_a_schema_of_another_owner_is_used_through_synonyms_and_each_missing_grant_is_found(place: Place) -> None:
    user = move_to_another_owner(place)
    code, found = place.doctor(MAILER_DATABASE_USER=user)
    assert (code, found["schema"][0], found["rights"][0]) == (0, "ok", "ok"), found

    place.own.execute(f"REVOKE UPDATE ON JOB_BATCH FROM {user}")
    place.own.execute(f"REVOKE INSERT ON AUDIT_LOG FROM {user}")
    code, found = place.doctor(MAILER_DATABASE_USER=user)
    state, message, step = found["rights"]
    assert (code, state) == (2, "fault")
    assert "ORA-01031" in message
    assert "GRANT INSERT ON AUDIT_LOG TO …; GRANT UPDATE ON JOB_BATCH TO …;" in step

    place.own.execute(f"REVOKE SELECT, INSERT, UPDATE, DELETE ON SCHEMA_HISTORY FROM {user}")
    code, found = place.doctor(MAILER_DATABASE_USER=user)
    state, message, step = found["database"]
    assert (code, state) == (2, "fault")
    assert "in list_installed_migrations" in message
    assert "docs/oracle.md" in step


def test_the_tables_of_this_test_are_mailers(place: Place) -> None:
    made = place.own.query("SELECT TABLE_NAME FROM USER_TABLES ORDER BY TABLE_NAME")
    assert [table for (table,) in made] == TABLES
    assert len(shipped_statements("oracle")) > 100


CONNECT = {
    "a service that nobody knows": (Fault(Action.REFUSE, "connect", code=12514, times=0), 4, "DPY-6001", "service"),
    "no free handler": (Fault(Action.REFUSE, "connect", code=12516, times=0), 4, "ORA-12516", "tried again"),
    "Native Network Encryption": (Fault(Action.ENCRYPT, "connect", times=0), 2, "DPY-3001", "tcps://"),
    "a server older than 12.1": (Fault(Action.OLD, "connect", times=0), 2, "DPY-3010", "newer database"),
    "an expired password": (Fault(Action.ERROR, "logon", code=28001, times=0), 2, "ORA-28001", "IDENTIFIED BY"),
    "a locked account": (Fault(Action.ERROR, "logon", code=28000, times=0), 2, "ORA-28000", "ACCOUNT UNLOCK"),
    "no right to log in": (Fault(Action.ERROR, "logon", code=1045, times=0), 2, "ORA-01045", "CREATE SESSION"),
    "all sessions taken": (Fault(Action.ERROR, "logon", code=18, times=0), 4, "ORA-00018", "tried again"),
    "a database that is starting": (Fault(Action.ERROR, "logon", code=1033, times=0), 4, "ORA-01033", "tried again"),
}


@pytest.mark.parametrize("name", CONNECT)
def test_why_a_connection_does_not_come_about_is_found_for_both_databases(place: Place, name: str) -> None:
    fault, exit_code, says, advice = CONNECT[name]
    place.order(lambda control: control.arm(fault))
    code, found = place.doctor()
    assert code == exit_code
    for check in ("database", "data source erp"):
        state, message, step = found[check]
        assert (state, says in message, advice in step) == ("fault", True, True), (message, step)


def test_a_wrong_password_and_one_of_an_ancient_form_are_found(place: Place) -> None:
    place.order(lambda control: control.set_password(place.own.user, "다른 비밀"))
    place.order(lambda control: control.keep_ancient_password(place.source.user))
    code, found = place.doctor()
    assert code == 2
    assert "ORA-01017" in found["database"][1]
    assert "MAILER_DATABASE_PASSWORD" in found["database"][2]
    assert "DPY-3015" in found["data source erp"][1]
    assert "set it anew" in found["data source erp"][2]


def test_a_password_that_will_expire_is_a_warning_with_the_days_left(place: Place) -> None:
    text = "the password will expire within 5 days"
    place.order(
        lambda control: control.arm(Fault(Action.WARN, "logon", user=place.own.user, code=28002, text=text, times=0))
    )
    code, found = place.doctor()
    assert code == 0
    assert found["password"][:2] == ("warning", f"mailer's database: ORA-28002: {text}")
    assert "MAILER_DATABASE_PASSWORD" in found["password"][2]


def test_fewer_sessions_than_the_pool_may_open_are_found(place: Place) -> None:
    place.order(
        lambda control: control.arm(Fault(Action.ERROR, "logon", user=place.own.user, code=2391, nth=4, times=0))
    )
    code, found = place.doctor()
    state, message, step = found["pool"]
    assert (code, state) == (4, "fault")
    assert "ORA-02391" in message
    assert "MAILER_DATABASE_POOL" in step


def test_the_driver_says_what_the_stand_in_means(place: Place) -> None:
    """That these codes come of the socket, and not of our own texts."""
    place.order(lambda control: control.arm(Fault(Action.ENCRYPT, "connect")))
    with pytest.raises(oracledb.Error) as caught:
        place.own.query("SELECT 1 FROM DUAL")
    assert "Native Network Encryption" in str(caught.value.__cause__ or caught.value)

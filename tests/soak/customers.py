"""The recipients of a soak: a customer's table, and the automation that mails to whoever it has not mailed yet."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

from mailer.model.automation import Automation, Dbio, Policies, Schedule, ScheduleKind, Template

EVERY = timedelta(seconds=3)
AUTOMATION = Automation(
    name="담금 시험",
    dbio=Dbio(
        "crm",
        "SELECT CUST_ID, CUST_NAME, EMAIL FROM CUSTOMER WHERE MAILED_AT IS NULL ORDER BY CUST_ID",
        "CUST_ID",
        "EMAIL",
        update="UPDATE CUSTOMER SET MAILED_AT = :SENT_AT WHERE CUST_ID = :CUST_ID",
    ),
    template=Template("$(CUST_NAME)님께", "<p>$(CUST_NAME)님, 안녕하세요.</p>", "$(CUST_NAME)님, 안녕하세요."),
    policies=Policies("고객센터 <billing@example.co.kr>", max_parallel=20),
    schedules=(Schedule(ScheduleKind.REALTIME, every=EVERY),),
)


class Customers:
    """`crm.db` in a folder."""

    def __init__(self, folder: Path, count: int) -> None:
        self._path = folder / "crm.db"
        self.addresses = [f"cust{number}@example.co.kr" for number in range(1, count + 1)]
        with self._open() as crm:
            crm.execute("PRAGMA journal_mode = WAL")
            crm.execute(
                "CREATE TABLE CUSTOMER (CUST_ID INTEGER PRIMARY KEY, CUST_NAME TEXT, EMAIL TEXT, MAILED_AT TEXT)"
            )
            rows = [(number, f"고객 {number}", email) for number, email in enumerate(self.addresses, start=1)]
            crm.executemany("INSERT INTO CUSTOMER (CUST_ID, CUST_NAME, EMAIL) VALUES (?, ?, ?)", rows)

    def not_mailed(self) -> int:
        """How many no update query has marked yet."""
        with self._open() as crm:
            return int(crm.execute("SELECT COUNT(*) FROM CUSTOMER WHERE MAILED_AT IS NULL").fetchone()[0])

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=60)) as connection, connection:
            yield connection

"""A small shop: its SQLite file, a folder of attachments, and a definition over them that a test spoils."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from mailer.attachments.folder import FolderStorage
from mailer.attachments.storage import Index
from mailer.clock import SystemClock
from mailer.model.automation import Automation, Dbio, MissingAttachment, Policies, Template
from mailer.model.template import RenderLimits
from mailer.sources.sqlite import SqliteSource

LIMITS = RenderLimits(seconds=10, bytes=1_000_000)
CLOCK = SystemClock()

DEFINITION = Automation(
    name="월간-명세서",
    dbio=Dbio(
        source="shop",
        key="ID",
        email="EMAIL",
        attachment="FILES",
        target="SELECT ID, NAME, EMAIL, FILES FROM CUSTOMER ORDER BY NO",
        mapping="SELECT ITEM, AMOUNT FROM ORDER_LINE WHERE CUSTOMER = :ID ORDER BY LINE",
        update="UPDATE CUSTOMER SET SENT_AT = :SENT_AT WHERE ID = :ID",
    ),
    template=Template("$(NAME)님, 명세서", "<p>$(ITEM)</p>{% for L in ROWS %}<p>$(L.AMOUNT)</p>{% endfor %}"),
    policies=Policies(sender="고객센터 <billing@example.co.kr>"),
)

_TABLES = """
CREATE TABLE CUSTOMER (NO INTEGER PRIMARY KEY, ID TEXT, NAME TEXT, EMAIL TEXT, FILES TEXT, SENT_AT TEXT);
CREATE TABLE ORDER_LINE (CUSTOMER TEXT, LINE INTEGER, ITEM TEXT, AMOUNT INTEGER);
"""


@dataclass(frozen=True, slots=True)
class Shop:
    """With one customer in it: key 가1, whose row has no fault."""

    path: Path
    files: Path

    def customer(
        self,
        key: str | None,
        *,
        name: str | None = "김하은",
        email: str | None = "haeun@example.com",
        files: str | None = None,
        lines: tuple[tuple[str | None, int | None], ...] = (("현미", 18_900),),
    ) -> None:
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute(
                "INSERT INTO CUSTOMER (ID, NAME, EMAIL, FILES) VALUES (?, ?, ?, ?)", (key, name, email, files)
            )
            connection.executemany(
                "INSERT INTO ORDER_LINE VALUES (?, ?, ?, ?)",
                [(key, number, *line) for number, line in enumerate(lines)],
            )

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.path)) as connection:
            return connection.execute(query).fetchall()

    def source(self) -> SqliteSource:
        """To be entered by the test itself: a fixture would leave it in another task."""
        return SqliteSource("shop", self.path, patience=10, query_seconds=100, clock=CLOCK)

    async def index(self) -> Index:
        async with FolderStorage(self.files) as storage:
            return await storage.index()


def make_shop(folder: Path) -> Shop:
    """A shop in that folder."""
    shop = Shop(folder / "shop.db", folder / "첨부")
    shop.files.mkdir()
    with closing(sqlite3.connect(shop.path)) as connection:
        connection.executescript(_TABLES)
    shop.customer("가1")
    return shop


def changed(
    *,
    target: str | None = None,
    mapping: str | None = None,
    update: str | None = None,
    html: str | None = None,
    missing: MissingAttachment = MissingAttachment.SKIP,
) -> Automation:
    """The definition with some parts replaced."""
    dbio = replace(
        DEFINITION.dbio,
        target=target or DEFINITION.dbio.target,
        mapping=mapping or DEFINITION.dbio.mapping,
        update=update or DEFINITION.dbio.update,
    )
    return replace(
        DEFINITION,
        dbio=dbio,
        template=replace(DEFINITION.template, html=html or DEFINITION.template.html),
        policies=replace(DEFINITION.policies, missing_attachment=missing),
    )

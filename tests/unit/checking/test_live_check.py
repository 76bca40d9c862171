import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from mailer.checking.finding import Finding, Severity
from mailer.checking.live_check import Checked, LiveCheck
from mailer.errors import SourceAway
from mailer.model.automation import Automation
from mailer.sources.sqlite import SqliteSource
from tests.unit.shop import CLOCK, DEFINITION, LIMITS, Shop, changed, make_shop


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return make_shop(tmp_path)


async def checked(shop: Shop, definition: Automation) -> tuple[Checked | None, list[Finding]]:
    async with shop.source() as source:
        check = LiveCheck(definition, source, await shop.index(), LIMITS, CLOCK)
        return await check.run(), check.findings


async def faults(shop: Shop, definition: Automation) -> list[tuple[str, str]]:
    good, findings = await checked(shop, definition)
    assert good is None
    return [(finding.code, finding.message) for finding in findings if finding.severity is Severity.FAULT]


async def test_a_definition_without_faults_is_ready_for_its_rows(shop: Shop) -> None:
    good, findings = await checked(shop, DEFINITION)
    assert good is not None
    assert [row["ID"] for row in good.rows] == ["가1"]
    assert findings == []


async def test_a_target_query_that_does_not_parse_is_a_fault(shop: Shop) -> None:
    [(code, message)] = await faults(shop, changed(target="SELECT FROM CUSTOMER"))
    assert (code, "shop" in message) == ("target", True)


async def test_each_column_that_the_target_query_lacks_is_a_fault(shop: Shop) -> None:
    found = await faults(shop, changed(target="SELECT ID, NAME FROM CUSTOMER"))
    assert ("target", "the target query returns no column EMAIL, which is the email") in found
    assert ("target", "the target query returns no column FILES, which is the attachment") in found


async def test_faults_of_all_queries_and_of_the_template_are_found_together(shop: Shop) -> None:
    definition = changed(
        target="SELECT ID, NAME, EMAIL FROM CUSTOMER",
        mapping="SELECT ITEM FROM ORDER_LINE WHERE CUSTOMER = :KUNDE AND LINE = :ID",
        update="UPDATE CUSTOMER SET SENT_AT = :SENT_ATT WHERE ID = :ID",
    )
    codes = {code for code, _ in await faults(shop, definition)}
    assert codes == {"target", "mapping", "update"}


async def test_an_update_query_over_a_table_that_is_gone_is_a_fault_and_never_runs(shop: Shop) -> None:
    [(code, message)] = await faults(shop, changed(update="UPDATE GONE SET X = 1 WHERE ID = :ID"))
    assert code == "update"
    assert "GONE" in message
    assert (await checked(shop, DEFINITION))[0] is not None
    assert shop.rows("SELECT SENT_AT FROM CUSTOMER") == [(None,)]


async def test_a_target_query_that_would_write_is_refused_by_the_database(shop: Shop) -> None:
    [(code, _)] = await faults(shop, changed(target="UPDATE CUSTOMER SET NAME = 'X' RETURNING ID, EMAIL, FILES, NAME"))
    assert code == "target"
    assert shop.rows("SELECT NAME FROM CUSTOMER") == [("김하은",)]


async def test_a_variable_that_neither_query_has_is_a_fault_also_in_a_branch_not_taken(shop: Shop) -> None:
    definition = changed(html="$(NAME){% if NAME == 'X' %}$(AMUONT){% endif %}")
    assert await faults(shop, definition) == [
        ("template", "$(AMUONT) is a column of neither query (did you mean AMOUNT?)")
    ]


async def test_a_column_of_a_line_that_the_mapping_query_lacks_is_a_fault(shop: Shop) -> None:
    definition = changed(html="{% for L in ROWS %}$(L.NAME){% endfor %}")
    [(code, message)] = await faults(shop, definition)
    assert code == "template"
    assert message.startswith("a row of ROWS has no column NAME")


async def test_without_a_mapping_query_the_lines_have_the_target_rows_columns(shop: Shop) -> None:
    definition = replace(
        changed(html="{% for L in ROWS %}$(L.NAME){% endfor %}"), dbio=replace(DEFINITION.dbio, mapping=None)
    )
    assert (await checked(shop, definition))[0] is not None


async def test_a_template_error_in_the_first_row_is_a_fault_with_its_row_and_key(shop: Shop) -> None:
    good, findings = await checked(shop, changed(html="$(NAME | number)"))
    assert good is not None
    [fault] = good.tried
    assert findings == []
    assert (fault.code, fault.row_no, fault.key) == ("template", 1, "가1")
    assert "김하은" not in fault.message


async def test_an_empty_list_is_said_and_its_columns_are_checked_all_the_same(shop: Shop) -> None:
    definition = changed(target="SELECT ID, NAME, EMAIL, FILES FROM CUSTOMER WHERE 0")
    good, findings = await checked(shop, definition)
    assert good is not None
    assert [(finding.severity, "no row now" in finding.message) for finding in findings] == [(Severity.NOTE, True)]
    empty = changed(target="SELECT ID, NAME, FILES FROM CUSTOMER WHERE 0")
    assert [code for code, _ in await faults(shop, empty)] == ["target"]


async def test_rows_that_the_mapping_query_knows_nothing_of_are_passed_over_for_the_trial(shop: Shop) -> None:
    with closing(sqlite3.connect(shop.path)) as connection, connection:
        connection.execute("DELETE FROM ORDER_LINE")
    good, findings = await checked(shop, DEFINITION)
    assert good is not None
    assert ["none of the first 1 rows has a mail" in finding.message for finding in findings] == [True]


BATCHED = "SELECT CUSTOMER, ITEM, AMOUNT FROM ORDER_LINE WHERE CUSTOMER = :ID ORDER BY LINE"


def batched(mapping: str, target: str | None = None) -> Automation:
    definition = changed(mapping=mapping, target=target)
    return replace(definition, dbio=replace(definition.dbio, mapping_batch=True))


async def test_a_mapping_query_that_can_be_asked_for_many_is_tried_as_such(shop: Shop) -> None:
    shop.customer("K-1")
    shop.customer("K-2", name="이서준", lines=(("보리", 1),))
    good, findings = await checked(shop, batched(BATCHED))
    assert good is not None
    assert findings == []


async def test_a_mapping_query_that_can_not_be_asked_for_many_is_a_fault_that_says_why(shop: Shop) -> None:
    [(code, message)] = await faults(shop, batched(BATCHED.replace("CUSTOMER, ITEM", "ITEM")))
    assert code == "mapping"
    assert "mapping_batch: the mapping query can't be asked for many keys at once: its SELECT list lacks" in message
    [(code, message)] = await faults(shop, batched(BATCHED.replace("AMOUNT", "AMOUNT, 1 AS CUSTOMER")))
    assert code == "mapping"
    assert "two columns of one name" in message


async def test_keys_that_the_mapping_query_returns_as_another_type_are_a_warning(shop: Shop) -> None:
    shop.customer("1")
    shop.customer("2")
    target = "SELECT CAST(ID AS INTEGER) AS ID, NAME, EMAIL, FILES FROM CUSTOMER WHERE ID < 'A' ORDER BY NO"
    good, [finding] = await checked(shop, batched(BATCHED, target))
    assert good is not None
    assert (finding.severity, finding.code) == (Severity.WARNING, "mapping")
    assert "equal to the key, but of another type or spelling" in finding.message


async def test_a_locked_source_is_away_and_no_fault_of_the_definition(shop: Shop) -> None:
    with closing(sqlite3.connect(shop.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        async with SqliteSource("shop", shop.path, patience=0.05, query_seconds=10, clock=CLOCK) as source:
            with pytest.raises(SourceAway):
                await LiveCheck(DEFINITION, source, None, LIMITS, CLOCK).run()

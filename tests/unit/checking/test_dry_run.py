import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from mailer.checking.dry_run import SLICE_ROWS, DryRun, Tell
from mailer.checking.finding import Finding, Severity
from mailer.checking.live_check import LiveCheck
from mailer.model.automation import Automation, MissingAttachment
from mailer.model.message import MAX_MESSAGE_BYTES
from tests.unit.shop import CLOCK, DEFINITION, LIMITS, Shop, changed, make_shop


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return make_shop(tmp_path)


async def dry_run(shop: Shop, definition: Automation, tell: Tell) -> int:
    async with shop.source() as source:
        checked = await LiveCheck(definition, source, await shop.index(), LIMITS, CLOCK).run()
        assert checked is not None
        return await DryRun(definition, source, checked.row_check).run(tell)


async def findings(shop: Shop, definition: Automation = DEFINITION) -> list[Finding]:
    found: list[Finding] = []

    def tell(done: int, total: int | None, findings: Sequence[Finding]) -> None:
        found.extend(findings)

    await dry_run(shop, definition, tell)
    return found


async def the_finding(shop: Shop, definition: Automation = DEFINITION) -> Finding:
    [found] = await findings(shop, definition)
    return found


async def test_rows_in_order_have_no_findings(shop: Shop) -> None:
    (shop.files / "명세서.pdf").write_bytes(b"%PDF")
    shop.customer("나2", files="명세서.pdf; ")
    assert await findings(shop) == []


@pytest.mark.parametrize(
    ("email", "code"),
    [
        (None, "no address"),
        ("  ", "no address"),
        ("haeun", "malformed address"),
        ("a@b.kr;c@d.kr", "malformed address"),
    ],
)
async def test_a_bad_address_is_a_fault(shop: Shop, email: str | None, code: str) -> None:
    shop.customer("나2", email=email)
    found = await the_finding(shop)
    assert (found.severity, found.code, found.row_no, found.key) == (Severity.FAULT, code, 2, "나2")
    assert "haeun" not in found.message


async def test_a_row_without_a_key_is_a_fault_and_named_by_its_number(shop: Shop) -> None:
    shop.customer(None)
    found = await the_finding(shop)
    assert (found.code, found.row_no, found.key) == ("no key", 2, "#2")


async def test_a_key_that_is_too_long_is_a_fault_and_named_by_its_rows_number(shop: Shop) -> None:
    shop.customer("나" * 401)
    found = await the_finding(shop)
    assert (found.severity, found.code, found.row_no, found.key) == (Severity.FAULT, "key too long", 2, "#2")


async def test_a_key_that_was_there_before_is_a_fault_of_the_later_row(shop: Shop) -> None:
    shop.customer("가1", email="other@example.com", lines=())
    found = await the_finding(shop)
    assert (found.severity, found.code, found.row_no) == (Severity.FAULT, "repeated key", 2)
    assert found.message == "row 1 has it first"


async def test_a_row_without_a_mapping_row_is_a_fault(shop: Shop) -> None:
    shop.customer("나2", lines=())
    assert (await the_finding(shop)).code == "no mapping row"


@pytest.mark.parametrize(
    ("policy", "severity"),
    [
        (MissingAttachment.SKIP, Severity.WARNING),
        (MissingAttachment.SEND, Severity.WARNING),
        (MissingAttachment.FAIL, Severity.FAULT),
    ],
)
async def test_a_missing_file_is_what_the_policy_makes_of_it(
    shop: Shop, policy: MissingAttachment, severity: Severity
) -> None:
    shop.customer("나2", files="없는 파일.pdf")
    found = await the_finding(shop, changed(missing=policy))
    assert (found.severity, found.code) == (severity, "attachment missing")
    assert "없는 파일.pdf" in found.message


async def test_a_name_that_two_files_have_is_reported_with_both(shop: Shop) -> None:
    for branch in ("서울", "부산"):
        (shop.files / branch).mkdir()
        (shop.files / branch / "명세서.pdf").write_bytes(b"")
    shop.customer("나2", files="명세서.pdf")
    found = await the_finding(shop)
    assert (found.severity, found.code) == (Severity.WARNING, "attachment missing")
    assert "서울/명세서.pdf" in found.message
    assert "부산/명세서.pdf" in found.message


async def test_a_file_over_the_limit_is_a_fault_and_is_not_read(shop: Shop) -> None:
    with (shop.files / "큰 파일.zip").open("wb") as file:
        file.truncate(MAX_MESSAGE_BYTES)
    shop.customer("나2", files="큰 파일.zip")
    tracemalloc.start()
    found = await the_finding(shop)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (found.severity, found.code) == (Severity.FAULT, "attachment too large")
    assert peak < MAX_MESSAGE_BYTES / 4


async def test_files_that_are_too_large_together_are_a_fault(shop: Shop) -> None:
    for name in ("하나.zip", "둘.zip"):
        with (shop.files / name).open("wb") as file:
            file.truncate(MAX_MESSAGE_BYTES // 2)
    shop.customer("나2", files="하나.zip; 둘.zip")
    found = await the_finding(shop)
    assert (found.severity, found.code) == (Severity.FAULT, "attachment too large")
    assert "하나.zip, 둘.zip" in found.message


async def test_null_where_a_variable_is_used_is_a_fault_in_row_and_lines(shop: Shop) -> None:
    shop.customer("나2", name=None, lines=(("현미", 1), ("감귤", None)))
    found = await the_finding(shop)
    assert (found.severity, found.code) == (Severity.FAULT, "NULL")
    assert found.message.endswith("NAME, AMOUNT in ROWS")


async def test_null_that_the_template_asks_for_is_none_of_a_persons_concern(shop: Shop) -> None:
    shop.customer("나2", lines=((None, 1),))
    assert await findings(shop, changed(html="$(ITEM | default('-'))")) == []


async def test_null_in_a_column_that_no_template_uses_is_not_reported(shop: Shop) -> None:
    shop.customer("나2", files=None)
    assert await findings(shop) == []


async def test_a_template_error_is_a_fault_of_its_row_without_the_value(shop: Shop) -> None:
    shop.customer("나2", lines=(("비밀", 2),))
    found = await the_finding(shop, changed(html="{% if AMOUNT == 2 %}$(ITEM | number){% endif %}"))
    assert (found.code, found.row_no) == ("template", 2)
    assert "비밀" not in found.message


async def test_all_faults_of_a_row_are_reported(shop: Shop) -> None:
    shop.customer("나2", name=None, email="haeun", files="없다.pdf")
    codes = [found.code for found in await findings(shop)]
    assert codes == ["malformed address", "attachment missing", "NULL"]


async def test_findings_come_in_the_order_of_the_rows_over_several_slices(shop: Shop) -> None:
    total = SLICE_ROWS + 50
    for number in range(2, total + 1):
        shop.customer(f"나{number}", email=None)
    told: list[tuple[int, int | None]] = []
    rows: list[int | None] = []

    def tell(done: int, total: int | None, findings: Sequence[Finding]) -> None:
        told.append((done, total))
        rows.extend(finding.row_no for finding in findings)

    assert await dry_run(shop, DEFINITION, tell) == total
    assert rows == list(range(2, total + 1))
    assert told == [(SLICE_ROWS, None), (total, None), (SLICE_ROWS, total), (total, total)]


async def test_the_customers_file_is_free_for_writers_while_rows_are_checked(shop: Shop) -> None:
    def tell(done: int, total: int | None, findings: Sequence[Finding]) -> None:
        if total is not None:
            shop.customer("새 고객")  # would be locked out while the target query is open

    await dry_run(shop, DEFINITION, tell)
    assert shop.rows("SELECT COUNT(*) FROM CUSTOMER") == [(2,)]


async def test_memory_does_not_grow_with_the_list(shop: Shop) -> None:
    async def peak(rows: int) -> int:
        count = f"WITH RECURSIVE N (N) AS (SELECT 1 UNION ALL SELECT N + 1 FROM N WHERE N < {rows})"
        definition = changed(target=f"{count} SELECT N AS ID, '김하은' AS NAME, NULL AS EMAIL, NULL AS FILES FROM N")
        definition = replace(definition, dbio=replace(definition.dbio, mapping="SELECT 'X' AS ITEM, 1 AS AMOUNT"))
        tracemalloc.start()
        assert await dry_run(shop, definition, lambda done, total, findings: None) == rows
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    await peak(SLICE_ROWS)  # what is made once
    small, large = await peak(2 * SLICE_ROWS), await peak(20 * SLICE_ROWS)
    assert large < small * 1.3

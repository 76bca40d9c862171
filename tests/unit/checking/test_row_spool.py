from datetime import UTC, datetime
from decimal import Decimal

import pytest

from mailer.checking.row_spool import RowSpool, Spooled
from mailer.errors import ConfigurationError
from mailer.model.row import Row


async def test_rows_come_back_in_order_in_slices_with_their_types() -> None:
    rows: list[Row] = [
        {
            "이름": "김하은",
            "금액": Decimal("0.10"),
            "AT": datetime(2026, 11, 24, tzinfo=UTC),
            "RAW": b"\x00",
            "NONE": None,
            "N": n,
        }
        for n in range(5)
    ]
    with RowSpool() as spool:
        await spool.add([(str(row["N"]), row) for row in rows[:3]])
        await spool.add([(str(row["N"]), row) for row in rows[3:]])
        await spool.close_list()
        first, second = await spool.after(0, 3), await spool.after(3, 3)
        assert await spool.after(5, 3) == []
    assert [spooled.row_no for spooled in first + second] == [1, 2, 3, 4, 5]
    assert [spooled.row for spooled in first + second] == rows


async def test_a_repeated_key_names_the_first_row_that_has_it() -> None:
    with RowSpool() as spool:
        await spool.add([("가", {}), ("나", {}), ("가", {}), ("가 ", {})])
        await spool.close_list()
        found = await spool.after(0, 10)
    assert found == [
        Spooled(1, 1, "가", {}),
        Spooled(2, 2, "나", {}),
        Spooled(3, 1, "가", {}),
        Spooled(4, 4, "가 ", {}),
    ]


async def test_a_temporary_folder_without_room_is_said_without_a_traceback() -> None:
    with RowSpool() as spool:
        spool._connection.execute("PRAGMA max_page_count = 8")
        with pytest.raises(ConfigurationError, match="temporary folder") as refusal:
            await spool.add([(str(n), {"TEXT": "x" * 1000}) for n in range(1000)])
    assert "TMPDIR" in refusal.value.next_step

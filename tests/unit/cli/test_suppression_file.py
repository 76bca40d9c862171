"""Files of addresses that are to get no mail, as spreadsheets and people write them."""

import pytest

from mailer.cli.suppression_file import Malformed, read_suppressions
from mailer.store.suppressions import NewSuppression

KIM = NewSuppression("kim@example.com", "고객 요청")
LEE = NewSuppression("lee@example.com", "imported")


def read(*lines: str) -> list[NewSuppression | Malformed]:
    return list(read_suppressions([f"{line}\n" for line in lines], "imported"))


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_comma_a_semicolon_or_a_tab_stands_between_the_columns(separator: str) -> None:
    def row(*cells: str) -> str:
        return separator.join(cells)

    titled = read(row("사유", "이메일"), row("고객 요청", "kim@example.com"), row("", "lee@example.com"))
    assert titled == [KIM, LEE]
    assert read(row("kim@example.com", "고객 요청"), "lee@example.com") == [KIM, LEE]
    assert read(row('"kim@example.com"', '"고객 요청"'), row("", ""), row("lee@example.com", "")) == [KIM, LEE]


def test_a_comma_within_a_reason_is_no_column_of_its_own_where_titles_are_parted_by_semicolons() -> None:
    assert read("email;reason", "kim@example.com;탈퇴, 요청") == [NewSuppression("kim@example.com", "탈퇴, 요청")]


def test_a_cell_that_is_too_long_is_not_called_empty() -> None:
    (malformed,) = read("가" * 200_000)
    assert malformed == Malformed(1, "a cell is longer than 131,072 characters, or holds a line break")


def test_a_malformed_line_says_what_is_wrong_with_its_address() -> None:
    assert read("lee@example.com", "kim") == [LEE, Malformed(2, "malformed address: it has no '@'")]


@pytest.mark.parametrize("separator", [";", " "])
def test_two_addresses_in_a_line_are_never_one_with_the_other_for_its_reason(separator: str) -> None:
    (malformed,) = read(f"kim@example.com{separator}lee@example.com")
    assert malformed == Malformed(1, "malformed address: several addresses")

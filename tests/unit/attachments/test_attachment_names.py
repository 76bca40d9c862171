import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.attachments.names import asked, can_be_asked, composed, last_part, shown
from mailer.errors import AttachmentMissing


@pytest.mark.parametrize(
    "name",
    [
        "../secret.pdf",
        "2026-11/../../secret.pdf",
        "2026-11/..",
        "/etc/passwd",
        "//host/share",
        "..\\secret.pdf",
        "C:\\secret.pdf",
        "a\0.pdf",
        "2026-11//a.pdf",
        "2026-11/",
        "./a.pdf",
        ".",
        "..",
    ],
)
def test_a_name_that_leaves_the_storage_is_missing(name: str) -> None:
    with pytest.raises(AttachmentMissing, match="not a name within") as error:
        asked(name)
    assert error.value.next_step


@pytest.mark.parametrize("name", ["", " ", "\t\n", "\u3000"])
def test_a_blank_name_is_missing(name: str) -> None:
    with pytest.raises(AttachmentMissing, match="blank"):
        asked(name)


@pytest.mark.parametrize(
    "name", ["a.pdf", "2026-11/a.pdf", "11월/김철수/명세서.pdf", "..a.pdf", "a..pdf", ".hidden.pdf"]
)
def test_a_plain_name_or_a_path_may_be_asked(name: str) -> None:
    assert asked(name) == name


@given(st.text(alphabet="가힣한글각ëÅ樂a1./\\\0 ", max_size=12))
def test_whatever_is_asked_stays_inside_in_either_form(name: str) -> None:
    for form in ("NFC", "NFD"):
        try:
            path = asked(unicodedata.normalize(form, name))
        except AttachmentMissing:
            continue
        assert path == composed(name)
        assert not path.startswith("/")
        assert not {"", ".", ".."} & set(path.split("/"))
        assert not {"\\", "\0"} & set(path)


def test_files_in_hidden_folders_do_not_count() -> None:
    assert not can_be_asked(".snapshot/명세서.pdf")
    assert not can_be_asked("2026/.trash/명세서.pdf")
    assert can_be_asked("2026/.명세서.pdf")


def test_the_last_part_is_the_files_own_name() -> None:
    assert last_part("2026/11월/명세서.pdf") == "명세서.pdf"
    assert last_part("명세서.pdf") == "명세서.pdf"


def test_an_error_shows_no_control_characters_no_full_address_and_no_endless_name() -> None:
    assert shown("명세서\r\n.pdf") == r"'명세서\r\n.pdf'"
    assert shown("11월/cheolsu.kim@example.co.kr.pdf") == "'11월/c…@example.co.kr.pdf'"
    assert len(shown("가" * 10_000)) < 250

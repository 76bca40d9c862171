import mimetypes

import pytest

from mailer.attachments.content_types import content_type


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("명세서.pdf", "application/pdf"),
        ("명세서.PDF", "application/pdf"),
        ("매출.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ("공문.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("공문.hwp", "application/x-hwp"),
        ("묶음.zip", "application/zip"),
        ("사진.png", "image/png"),
        ("사진.jpg", "image/jpeg"),
        ("목록.csv", "text/csv"),
        ("안내.txt", "text/plain"),
        ("목록.csv.gz", "application/gzip"),
        ("목록.csv.bz2", "application/octet-stream"),
        ("소리.mp3", "audio/mpeg"),
        ("모르는.것", "application/octet-stream"),
        ("끝이없다", "application/octet-stream"),
        (".pdf", "application/octet-stream"),
        ("http://a/b.pdf?c", "application/octet-stream"),
    ],
)
def test_a_content_type_follows_from_the_ending(name: str, expected: str) -> None:
    assert content_type(name) == expected


def test_a_content_type_is_short_enough_for_ses() -> None:
    # SendEmail's Attachment: ContentType has at most 78 characters.
    endings = [*mimetypes.MimeTypes().types_map[True], ".docx", ".pptx", ".xlsx", ".hwpx"]
    assert max(len(content_type("a" + ending)) for ending in endings) <= 78


def test_what_the_machine_says_of_an_ending_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(mimetypes.types_map, ".mp3", "host/own")
    assert content_type("소리.mp3") == "audio/mpeg"

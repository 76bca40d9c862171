from pathlib import Path
from typing import Any

import pytest

from mailer.attachments.folder import FolderStorage
from mailer.attachments.location import open_storage
from mailer.attachments.s3 import S3Storage
from mailer.errors import ConfigurationError


async def test_a_path_opens_that_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "첨부").mkdir()
    (tmp_path / "첨부/a.pdf").write_bytes(b"a")
    monkeypatch.chdir(tmp_path)
    for location in (str(tmp_path / "첨부"), "첨부", "./첨부/"):
        async with open_storage(location) as storage:
            assert isinstance(storage, FolderStorage)
            assert (await storage.index()).size("a.pdf") == 1


@pytest.mark.parametrize("prefix", ["", "/", "/첨부", "/첨부/2026/"])
async def test_an_s3_location_opens_that_prefix(s3: Any, bucket: str, prefix: str) -> None:
    s3.put_object(Bucket=bucket, Key="첨부/2026/a.pdf", Body=b"a")
    async with open_storage(f"s3://{bucket}{prefix}") as storage:
        assert isinstance(storage, S3Storage)
        assert (await storage.index()).size("a.pdf") == 1


@pytest.mark.parametrize(
    "location",
    [
        "",
        " ",
        "a\0b",
        "s3://",
        "s3:///prefix",
        "s3://한글/prefix",
        "s3://a b/prefix",
        "s3:bucket",
        "https://host/a",
        "gs://b/a",
    ],
)
def test_anything_else_is_a_wrong_setting(location: str) -> None:
    with pytest.raises(ConfigurationError, match="MAILER_ATTACHMENTS") as error:
        open_storage(location)
    assert "s3://bucket/prefix" in error.value.next_step


def test_a_password_in_a_wrong_location_is_not_shown() -> None:
    with pytest.raises(ConfigurationError) as error:
        open_storage("https://user:secret@host/a")
    assert "secret" not in str(error.value)

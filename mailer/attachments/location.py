"""MAILER_ATTACHMENTS → the storage that it names."""

import re
from pathlib import Path

from mailer.attachments.folder import FolderStorage
from mailer.attachments.names import shown
from mailer.attachments.storage import Storage
from mailer.errors import ConfigurationError

_BUCKET = re.compile(r"[A-Za-z0-9._-]{3,255}")
_SCHEME = re.compile(r"(?:s3|[A-Za-z][A-Za-z0-9+.-]+(?=://)):", re.IGNORECASE)


def open_storage(location: str) -> Storage:
    """The storage at a folder's path, or at `s3://bucket/prefix`, to be opened by `async with`.

    Raises ConfigurationError where it is neither; a folder is looked for when it is opened.
    """
    if location.lower().startswith("s3://"):
        bucket, _, prefix = location[len("s3://") :].partition("/")
        if not _BUCKET.fullmatch(bucket):
            raise _refused(location, "names no bucket")
        from mailer.attachments.s3 import S3Storage  # noqa: PLC0415 - the AWS SDK takes long to load

        return S3Storage(bucket, prefix)
    if not location.strip() or "\0" in location:
        raise _refused(location, "is blank or no path")
    if _SCHEME.match(location):
        raise _refused(location, "is neither a folder nor s3://bucket/prefix")
    return FolderStorage(Path(location))


def _refused(location: str, fault: str) -> ConfigurationError:
    return ConfigurationError(
        f"MAILER_ATTACHMENTS={shown(location)} {fault}",
        "Set MAILER_ATTACHMENTS to a folder's path or to s3://bucket/prefix.",
    )

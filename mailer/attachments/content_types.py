"""The content type of a file, by the ending of its name."""

import mimetypes
from pathlib import PurePosixPath

# What mails carry. Written out, for tables differ between operating systems and versions of Python.
_TYPES = {
    ".csv": "text/csv",
    ".doc": "application/msword",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".eml": "message/rfc822",
    ".gif": "image/gif",
    ".gz": "application/gzip",
    ".htm": "text/html",
    ".html": "text/html",
    ".hwp": "application/x-hwp",
    ".hwpx": "application/hwp+zip",
    ".ics": "text/calendar",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".ppt": "application/vnd.ms-powerpoint",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".rtf": "application/rtf",
    ".svg": "image/svg+xml",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".txt": "text/plain",
    ".webp": "image/webp",
    ".xls": "application/vnd.ms-excel",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".xml": "application/xml",
    ".zip": "application/zip",
}
_UNKNOWN = "application/octet-stream"
# A table of its own: the module's functions answer by the machine's /etc/mime.types.
_OTHERS = mimetypes.MimeTypes()


def content_type(name: str) -> str:
    """The type of a file of that name, such as application/pdf; application/octet-stream where nothing is known."""
    ending = PurePosixPath(name).suffix.lower()
    if ending in _TYPES:
        return _TYPES[ending]
    kind, compression = _OTHERS.guess_type("file" + ending)
    return kind if kind and not compression else _UNKNOWN

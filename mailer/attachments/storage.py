"""The port of an attachment storage, and of its index, which a job makes once."""

from typing import Protocol

from mailer.model.message import Attachment


class Storage(Protocol):
    """Where attachments lie; opened by `async with`."""

    async def index(self) -> "Index":
        """Lists the whole storage once. Raises StorageAway."""
        ...

    async def __aenter__(self) -> "Storage": ...

    async def __aexit__(self, *details: object) -> None: ...


class Index(Protocol):
    """The files of a storage by name, as they were when it was listed."""

    async def read(self, name: str) -> Attachment:
        """The file of that name, whichever Unicode form either has; small ones are kept for the next that asks.

        Raises AttachmentMissing (also for a name that leaves the storage), AttachmentAmbiguous (says both),
        AttachmentTooLarge (over SES's 40 MB alone), StorageAway.
        """
        ...

    def size(self, name: str) -> int:
        """Bytes of the file, from the listing alone. Raises as `read` does, StorageAway excepted."""
        ...

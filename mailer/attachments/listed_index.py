"""The `Index` of every storage: the catalogue finds, the storage reads, the cache keeps."""

from collections.abc import Awaitable, Callable

from mailer.attachments.cache import ContentCache
from mailer.attachments.catalogue import Catalogue, Listed
from mailer.attachments.content_types import content_type
from mailer.attachments.limit import refuse_too_large
from mailer.attachments.names import composed, last_part
from mailer.model.message import Attachment


class ListedIndex:
    """Files by name, as they were when `catalogue` was filled; their content as it was when first read."""

    def __init__(
        self, catalogue: Catalogue, contents: ContentCache, read_path: Callable[[str], Awaitable[bytes]]
    ) -> None:
        self._catalogue = catalogue
        self._contents = contents
        self._read_path = read_path
        # The storage's cache outlives this index; another job's listing must not get this one's contents.
        self._listing = object()

    async def read(self, name: str) -> Attachment:
        """The file of that name; raises as `Index.read` says."""
        file = self._find(name)
        content = await self._contents.get((self._listing, file.path), lambda: self._read_path(file.path))
        own_name = composed(last_part(file.path))
        return Attachment(own_name, content_type(own_name), content)

    def size(self, name: str) -> int:
        """Bytes of the file, from the listing alone; raises as `Index.size` says."""
        return self._find(name).size

    def __len__(self) -> int:
        return len(self._catalogue)

    def _find(self, name: str) -> Listed:
        file = self._catalogue.find(name)
        refuse_too_large(file.path, file.size)
        return file

"""A definition by what a person types, and the attachments that it is tried with."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import anyio.to_thread

from mailer.assembly import open_attachments, open_database
from mailer.attachments.storage import Index
from mailer.cli import session
from mailer.definitions import read_definition
from mailer.errors import ConfigurationError
from mailer.model.automation import Automation
from mailer.settings import Settings
from mailer.store.automations import Automations


async def read_file_or_saved(settings: Settings, file_or_name: str) -> Automation:
    """The definition in that file, for which no database is needed, or the saved one of that name or id.

    Raises DefinitionInvalid, NotFound, MigrationNeeded, DatabaseAway.
    """
    path = Path(file_or_name)
    if path.suffix.lower() == ".toml" or len(path.parts) > 1 or await anyio.Path(path).is_file():
        return await anyio.to_thread.run_sync(read_definition, path)
    async with open_database(settings, session.CLOCK) as database:
        automations = Automations(database)
        return await automations.read(await automations.find(file_or_name))


@asynccontextmanager
async def open_index(settings: Settings, definition: Automation) -> AsyncIterator[Index | None]:
    """The attachments by name; None where the definition attaches none. Raises ConfigurationError, StorageAway."""
    if definition.dbio.attachment is None:
        yield None
        return
    async with open_attachments(settings) as storage:
        if storage is None:
            raise ConfigurationError(
                f"automation '{definition.name}' attaches files, and MAILER_ATTACHMENTS is not set",
                "Set MAILER_ATTACHMENTS to a folder or to s3://bucket/prefix.",
            )
        yield await storage.index()

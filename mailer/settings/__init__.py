"""Settings: `MAILER_…` variables of the environment, and of a file `.env` in the working folder, read once at start."""

from mailer.settings.fields import Settings, SourceSettings
from mailer.settings.loading import LoadedSettings, load_settings
from mailer.settings.names import variable_names

__all__ = ["LoadedSettings", "Settings", "SourceSettings", "load_settings", "variable_names"]

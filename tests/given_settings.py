"""Settings from variables that a test hands in, and nothing else."""

from pathlib import Path

import pytest

from mailer.errors import ConfigurationError
from mailer.settings import LoadedSettings, load_settings

NO_FILE = Path("no-such-folder/.env")


def loaded(**variables: str) -> LoadedSettings:
    return load_settings({f"MAILER_{name}": value for name, value in variables.items()}, NO_FILE)


def refused(**variables: str) -> str:
    with pytest.raises(ConfigurationError) as refusal:
        loaded(**variables)
    assert refusal.value.exit_code == 2
    assert refusal.value.next_step
    assert "\n" not in str(refusal.value)
    return str(refusal.value)

from pathlib import Path

import pytest

from mailer.errors import ConfigurationError
from mailer.shipped import shipped_folder


@pytest.fixture
def package(tmp_path: Path) -> Path:
    package = tmp_path / "mailer"
    package.mkdir()
    return package


def test_the_folders_of_this_program_are_there() -> None:
    assert (shipped_folder("examples") / "monthly-statement" / "automation.toml").is_file()
    assert shipped_folder("sql").name == "sql"
    assert shipped_folder("migrations").name == "migrations"


def test_a_checkout_has_them_beside_the_package(package: Path) -> None:
    (package.parent / "sql").mkdir()
    assert shipped_folder("sql", package=package) == package.parent / "sql"


def test_an_installed_package_has_them_inside_and_ignores_a_stranger_beside_it(package: Path) -> None:
    (package.parent / "examples").mkdir()
    (package / "_shipped" / "examples").mkdir(parents=True)
    assert shipped_folder("examples", package=package) == package / "_shipped" / "examples"


def test_a_folder_that_is_nowhere_is_said_with_what_to_do(package: Path) -> None:
    with pytest.raises(ConfigurationError, match="'migrations'") as raised:
        shipped_folder("migrations", package=package)
    assert raised.value.next_step == "Install mailer anew."

"""The built package: installed where nothing else is, it runs from any folder."""

import subprocess
import sys
import venv
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("packaging")  # the environment is made once
CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `mailer` of an empty environment into which the wheel alone was installed, with what it needs."""
    folder = tmp_path_factory.mktemp("installed")
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", folder, CHECKOUT], check=True)
    (wheel,) = folder.glob("mailer-*.whl")
    venv.create(folder / "environment")
    python = folder / "environment" / "bin" / "python"
    constraints = CHECKOUT / "constraints.txt"
    subprocess.run([*pip, "--python", python, "install", "--no-compile", "-c", constraints, wheel], check=True)
    return python.with_name("mailer")


def test_an_installed_mailer_runs_the_demo_from_another_folder(installed: Path, tmp_path: Path) -> None:
    ran = subprocess.run([installed, "demo"], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "sent 614, skipped 9, failed 17 of 640" in ran.stdout
    assert len(list((tmp_path / "outbox").glob("1-*.eml"))) == 614


def test_an_installed_mailer_prints_its_schema(installed: Path, tmp_path: Path) -> None:
    ran = subprocess.run(
        [installed, "migrate", "--sql"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )
    assert "CREATE TABLE DELIVERY" in ran.stdout

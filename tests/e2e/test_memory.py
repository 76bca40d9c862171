"""Peak memory of the service, read from the kernel's own count: it does not grow with the list."""

import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.commands import Running, run_mailer

SENT_BEFORE_CANCEL = 1000
GROWTH = 1.10

DEFINITION = """
[automation]
name = "long-list"
from = "shop@example.com"
max_parallel = 20
[dbio]
source = "crm"
key = "ID"
email = "EMAIL"
target = "SELECT ID, NAME, EMAIL FROM CUSTOMER ORDER BY ID"
[template]
subject = "$(NAME)님께"
html = "mail.html"
"""


@pytest.mark.timeout(240)
def test_peak_memory_does_not_grow_with_the_list(tmp_path: Path) -> None:
    short = _peak_kilobytes(tmp_path / "short", 8_000)
    long = _peak_kilobytes(tmp_path / "long", 100_000)
    assert long <= short * GROWTH, f"{short} kB for 8,000 recipients, {long} kB for 100,000"


def _peak_kilobytes(folder: Path, recipients: int) -> int:
    """VmHWM of a process that loads a whole list, sends a part of it and is then told to cancel."""
    folder.mkdir()
    _make_list(folder / "crm.db", recipients)
    (folder / "long-list.toml").write_text(DEFINITION, encoding="utf-8")
    (folder / "mail.html").write_text("<p>$(NAME)님, 안녕하세요.</p>", encoding="utf-8")
    env = {"MAILER_SOURCES__CRM__URL": "sqlite:///crm.db", "MAILER_SES_RATE": "2000", "MAILER_ATTACHMENTS": ""}
    assert run_mailer(folder, "automation", "apply", "long-list.toml", env=env).code == 0
    assert run_mailer(folder, "enqueue", "long-list", env=env).code == 0
    running = Running(folder, folder / "printed", ("run", "--until-idle"), env)
    try:
        _wait_for(running, lambda: _sent(folder) >= SENT_BEFORE_CANCEL)
        peak = _high_water(running.process.pid)
        assert run_mailer(folder, "job", "cancel", "1", env=env).code == 0
        assert running.end().code == 0
    finally:
        running.process.kill()
    shown = json.loads(run_mailer(folder, "job", "show", "1", "--json", env=env).stdout)
    assert shown["status"] == "CANCELLED"
    assert shown["total"] == recipients
    return peak


def _wait_for(running: Running, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 150
    while not condition():
        assert running.process.poll() is None, running.stderr
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.1)


def _make_list(file: Path, recipients: int) -> None:
    with closing(sqlite3.connect(file)) as crm, crm:
        crm.execute("CREATE TABLE CUSTOMER (ID INTEGER PRIMARY KEY, NAME TEXT, EMAIL TEXT)")
        crm.executemany(
            "INSERT INTO CUSTOMER VALUES (?, ?, ?)",
            ((number, f"고객{number}", f"customer{number}@example.com") for number in range(1, recipients + 1)),
        )


def _sent(folder: Path) -> int:
    with closing(sqlite3.connect(f"file:{folder / 'mailer.db'}?mode=ro", uri=True)) as database:
        (count,) = database.execute("SELECT COALESCE(SUM(N), 0) FROM JOB_MINUTE WHERE STATE = 'SENT'").fetchone()
        return int(count)


def _high_water(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    raise AssertionError("the kernel does not say")

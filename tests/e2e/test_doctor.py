"""`mailer doctor` beside a service that runs."""

import json
from pathlib import Path
from time import monotonic, sleep

from tests.e2e.commands import Mailer, StartMailer
from tests.small_definition import NAME, write_definition


def test_people_read_a_line_for_each_check_and_what_to_do(mailer: Mailer, workplace: Path) -> None:
    mailer("automation", "apply", str(write_definition(workplace)))
    ran = mailer("doctor", env={"MAILER_TRASPORT": "ses"})
    assert (ran.code, ran.stderr) == (2, "")
    lines = ran.stdout.splitlines()
    assert lines[:2] == [
        "fault    settings: MAILER_TRASPORT is no setting of mailer; did you mean MAILER_TRANSPORT?",
        "         Correct its name, or remove it.",
    ]
    assert "ok       data source crm: opens, and answers a query" in lines
    assert f"ok       automation {NAME}: its definition is valid" in lines


def test_a_running_service_is_seen(mailer: Mailer, start_mailer: StartMailer) -> None:
    service = start_mailer("run")
    until = monotonic() + 60
    while "started" not in service.stderr and monotonic() < until:
        sleep(0.1)
    ran = mailer("doctor", "--json")
    assert (ran.code, ran.stderr) == (0, "")
    found = {one["check"]: one for one in json.loads(ran.stdout)}
    assert {one["state"] for one in found.values()} == {"ok"}
    assert f"-{service.process.pid}-" in found["process"]["message"]

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailer.model.zones import load_zone, moment_of, moments_of


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("asia/seoul", "Asia/Seoul"),
        ("Seoul", "Asia/Seoul"),
        ("Asia/Seul", "Asia/Seoul"),
        ("NewYork", "America/New_York"),
        ("America/New York", "America/New_York"),
        ("Lord Howe", "Australia/Lord_Howe"),
        ("utc", "UTC"),
    ],
)
def test_an_unknown_zone_is_refused_with_the_nearest_right_name(written: str, meant: str) -> None:
    with pytest.raises(ValueError, match="there is no time zone") as refusal:
        load_zone(written)
    assert str(refusal.value) == f"there is no time zone '{written}'; did you mean '{meant}'?"


@pytest.mark.parametrize("written", ["", "KST", "UTC+9", "GMT+9", "한국", "../../../etc/localtime", "/etc/localtime"])
def test_a_zone_that_is_near_to_none_is_refused_without_a_guess(written: str) -> None:
    with pytest.raises(ValueError, match="write an IANA name such as 'Asia/Seoul'"):
        load_zone(written)


def test_the_machines_own_zone_files_are_never_read(tmp_path: Path) -> None:
    """A folder of zones in which Seoul is UTC, as a machine with old or odd data might have it."""
    (tmp_path / "Asia").mkdir()
    utc = b"TZif2" + bytes(15) + b"".join(n.to_bytes(4, "big") for n in (0, 0, 0, 0, 1, 4)) + bytes(6) + b"UTC\0"
    (tmp_path / "Asia" / "Seoul").write_bytes(utc + utc + b"\nUTC0\n")
    program = (
        "from datetime import datetime; from zoneinfo import ZoneInfo; noon = datetime(2026, 1, 1, 12)\n"
        "print(noon.replace(tzinfo=ZoneInfo('Asia/Seoul')).utcoffset())\n"
        "from mailer.model.zones import load_zone\n"
        "print(noon.replace(tzinfo=load_zone('Asia/Seoul')).utcoffset())\n"
    )
    environment = {**os.environ, "PYTHONTZPATH": str(tmp_path)}
    run = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["0:00:00", "9:00:00"]


@pytest.mark.parametrize(
    ("zone", "wall", "moment"),
    [
        pytest.param("Asia/Seoul", "2026-11-24 09:00", "2026-11-24 00:00", id="plain"),
        pytest.param("Europe/London", "2026-10-25 01:30", "2026-10-25 00:30", id="twice: the first"),
        pytest.param("Europe/London", "2026-03-29 01:00", "2026-03-29 01:00", id="the gap's first"),
        pytest.param("Europe/London", "2026-03-29 01:59:59.999999", "2026-03-29 01:00", id="the gap's last"),
        pytest.param("Europe/London", "2026-03-29 02:00", "2026-03-29 01:00", id="after the gap"),
        pytest.param("Pacific/Apia", "2011-12-30 12:34:56.789", "2011-12-30 10:00", id="a day that never was"),
        # Until 1972 Liberia's offset was -0:44:30, so the gap of its last change ended at 00:44:30.
        pytest.param("Africa/Monrovia", "1972-01-07 00:20", "1972-01-07 00:44:30", id="a gap to the second"),
    ],
)
def test_a_wall_time_means_its_first_moment_and_a_skipped_one_the_end_of_the_gap(
    zone: str, wall: str, moment: str
) -> None:
    expected = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    assert moment_of(datetime.fromisoformat(wall), load_zone(zone)) == expected


@pytest.mark.parametrize(
    ("wall", "moments"),
    [
        ("2026-07-01 12:00", ["2026-07-01 11:00"]),
        ("2026-03-29 01:30", []),
        ("2026-10-25 01:30", ["2026-10-25 00:30", "2026-10-25 01:30"]),
    ],
)
def test_london_shows_a_time_once_never_or_twice(wall: str, moments: list[str]) -> None:
    expected = tuple(datetime.fromisoformat(moment).replace(tzinfo=UTC) for moment in moments)
    assert moments_of(datetime.fromisoformat(wall), load_zone("Europe/London")) == expected

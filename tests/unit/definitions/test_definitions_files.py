import os
import re
from pathlib import Path

import pytest

from mailer.definitions import read_definition
from mailer.errors import DefinitionInvalid
from tests.definition_texts import HTML, SMALLEST, Faults


@pytest.mark.parametrize(
    "name",
    ["../statement.html", "sub/../../x.html", "/etc/passwd", "C:/x.html", "..\\\\x.html", "//host/share/x.html"],
)
def test_a_template_outside_the_folder_is_refused(name: str, faults: Faults, folder: Path) -> None:
    (folder.parent / "statement.html").write_text(HTML)
    (found,) = faults(SMALLEST.replace("statement.html", name))
    assert found.startswith("template.html: ")
    assert found.endswith("leads out of the definition's folder")


def test_a_link_out_of_the_folder_is_refused(faults: Faults, folder: Path) -> None:
    (folder.parent / "secret").write_text("root:x")
    (folder / "link.html").symlink_to("../secret")
    (folder / "up").symlink_to("..")
    for name in ("link.html", "up/secret"):
        (found,) = faults(SMALLEST.replace("statement.html", name))
        assert found == f"template.html: '{name}' is a link that leads out of the definition's folder"


def test_links_that_go_round_in_a_circle_are_a_fault(faults: Faults, folder: Path) -> None:
    (folder / "a.html").symlink_to("b.html")
    (folder / "b.html").symlink_to("a.html")
    (found,) = faults(SMALLEST.replace("statement.html", "a.html"))
    assert found.startswith("template.html: 'a.html' can't be read: ")


def test_a_template_that_is_missing_is_named_with_its_folder(faults: Faults, folder: Path) -> None:
    (found,) = faults(SMALLEST.replace("statement.html", "명세서.html"))
    assert found == f"template.html: there is no file '명세서.html' in {str(folder)!r}"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("<p>\n안녕".encode("cp949"), "'statement.html' is not UTF-8 (line 2): save it as UTF-8"),
        ("<p>안녕".encode("utf-16"), "'statement.html' is not UTF-8 (line 1): save it as UTF-8"),
        (b"<p>\n\x00", "'statement.html' holds a NUL character (line 2)"),
        (b" \n", "'statement.html' is empty"),
        (b"a" * 10_000_001, "'statement.html' is larger than 10,000,000 bytes"),
    ],
)
def test_a_template_that_is_no_text_is_a_fault(content: bytes, says: str, faults: Faults, folder: Path) -> None:
    (folder / "statement.html").write_bytes(content)
    assert faults(SMALLEST) == (f"template.html: {says}",)


def test_what_is_no_file_is_a_fault(faults: Faults, folder: Path) -> None:
    (folder / "folder.html").mkdir()
    os.mkfifo(folder / "pipe.html")
    (found,) = faults(SMALLEST.replace("statement.html", "folder.html"))
    assert found == "template.html: 'folder.html' is a folder, not a file"
    (found,) = faults(SMALLEST.replace("statement.html", "pipe.html"))
    assert found == "template.html: 'pipe.html' is a pipe, not a file"


def test_a_file_name_of_thousands_of_characters_is_a_fault(faults: Faults) -> None:
    (found,) = faults(SMALLEST.replace("statement.html", "가" * 5000))
    assert found.startswith("template.html: ")
    assert len(found) < 200


# Files that are no definitions


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "automation.name: is needed"),
        (b"name: x", "not TOML: "),
        (b"a = 1\na = 2\n", "not TOML: Cannot overwrite a value (at line 2"),
        (b"automation = 1", "automation: must be a table, not 1"),
        (b"dbio = []\nschedule = 3", "dbio: must be a table, not a list"),
        (b"schedule = [1]", "schedule 1: must be a table, not 1"),
        (b"a = " + b"[" * 100_000, "not a definition: nested too deep"),
        (b"a = " + b"{b = " * 100_000, "not a definition: nested too deep"),
        (b"[" + b".".join([b"a"] * 300_000) + b"]", "a key of more than 30 parts"),
        (b"a = {" + b".".join([b'"a" '] * 100_000) + b" = 1}", "a key of more than 30 parts"),
        (b"a = " + b"9" * 5000, "not TOML: "),
        (b"a = 'x\0'", "holds a NUL character (line 1)"),
        ("name = '월간'".encode("cp949"), "'monthly.toml' is not UTF-8 (line 1)"),
        (b"#" * 1_000_001, "'monthly.toml' is larger than 1,000,000 bytes"),
        (b"[[schedule]]\n" * 101, "schedule: must be at most 100 tables"),
        (b"\n".join(b"k%d = 1" % n for n in range(50_000)), "the whole: 49980 more unknown keys"),
        (b"[automation]\nname = {a = {b = 1}}", "automation.name: must be a text in quotes, not a table"),
    ],
)
def test_a_hostile_file_is_a_fault(content: bytes, says: str, folder: Path) -> None:
    (folder / "monthly.toml").write_bytes(content)
    with pytest.raises(DefinitionInvalid) as refusal:
        read_definition(folder / "monthly.toml")
    assert any(says in fault for fault in refusal.value.faults)
    assert len(refusal.value.faults) <= 101


def test_a_definition_that_is_no_file_is_a_fault(folder: Path) -> None:
    (folder / "circle.toml").symlink_to("circle.toml")
    os.mkfifo(folder / "pipe.toml")
    for path, says in [
        (folder, "is a folder, not a file"),
        (folder / "nothing.toml", "there is no file 'nothing.toml'"),
        (folder / "monthly.toml" / "below", "there is no file"),
        (folder / "circle.toml", "can't be read: Too many levels of symbolic links"),
        (folder / "pipe.toml", "is a pipe, not a file"),
        (Path("/dev/null"), "is a device, not a file"),
    ]:
        with pytest.raises(DefinitionInvalid, match=re.escape(says)):
            read_definition(path)

import io
import json

from rich.console import Console

from mailer.checking.finding import Finding, Severity
from mailer.cli.automation_report import JsonReport, ScreenReport

NO_ADDRESS = Finding(Severity.FAULT, "no address", "no address", row_no=7, key="kim@example.co.kr")
MISSING = Finding(Severity.WARNING, "attachment missing", "no file 'a.pdf'", row_no=8, key="나2")
UNKNOWN = Finding(Severity.FAULT, "mapping", "unknown bind :X", "Bind one of ID.")


def printed(*, is_terminal: bool) -> str:
    out = io.StringIO()
    console = Console(file=out, force_terminal=is_terminal, width=200, color_system=None, soft_wrap=not is_terminal)
    with ScreenReport(console) as report:
        report.tell_definition("명세서", [])
        report.tell_rows(500, None, [])
        report.tell_rows(500, 1000, [NO_ADDRESS, MISSING])
        report.tell_rows(1000, 1000, [])
        report.tell_end("1,000 rows checked")
    return out.getvalue()


def test_a_terminal_shows_how_far_it_is() -> None:
    shown = printed(is_terminal=True)
    assert "checking rows" in shown
    assert "1000/1000" in shown
    assert "fault    row 7, key k***@example.co.kr: no address" in shown


def test_elsewhere_there_are_plain_lines_and_no_more() -> None:
    assert printed(is_terminal=False).splitlines() == [
        "fault    row 7, key k***@example.co.kr: no address",
        "warning  row 8, key 나2: attachment missing: no file 'a.pdf'",
        "명세서: 1,000 rows checked: 1 fault (no address 1), 1 warning (attachment missing 1)",
    ]


def test_a_fault_of_the_definition_says_what_to_do() -> None:
    out = io.StringIO()
    with ScreenReport(Console(file=out, soft_wrap=True)) as report:
        report.tell_definition("명세서", [UNKNOWN])
        report.tell_end("no rows checked")
    assert out.getvalue().splitlines()[:2] == ["fault    mapping: unknown bind :X", "         Bind one of ID."]


def test_json_is_one_object_whether_there_are_rows_or_none() -> None:
    for rows in ([], [NO_ADDRESS], [NO_ADDRESS, MISSING]):
        out = io.StringIO()
        with JsonReport(out) as report:
            report.tell_definition('명"세서', [UNKNOWN])
            for row in rows:
                report.tell_rows(1, 2, [row])
            report.tell_end("2 rows checked")
        told = json.loads(out.getvalue())
        assert told["automation"] == '명"세서'
        assert [one["next"] for one in told["definition"]] == ["Bind one of ID."]
        assert [one["key"] for one in told["rows"]] == [row.key for row in rows]
        assert told["is_complete"] is True


def test_json_of_what_never_began_is_nothing() -> None:
    out = io.StringIO()
    with JsonReport(out):
        pass
    assert out.getvalue() == ""

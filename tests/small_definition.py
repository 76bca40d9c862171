"""A small definition over the example's customers, written into a folder; each test says what differs."""

import json
from pathlib import Path

NAME = "작은-안내"
TARGET = "SELECT CUST_ID, CUST_NAME, EMAIL, GRADE, ATTACH_NAME FROM CUSTOMER WHERE CUST_ID BETWEEN 10004 AND 10006"
HTML = "<p>$(CUST_NAME)님, 안녕하세요.</p>"


def write_definition(
    folder: Path,
    *,
    name: str = NAME,
    automation: str = "",
    target: str = TARGET,
    dbio: str = "",
    subject: str = "$(CUST_NAME)님께",
    html: str = HTML,
    template: str = "",
    schedules: str = "",
) -> Path:
    """The definition's file; `automation`, `dbio`, `template` and `schedules` are lines of TOML more."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.html").write_text(html, encoding="utf-8")
    path = folder / f"{name}.toml"
    path.write_text(
        f"""
[automation]
name = "{name}"
from = "고객센터 <billing@example.co.kr>"
{automation}
[dbio]
source = "crm"
key = "CUST_ID"
email = "EMAIL"
target = {json.dumps(target, ensure_ascii=False)}
{dbio}
[template]
subject = {json.dumps(subject, ensure_ascii=False)}
html = "{name}.html"
{template}
{schedules}
""",
        encoding="utf-8",
    )
    return path

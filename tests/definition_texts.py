"""A definition in TOML that is right, and ways to spoil it."""

import re
from collections.abc import Callable

from mailer.model.automation import Automation

SMALLEST = """
[automation]
name = "월간-명세서"
from = "고객센터 <billing@example.co.kr>"
[dbio]
source = "crm"
key = "CUST_ID"
email = "EMAIL"
target = "SELECT CUST_ID, EMAIL FROM CUSTOMER"
[template]
subject = "$(CUST_NAME)님, 명세서"
html = "statement.html"
"""
AUTOMATION, DBIO, TEMPLATE = "[automation]", "[dbio]", "[template]"
HTML = "<p>$(CUST_NAME)님</p>\n"
"""What lies in statement.html."""

Read = Callable[[str], Automation]
"""Reads a definition of that text."""
Faults = Callable[[str], tuple[str, ...]]
"""The faults of a definition of that text."""


def under(header: str, *lines: str) -> str:
    """The smallest definition with some lines more under that header."""
    return SMALLEST.replace(header, "\n".join([header, *lines]))


def without(key: str) -> str:
    return re.sub(rf"^{key} = .*\n", "", SMALLEST, flags=re.MULTILINE)

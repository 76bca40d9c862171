"""What a check found out, about a definition or about one row of its target list."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from mailer.errors import MailerError


class Severity(StrEnum):
    """FAULT: somebody would get no mail, or a wrong one. WARNING: a policy takes care of it. NOTE: good to know."""

    FAULT = "fault"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """`code` is the part of the definition that it is about, or what the ledger would call it.

    `row_no` and `key` are those that the ledger would have; None: it is about no row.
    """

    severity: Severity
    code: str
    message: str
    next_step: str = ""
    row_no: int | None = None
    key: str | None = None


def fault_of(code: str, error: MailerError) -> Finding:
    """The fault that an error tells of."""
    return Finding(Severity.FAULT, code, str(error), error.next_step)


def has_fault(findings: Iterable[Finding]) -> bool:
    """Whether one of them is a fault."""
    return any(finding.severity is Severity.FAULT for finding in findings)

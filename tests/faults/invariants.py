"""What must hold whatever happened: the ledger beside what SES itself recorded."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mailer.model.delivery import Status
from tests.doubles.ses_record import Mail


@dataclass(frozen=True)
class LedgerRow:
    """A delivery, as far as the invariants look at it. Recipients of a job have addresses of their own."""

    email: str
    status: Status
    message_id: str | None


@dataclass(frozen=True)
class Verdict:
    """Each of these is a list of addresses, and must be empty (but `unknown`, which is bounded)."""

    lost: Sequence[str]
    """Not in the ledger, or the ledger says SENT and SES has never accepted it."""
    twice: Sequence[str]
    """SES has accepted it more than once."""
    denied: Sequence[str]
    """SES has accepted it, and the ledger says that it was not sent: `retry` would send it again."""
    unfinished: Sequence[str]
    """PENDING or SENDING."""
    unknown: Sequence[str]


def judge(rows: Iterable[LedgerRow], mails: Iterable[Mail], recipients: Iterable[str]) -> Verdict:
    """Compares one job's ledger with the mails that SES accepted of it; `recipients`: who is to be in the list."""
    accepted: Counter[str] = Counter()
    identities = set()
    for mail in mails:
        accepted[mail.to] += 1
        identities.add(mail.id)
    by_email = {row.email: row for row in rows}
    sent = [row for row in by_email.values() if row.status is Status.SENT]
    lost = [email for email in recipients if email not in by_email]
    lost += [row.email for row in sent if row.message_id not in identities]
    not_sent = (Status.PENDING, Status.FAILED, Status.SKIPPED)
    return Verdict(
        lost=sorted(lost),
        twice=sorted(email for email, times in accepted.items() if times > 1),
        denied=sorted(email for email in accepted if email not in by_email or by_email[email].status in not_sent),
        unfinished=sorted(row.email for row in by_email.values() if row.status in (Status.PENDING, Status.SENDING)),
        unknown=sorted(row.email for row in by_email.values() if row.status is Status.UNKNOWN),
    )

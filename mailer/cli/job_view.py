"""A job as `job show` sees it, and what there is to do about it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mailer.cli.output import plural
from mailer.model.delivery import Status, UpdateStatus
from mailer.model.job import JobStatus
from mailer.store.account import Pause
from mailer.store.job_log import LogLine
from mailer.store.jobs import Job, Waiting
from mailer.store.minutes import Counts
from mailer.store.purging import PURGED

UPDATE_OF_NO_ROW = "update touched no row"
"""The code in JOB_LOG of an update query that found nothing to write."""
ATTACHMENT_MISSING = "attachment missing"
"""The code in JOB_LOG of a file that was not there."""


@dataclass(frozen=True, slots=True)
class JobView:
    """One job, as of the last commit.

    `pause`: why nothing can leave; `has_worker`: some process may work on it; `waiting`: those of the `held_back` that
    still wait.
    """

    job: Job
    counts: Counts
    held_back: int
    log_lines: Sequence[LogLine]
    pause: Pause | None
    has_worker: bool
    waiting: Sequence[Waiting] = ()

    @property
    def left(self) -> int:
        """Deliveries that `job retry` may send."""
        return self.counts.deliveries[Status.PENDING] + self.counts.deliveries[Status.FAILED]


def next_steps(view: JobView) -> list[str]:
    """What a person can do about the job now, a sentence or two each; none where all is well and over."""
    if any(line.code == PURGED for line in view.log_lines):
        return ["It was purged: what it would be sent by is gone, so it can't be retried or settled any more."]
    return [*_about_the_job(view), *_about_deliveries(view), *_about_updates(view)]


def _about_the_job(view: JobView) -> Iterator[str]:
    number, status = view.job.job_id, view.job.status
    if status.is_active and not view.has_worker:
        yield "No worker is running: start 'mailer run', and it goes on by itself."
    elif view.job.stopping is not None:
        yield "It stops: what is in flight ends first."
    elif view.pause is not None:
        yield "Nothing can be sent now, and nobody is failed for it: mend the cause, and it goes on by itself."
    elif status is JobStatus.WAITING:
        yield "A worker takes it next."
    elif status is JobStatus.RUNNING:
        yield f"It goes on by itself. 'mailer job cancel {number}' stops it within seconds."
    if status is JobStatus.FAIL:
        yield f"Mend the cause, then 'mailer job retry {number}' {_what_a_retry_does(view)}."
        yield "If the cause was in the definition: 'mailer automation apply' it, and add --with-current to the retry."
    if status is JobStatus.CANCELLED:
        yield f"'mailer job retry {number}' {_what_a_retry_does(view)}."


def _what_a_retry_does(view: JobView) -> str:
    return f"goes on with the {view.left} that are left" if view.counts.total else "loads its list anew"


def _about_deliveries(view: JobView) -> Iterator[str]:
    number, deliveries = view.job.job_id, view.counts.deliveries
    if view.job.status.is_active:
        return
    if view.left or deliveries[Status.UNKNOWN]:
        yield f"Who did not get it, or perhaps not: 'mailer job deliveries {number} --status pending,failed,unknown'."
    if view.job.status is JobStatus.DONE and deliveries[Status.FAILED]:
        yield (
            f"'mailer job retry {number}' tries the FAILED again, those without a usable address or key aside: "
            "their rows can't get better."
        )
    if deliveries[Status.UNKNOWN]:
        yield (
            f"Nobody knows whether SES took the UNKNOWN. Find out, then 'mailer job settle {number} --as sent' or "
            "'--as not-sent', of one with --key."
        )
    is_missing = any(line.code == ATTACHMENT_MISSING for line in view.log_lines)
    if is_missing and deliveries[Status.SKIPPED] > view.held_back:
        yield (
            "Put the missing attachments in their place: no update query has marked their recipients, so the next job "
            f"mails those whom the target query still returns. 'mailer enqueue {view.job.automation}' makes one."
        )
    if view.held_back:
        yield (
            "Held back: an earlier job left their mail or update query open. 'mailer job deliveries "
            f"{number} --status skipped' says which; settle that one, or retry its updates."
        )
    for one in view.waiting:
        yield (
            f"{plural(one.recipients, 'recipient waits', 'recipients wait')} for job {one.for_job}: "
            f"'mailer job settle {one.for_job}' if it is UNKNOWN, else 'mailer job retry {one.for_job} --updates'. "
            "The next job then mails whom the target query still returns."
        )


def _about_updates(view: JobView) -> Iterator[str]:
    touched_no_row = any(line.code == UPDATE_OF_NO_ROW for line in view.log_lines)
    if not view.job.status.is_active and (view.counts.updates[UpdateStatus.FAILED] or touched_no_row):
        yield (
            f"Those mails are sent, but an update query failed or touched no row: 'mailer job retry "
            f"{view.job.job_id} --updates' runs it again. Until then the next job holds these keys back."
        )

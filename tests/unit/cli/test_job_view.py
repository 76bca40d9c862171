from datetime import UTC, datetime

import pytest

from mailer.cli.job_view import JobView, next_steps
from mailer.model.delivery import Status, UpdateStatus
from mailer.model.job import JobStatus, Stopping
from mailer.store.account import Pause
from mailer.store.job_log import Level, LogLine
from mailer.store.jobs import Job
from mailer.store.minutes import Counts

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def view(
    status: JobStatus,
    *,
    stopping: Stopping | None = None,
    counts: dict[Status, int] | None = None,
    updates: dict[UpdateStatus, int] | None = None,
    held_back: int = 0,
    codes: tuple[str, ...] = (),
    pause: Pause | None = None,
    has_worker: bool = True,
) -> JobView:
    deliveries = dict.fromkeys(Status, 0) | (counts or {})
    update_counts = dict.fromkeys(UpdateStatus, 0) | (updates or {})
    return JobView(
        job=Job(17, "월간-명세서", status, stopping, NOW, NOW, None, "원인"),
        counts=Counts(deliveries, update_counts),
        held_back=held_back,
        log_lines=[LogLine(Level.WARNING, code, "무엇", 1, NOW, NOW) for code in codes],
        pause=pause,
        has_worker=has_worker,
    )


PAUSE = Pause(NOW, "SES refuses connections")


@pytest.mark.parametrize(
    ("job", "words"),
    [
        (view(JobStatus.WAITING), ["A worker takes it next"]),
        (view(JobStatus.WAITING, has_worker=False), ["start 'mailer run'"]),
        (view(JobStatus.RUNNING), ["goes on by itself", "mailer job cancel 17"]),
        (view(JobStatus.RUNNING, has_worker=False), ["No worker is running", "start 'mailer run'"]),
        (view(JobStatus.RUNNING, pause=PAUSE), ["Nothing can be sent now", "nobody is failed", "by itself"]),
        (view(JobStatus.RUNNING, stopping=Stopping.CANCELLED), ["It stops", "in flight ends first"]),
        (
            view(JobStatus.FAIL, counts={Status.SENT: 5, Status.PENDING: 3, Status.FAILED: 1}),
            ["Mend the cause", "mailer job retry 17", "4 that are left", "--with-current", "--status pending,failed"],
        ),
        (view(JobStatus.FAIL), ["Mend the cause", "mailer job retry 17", "loads its list anew"]),
        (view(JobStatus.CANCELLED, counts={Status.PENDING: 7}), ["mailer job retry 17", "7 that are left"]),
        (
            view(JobStatus.DONE, counts={Status.SENT: 5, Status.FAILED: 2}),
            ["--status pending,failed,unknown", "mailer job retry 17", "can't get better"],
        ),
        (
            view(JobStatus.DONE, counts={Status.SENT: 5, Status.UNKNOWN: 1}),
            ["Nobody knows", "mailer job settle 17 --as sent", "--as not-sent", "--key"],
        ),
        (
            view(JobStatus.DONE, counts={Status.SENT: 5}, updates={UpdateStatus.FAILED: 1}),
            ["mailer job retry 17 --updates", "holds these keys back"],
        ),
        (
            view(JobStatus.DONE, counts={Status.SENT: 5}, codes=("update touched no row",)),
            ["mailer job retry 17 --updates"],
        ),
        (
            view(JobStatus.DONE, counts={Status.SENT: 5, Status.SKIPPED: 2}, codes=("attachment missing",)),
            ["Put the missing attachments in their place", "'mailer enqueue 월간-명세서'"],
        ),
        (
            view(JobStatus.DONE, counts={Status.SKIPPED: 5}, held_back=5),
            ["Held back", "mailer job deliveries 17 --status skipped"],
        ),
    ],
    ids=lambda one: one.job.status.value if isinstance(one, JobView) else "",
)
def test_each_state_says_what_to_do(job: JobView, words: list[str]) -> None:
    steps = " ".join(next_steps(job))
    for word in words:
        assert word in steps


def test_where_all_is_well_there_is_nothing_to_do() -> None:
    assert next_steps(view(JobStatus.DONE, counts={Status.SENT: 5, Status.SKIPPED: 1})) == []


@pytest.mark.parametrize("status", [JobStatus.WAITING, JobStatus.RUNNING])
def test_an_active_job_is_not_to_be_retried_or_settled_yet(status: JobStatus) -> None:
    active = view(status, counts={Status.FAILED: 1, Status.UNKNOWN: 1}, updates={UpdateStatus.FAILED: 1}, held_back=1)
    assert len(next_steps(active)) == 1

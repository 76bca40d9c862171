"""What the rows of older jobs cost a new one: `python -m bench.old_rows [ROWS]`, or as a part of the whole."""

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from bench.figure import FULL, Figure, Scale, at_most
from bench.processes import CORES, Stretch, cpu_seconds, double, sending_stretch, started
from bench.runs import folder
from bench.workplace import MAILER, NAME, environment, mailer, make_customers, write_definition

ROWS = 2_000_000
"""About 0.6 KB each on the disk."""
CANCELLED = 10
"""One job in so many was cancelled: its rows stay PENDING and its batches open."""
THEN = "2021-01-01 00:00:00.000000"
BATCH = 500


def old_rows(scale: Scale) -> list[Figure]:
    """Beside older jobs of the same automation to the same customers, against an empty database, in turn."""
    return _measured(100_000 if scale.is_quick else ROWS, scale.rounds, scale.mails // 2)


def _measured(rows: int, rounds: int, mails: int) -> list[Figure]:
    loading, sending = [], []
    with folder() as made:
        for name in ("empty", "full"):
            _prepare(made / name, mails)
        _fill(made / "full" / "mailer.db", mails, rows // mails)
        for _ in range(rounds):
            (load, send), (full_load, full_send) = _run(made / "empty", mails), _run(made / "full", mails)
            loading.append(full_load / load)
            sending.append(full_send.cpu_each / send.cpu_each)
    return [
        at_most(f"beside {rows:,} older rows, against none: CPU of starting and loading", 1.1, loading, "x"),
        at_most("the same: CPU for a mail", 1.1, sending, "x"),
    ]


def _prepare(made: Path, mails: int) -> None:
    made.mkdir()
    make_customers(made, mails)
    write_definition(made, max_parallel=50)
    mailer(made, environment(), "automation", "apply", "bench.toml")


def _fill(database: Path, customers: int, jobs: int) -> None:
    """Every job has had each customer; all of it is years old."""
    with closing(sqlite3.connect(database)) as ours:
        (auto_id,) = ours.execute("SELECT AUTO_ID FROM AUTOMATION").fetchone()
        for job in range(1, jobs + 1):
            is_done = bool(job % CANCELLED)
            ours.execute(
                "INSERT INTO JOB_QUEUE (JOB_ID, AUTO_ID, SCHEDULE_ID, FIRE_AT, STATUS, RUN_AFTER, ACTOR, CREATED_AT,"
                " START_AT, LOADED_AT, END_AT) VALUES (?, ?, ?, ?, ?, ?, 'bench', ?, ?, ?, ?)",
                (job, auto_id, -job, THEN, "DONE" if is_done else "CANCELLED", *[THEN] * 5),
            )
            ours.executemany(
                "INSERT INTO JOB_BATCH (JOB_ID, BATCH_NO, STATUS) VALUES (?, ?, ?)",
                ((job, batch, "CLOSED" if is_done else "OPEN") for batch in range(1, customers // BATCH + 2)),
            )
            ours.executemany(
                "INSERT INTO DELIVERY (JOB_ID, BATCH_NO, ROW_NO, RECIPIENT_KEY, EMAIL, ROW_DATA, STATUS, ATTEMPT,"
                " TOKEN, MESSAGE_ID, UPDATE_STATUS, UPDATE_ROWS, SENT_AT, CHANGED_AT, DONE_AT)"
                f" VALUES (?, ?, ?, ?, ?, '{{}}', ?, 1, 'then', ?, ?, 1, '{THEN}', '{THEN}', '{THEN}')",
                (
                    (
                        job,
                        (row - 1) // BATCH + 1,
                        row,
                        str(row),
                        f"customer{row}@example.com",
                        "SENT" if is_done else "PENDING",
                        f"{job}-{row}" if is_done else None,
                        "DONE" if is_done else "NONE",
                    )
                    for row in range(1, customers + 1)
                ),
            )
            ours.commit()


def _run(made: Path, mails: int) -> tuple[float, Stretch]:
    """CPU seconds until the first mails, and what the mails cost after a fifth of them."""
    with closing(sqlite3.connect(made / "crm.db")) as crm, crm:
        crm.execute("UPDATE CUSTOMER SET SENT_AT = NULL")
    with double() as ses:
        env = {**ses.environment, **environment()}
        mailer(made, env, "enqueue", NAME)
        with started([MAILER, "run", "--until-idle"], made, env, core=CORES[0]) as process:
            sending_stretch(process, ses, 0, 1)
            loaded = cpu_seconds(process.pid)
            stretch = sending_stretch(process, ses, mails // 5, mails * 19 // 20)
            process.wait(120)
    return loaded, stretch


if __name__ == "__main__":
    asked = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    for figure in _measured(asked, FULL.rounds, FULL.mails // 4):
        sys.stdout.write(f"{figure.name}: {figure.figure} (goal {figure.goal})\n")

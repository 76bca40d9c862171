"""A folder with a list of customers and a definition: what mailer, and what it is compared with, sends."""

import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from bench.mails import HTML, MAPPING, SUBJECT, TARGET, TEXT, UPDATE
from bench.processes import inherited

MAILER = str(Path(sys.executable).with_name("mailer"))
NAME = "bench"
ATTACHMENT = "terms.pdf"
ATTACHMENT_BYTES = 100_000


def make_customers(folder: Path, number: int) -> None:
    """`crm.db` in WAL mode, as most applications keep theirs."""
    with closing(sqlite3.connect(folder / "crm.db")) as crm, crm:
        crm.execute("PRAGMA journal_mode = WAL")
        crm.execute("CREATE TABLE CUSTOMER (CUST_ID INTEGER PRIMARY KEY, CUST_NAME TEXT, EMAIL TEXT, SENT_AT TEXT)")
        crm.execute("CREATE TABLE STATEMENT (CUST_ID INTEGER PRIMARY KEY, ITEM TEXT, AMOUNT INTEGER, GRADE TEXT)")
        numbers = range(1, number + 1)
        crm.executemany(
            "INSERT INTO CUSTOMER (CUST_ID, CUST_NAME, EMAIL) VALUES (?, ?, ?)",
            ((n, f"고객{n}", f"customer{n}@example.com") for n in numbers),
        )
        crm.executemany(
            "INSERT INTO STATEMENT VALUES (?, ?, ?, ?)", ((n, "현미 10kg", 18_900 + n, "VIP") for n in numbers)
        )


def write_definition(
    folder: Path, *, max_parallel: int, attachment: bool = False, batch: bool = False, schedule: str = ""
) -> None:
    """`bench.toml` with its templates; one file for all where there is an attachment."""
    (folder / "files").mkdir()
    if attachment:
        (folder / "files" / ATTACHMENT).write_bytes(bytes(range(256)) * (ATTACHMENT_BYTES // 256))
    target = TARGET.replace("EMAIL FROM", f"EMAIL, '{ATTACHMENT}' AS FILE FROM") if attachment else TARGET
    (folder / "mail.html").write_text(HTML, encoding="utf-8")
    (folder / "mail.txt").write_text(TEXT, encoding="utf-8")
    (folder / "bench.toml").write_text(
        f'''[automation]
name = "{NAME}"
from = "고객센터 <billing@example.co.kr>"
max_parallel = {max_parallel}
[dbio]
source = "crm"
key = "CUST_ID"
email = "EMAIL"
{'attachment = "FILE"' if attachment else ""}
target = "{target}"
mapping = "{MAPPING}"
mapping_batch = {str(batch).lower()}
update = "{UPDATE}"
[template]
subject = "{SUBJECT}"
html = "mail.html"
text = "mail.txt"
{schedule}
''',
        encoding="utf-8",
    )


def environment(**settings: str) -> dict[str, str]:
    """mailer's variables: over SES, as fast as it can, warnings alone in the log."""
    return {
        "MAILER_SOURCES__CRM__URL": "sqlite:///crm.db",
        "MAILER_ATTACHMENTS": "files",
        "MAILER_TRANSPORT": "ses",
        "MAILER_SES_RATE": "100000",
        "MAILER_LOG_LEVEL": "warning",
        **{f"MAILER_{name}": value for name, value in settings.items()},
    }


def mailer(folder: Path, env: Mapping[str, str], *arguments: str) -> None:
    """Runs a command of mailer's to its end."""
    ended = subprocess.run([MAILER, *arguments], cwd=folder, env=inherited(env), capture_output=True, check=False)
    if ended.returncode:
        raise RuntimeError(f"mailer {' '.join(arguments)}: {ended.stderr.decode()}")


def enqueued(
    folder: Path,
    number: int,
    env: Mapping[str, str],
    *,
    max_parallel: int = 50,
    attachment: bool = False,
    batch: bool = False,
) -> None:
    """A new folder in which a job of so many recipients waits."""
    folder.mkdir(parents=True)
    make_customers(folder, number)
    write_definition(folder, max_parallel=max_parallel, attachment=attachment, batch=batch)
    mailer(folder, env, "automation", "apply", "bench.toml")
    mailer(folder, env, "enqueue", NAME)

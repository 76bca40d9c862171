"""Celery with boto3, a task for each customer: run as a program it queues them, its worker sends."""

import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import boto3
from celery import Celery

from bench.mails import HTML, MAPPING, SUBJECT, TARGET, TEXT, UPDATE

QUEUE = Path.cwd() / "queue"
QUEUE.mkdir(exist_ok=True)
app = Celery("celery_mail", broker="filesystem://")
app.conf.broker_transport_options = {"data_folder_in": str(QUEUE), "data_folder_out": str(QUEUE)}
app.conf.worker_hijack_root_logger = False
here = threading.local()


def client() -> object:
    if not hasattr(here, "client"):
        here.client = boto3.session.Session().client("sesv2")
    return here.client


def filled(text: str, row: dict[str, object]) -> str:
    for name, value in row.items():
        text = text.replace(f"$({name})", str(value))
    return text


@app.task
def send(target: dict[str, object]) -> None:
    with closing(sqlite3.connect("crm.db", timeout=30)) as crm:
        crm.row_factory = sqlite3.Row
        key = {"CUST_ID": target["CUST_ID"]}
        row = {**target, **dict(crm.execute(MAPPING, key).fetchone())}
        client().send_email(
            FromEmailAddress="billing@example.co.kr",
            Destination={"ToAddresses": [row["EMAIL"]]},
            Content={
                "Simple": {
                    "Subject": {"Data": filled(SUBJECT, row)},
                    "Body": {"Html": {"Data": filled(HTML, row)}, "Text": {"Data": filled(TEXT, row)}},
                }
            },
        )
        with crm:
            crm.execute(UPDATE, {**key, "SENT_AT": datetime.now(UTC).isoformat()})


if __name__ == "__main__":
    with closing(sqlite3.connect("crm.db")) as source:
        source.row_factory = sqlite3.Row
        for customer in source.execute(TARGET).fetchall():
            send.delay(dict(customer))

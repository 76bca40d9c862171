"""As one would first write it: row by row, boto3, a commit for each. `python -m bench.row_by_row`, beside crm.db."""

import sqlite3
from datetime import UTC, datetime

import boto3
from jinja2 import Environment

from bench.bare import request
from bench.mails import HTML, MAPPING, SUBJECT, TARGET, TEXT, UPDATE


def main() -> None:
    crm = sqlite3.connect("crm.db")
    crm.row_factory = sqlite3.Row
    environment = Environment(variable_start_string="$(", variable_end_string=")", autoescape=True)
    templates = [environment.from_string(text) for text in (SUBJECT, HTML, TEXT)]
    client = boto3.client("sesv2")
    for target in crm.execute(TARGET).fetchall():
        key = {"CUST_ID": target["CUST_ID"]}
        row = {**dict(target), **dict(crm.execute(MAPPING, key).fetchone())}
        subject, html, text = (template.render(row) for template in templates)
        mail = request(target["CUST_ID"])
        mail["Content"] = {
            "Simple": {"Subject": {"Data": subject}, "Body": {"Html": {"Data": html}, "Text": {"Data": text}}}
        }
        client.send_email(**mail)
        crm.execute(UPDATE, {**key, "SENT_AT": datetime.now(UTC).isoformat()})
        crm.commit()


if __name__ == "__main__":
    main()

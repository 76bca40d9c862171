"""django-post_office over django-ses: `prepare` queues a mail for each customer, `send` sends the queue."""

import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import django
from django.conf import settings

HERE = Path.cwd()
settings.configure(
    SECRET_KEY="bench",
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "post_office"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": HERE / "django.db"}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    EMAIL_BACKEND="post_office.EmailBackend",
    POST_OFFICE={
        "BACKENDS": {"default": "django_ses.SESBackend"},
        "BATCH_SIZE": 100,
        "THREADS_PER_PROCESS": 10,
        "SENDING_ORDER": ["created"],
    },
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
    USE_SES_V2=True,
    AWS_SES_AUTO_THROTTLE=None,
    AWS_SES_REGION_NAME="ap-northeast-2",
    AWS_SES_REGION_ENDPOINT_URL=os.environ["AWS_ENDPOINT_URL_SESV2"],
    USE_TZ=True,
)
django.setup()

from django.core.management import call_command  # noqa: E402 - Django has to be set up first
from post_office import mail  # noqa: E402 - Django has to be set up first

from bench.mails import HTML, MAPPING, SUBJECT, TARGET, TEXT  # noqa: E402 - Django has to be set up first


def filled(text: str, row: dict[str, object]) -> str:
    for name, value in row.items():
        text = text.replace(f"$({name})", str(value))
    return text


def prepare() -> None:
    call_command("migrate", verbosity=0)
    with closing(sqlite3.connect("crm.db")) as crm:
        crm.row_factory = sqlite3.Row
        mails = []
        for target in crm.execute(TARGET).fetchall():
            row = {**dict(target), **dict(crm.execute(MAPPING, {"CUST_ID": target["CUST_ID"]}).fetchone())}
            mails.append(
                {
                    "recipients": [row["EMAIL"]],
                    "sender": "billing@example.co.kr",
                    "subject": filled(SUBJECT, row),
                    "html_message": filled(HTML, row),
                    "message": filled(TEXT, row),
                }
            )
    mail.send_many(mails)


if __name__ == "__main__":
    if sys.argv[1] == "prepare":
        prepare()
    else:
        call_command("send_queued_mail", processes=1, log_level=0)

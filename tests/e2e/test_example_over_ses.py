"""The example over SES's own API with nothing changed but settings: a double takes the calls of the AWS SDK."""

from collections import Counter
from collections.abc import Iterator
from email.header import decode_header, make_header
from pathlib import Path

import pytest

from mailer.cli.demo_data import DemoData
from mailer.model.delivery import Status
from tests.doubles.ses_process import SesProcess, ses_process
from tests.doubles.ses_record import Mail as SesMail
from tests.e2e.commands import EXAMPLE, new_workplace, run_mailer
from tests.e2e.statements import Mail, check_outcome, deliveries, statements_of

pytestmark = pytest.mark.xdist_group("the example over SES")


@pytest.fixture(scope="module")
def ses() -> Iterator[SesProcess]:
    with ses_process() as double:
        yield double


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, demo_data: DemoData, ses: SesProcess) -> Path:
    """A workplace where the example has run to its end over SES."""
    workplace = new_workplace(tmp_path_factory.mktemp("ses") / "작업", demo_data)
    env = {**ses.environment, "MAILER_TRANSPORT": "ses", "MAILER_SES_RATE": "200"}
    assert run_mailer(workplace, "automation", "apply", str(EXAMPLE), env=env).code == 0
    ran = run_mailer(workplace, "run", "--until-idle", env=env)
    assert ran.code == 0, ran.stderr
    return workplace


def read(mail: SesMail) -> Mail:
    headers = dict(mail.headers)
    return Mail(
        to=mail.to,
        sender=str(make_header(decode_header(mail.sender))),
        reply_to=", ".join(mail.reply_to),
        subject=mail.subject,
        html=mail.html,
        text=mail.text,
        statement=headers["X-Statement"],
        attachments={attached.name: attached.content for attached in mail.attachments},
    )


def key_of(mail: SesMail) -> str:
    return dict(mail.headers)["X-Statement"].partition("/")[2]


def test_the_report_is_right_to_the_row(done: Path, demo_data: DemoData) -> None:
    check_outcome(done, demo_data.expected)


def test_every_mail_left_once_and_its_id_is_in_the_ledger(done: Path, ses: SesProcess, demo_data: DemoData) -> None:
    mails, sent = ses.mails(), deliveries(done, status="sent")
    assert len(mails) == len(sent) == demo_data.expected.count(Status.SENT)
    assert ses.stats()["twice"] == []
    assert ses.stats()["posts"] == len(mails)
    assert {row["key"]: row["message_id"] for row in sent} == {key_of(mail): mail.id for mail in mails}


def test_subject_bodies_headers_and_attachments_arrive_intact(done: Path, ses: SesProcess) -> None:
    statements = statements_of(done)
    for mail in ses.mails():
        statements[key_of(mail)].check(read(mail))
        assert [name for name, _ in mail.headers] == ["X-Statement"]
        assert all(attached.content_type == "application/pdf" for attached in mail.attachments)
        assert mail.configuration_set is None


def test_the_tags_carry_job_delivery_and_token(done: Path, ses: SesProcess) -> None:
    mails = ses.mails()
    for mail in mails:
        assert list(mail.tags) == ["job", "delivery", "token"]
        assert mail.tags["job"] == "1"
    for name in ("delivery", "token"):
        assert max(Counter(mail.tags[name] for mail in mails).values()) == 1


def test_no_mail_lies_in_an_outbox(done: Path) -> None:
    assert not (done / "outbox").exists()

"""`mailer automation test-mail`: one row's mail, sent to yourself."""

import sys
from typing import Annotated

import typer
from rich.text import Text

from mailer.assembly import account_name, open_database, open_pacer, transport_of
from mailer.checking.sampling import Sample
from mailer.checking.trial_mail import TrialMailer
from mailer.cli import session
from mailer.cli.arguments import AsJson, AutomationName
from mailer.cli.automation_preview import Key, take_sample
from mailer.cli.output import Json, console, print_json
from mailer.model.address import mask_address, mask_addresses, parse_recipient
from mailer.settings import Settings
from mailer.store.account import Account
from mailer.store.automations import Automations


def send_test_mail(
    automation: AutomationName,
    to: Annotated[str, typer.Option(metavar="ADDRESS", help="Your own address.")],
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Sends the mail of one row to ADDRESS by the configured transport: outside the ledger, with no update query.

    Exit code 4: the transport can't be reached, or gave no answer.
    """
    recipient = parse_recipient(to)
    settings = session.settings()
    sample, label, message_id = session.run_async(lambda: _send(settings, automation, recipient, key))
    for remark in sample.remarks:
        sys.stderr.write(f"mailer: warning: row {sample.row_no}: {remark}\n")
    if as_json:
        sent: dict[str, Json] = {"row_no": sample.row_no, "key": sample.key, "label": label, "message_id": message_id}
        print_json({**sent, "attachments": [file.name for file in sample.message.attachments]})
        return
    out = console()
    out.print(
        Text(f"row {sample.row_no}, key {mask_addresses(sample.key)}: sent to {mask_address(recipient)}, {message_id}")
    )
    out.print(Text(f"attached: {', '.join(file.name for file in sample.message.attachments) or 'nothing'}"))
    if settings.transport == "outbox":
        out.print(Text(f"the outbox is on: nothing left this machine; see {settings.outbox / label}.eml"))


async def _send(settings: Settings, name_or_id: str, to: str, key: str | None) -> tuple[Sample, str, str]:
    clock = session.CLOCK
    async with open_database(settings, clock) as database, transport_of(settings, clock) as transport:
        automations = Automations(database)
        auto_id = await automations.find(name_or_id)
        sample = await take_sample(settings, await automations.read(auto_id), key)
        pacer = await open_pacer(settings, transport, Account(database, account_name(settings)), clock)
        mailer = TrialMailer(database, transport, pacer, clock, settings.call_timeout.total_seconds())
        label, message_id = await mailer.send(auto_id, sample, to, session.actor())
    return sample, label, message_id

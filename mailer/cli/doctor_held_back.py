"""Recipients that get no mail because an earlier job left their mail, or their update query, open."""

from mailer.cli.doctor_report import Tell, ok, warning
from mailer.cli.output import plural
from mailer.db.database import Database
from mailer.errors import MailerError
from mailer.store.automations import Automations
from mailer.store.jobs import Jobs


async def check_held_back(database: Database, tell: Tell) -> None:
    """How many wait, and for whom, automation by automation."""
    automations, jobs = Automations(database), Jobs(database)
    nobody = True
    for listed in await automations.listed():
        try:
            hold_back = (await automations.read(listed.auto_id)).policies.hold_back
        except MailerError:
            continue  # said of the automation
        for one in await jobs.waiting_of(listed.auto_id, hold_back):
            nobody = False
            who = plural(one.recipients, "recipient waits", "recipients wait")
            what = f"{who} for job {one.for_job} of {listed.name}, which left their mail or update query open"
            advice = (
                f"'mailer job settle {one.for_job}' decides what is UNKNOWN, "
                f"'mailer job retry {one.for_job} --updates' runs update queries again."
            )
            tell(warning("held back", what, advice))
    if nobody:
        tell(ok("held back", "nobody"))

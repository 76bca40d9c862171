"""The SES account: quota, rate, sandbox, whether sending is on, its clock, and the automations' senders."""

from collections.abc import Sequence
from datetime import timedelta

from mailer.cli.doctor_report import Tell, fault, ok, warning
from mailer.errors import MailerError
from mailer.model.address import header_address
from mailer.model.automation import Automation
from mailer.model.clock import Clock
from mailer.settings import Settings
from mailer.transports.ses import SesTransport
from mailer.transports.ses_account import Account

QUOTA_NEARLY = 0.9
"""The share of the daily quota from which on somebody should know."""
CLOCK_DIFFERENCE = timedelta(seconds=5)
"""SES's clock is read from a header in whole seconds, after a way through the net; its signatures bear five minutes."""


async def check_ses(
    settings: Settings, ses: SesTransport, clock: Clock, automations: Sequence[Automation], tell: Tell
) -> None:
    """Asks SES, and sends nothing. Raises TransportAway."""
    account = await ses.account()
    if account is None:
        advice = "Let them call ses:GetAccount, or set MAILER_SES_RATE: mailer goes by 14 mails a second otherwise."
        tell(warning("ses", "answers, but these credentials may not ask for the account's quota", advice))
    else:
        _check_account(account, tell)
        _check_rate(settings, account, tell)
        _check_clock(account, clock, tell)
    for sender in sorted({automation.policies.sender for automation in automations}):
        await _check_sender(ses, sender, tell)


def _check_account(account: Account, tell: Tell) -> None:
    if not account.sending_enabled or account.enforcement_status == "SHUTDOWN":
        what = f"sending is off for this account (enforcement status {account.enforcement_status or 'unknown'})"
        tell(fault("ses account", what, "Read AWS's mail to the account's owner, and SES's console."))
    elif account.enforcement_status not in ("", "HEALTHY"):
        what = f"the account's enforcement status is {account.enforcement_status}"
        tell(warning("ses account", what, "Look at bounces and complaints in SES's console before AWS stops sending."))
    else:
        tell(ok("ses account", "sending is on"))
    if not account.production_access:
        advice = "Ask AWS for production access; until then only verified recipients get mail."
        tell(warning("ses sandbox", "the account is in the sandbox", advice))
    _check_quota(account, tell)


def _check_quota(account: Account, tell: Tell) -> None:
    if account.max_24h < 0:
        tell(ok("ses quota", f"no daily limit; {account.sent_24h:,.0f} sent in 24 hours"))
        return
    what = f"{account.sent_24h:,.0f} of {account.max_24h:,.0f} mails sent in 24 hours"
    if account.sent_24h >= account.max_24h * QUOTA_NEARLY:
        tell(warning("ses quota", what, "Mails wait when it is used up. Ask AWS for a higher quota, or wait."))
    else:
        tell(ok("ses quota", what))


def _check_rate(settings: Settings, account: Account, tell: Tell) -> None:
    rate = settings.ses_rate
    if rate is not None and rate > account.max_rate:
        what = f"MAILER_SES_RATE is {rate:g} mails a second, and SES allows {account.max_rate:g}"
        tell(warning("ses rate", what, "Lower it, or unset it: SES throttles what is above."))
    else:
        tell(ok("ses rate", f"{account.max_rate if rate is None else rate:g} mails a second"))


def _check_clock(account: Account, clock: Clock, tell: Tell) -> None:
    if account.answered_at is None:
        return
    difference = abs(clock.now() - account.answered_at)
    if difference > CLOCK_DIFFERENCE:
        what = f"SES's clock and this machine's differ by {difference.total_seconds():.0f} s"
        tell(warning("ses clock", what, "Let this machine follow an NTP server: AWS refuses what is signed too late."))
    else:
        tell(ok("ses clock", "agrees with this machine's"))


async def _check_sender(ses: SesTransport, sender: str, tell: Tell) -> None:
    try:
        address = header_address(sender)
    except MailerError:
        return  # said of the automation
    verified = await ses.identity_verified(address)
    if verified:
        tell(ok("ses sender", f"{sender} is verified"))
    elif verified is None:
        advice = "Let the credentials call ses:GetEmailIdentity, or look into SES's console."
        tell(warning("ses sender", f"whether {sender} is verified is not known", advice))
    else:
        advice = "Verify the address or its domain in SES, in this region."
        tell(fault("ses sender", f"{sender} is no verified identity: SES refuses its mails", advice))

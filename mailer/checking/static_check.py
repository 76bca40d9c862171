"""What can be said of a definition without its data source: addresses, schedules, the template's syntax."""

from mailer.checking.finding import Finding, Severity, fault_of
from mailer.errors import MalformedAddress, TemplateFault
from mailer.model.address import header_address, parse_recipient
from mailer.model.automation import Automation
from mailer.model.recurrence import check_schedule
from mailer.model.template import TextSource, compile_template

_EACH_MAIL = "the text part is made from each mail's HTML, for the template itself could not be turned into text"


def check_static(definition: Automation) -> list[Finding]:
    """Everything that is wrong, and where the text part comes from if that is slow."""
    findings = [*_check_addresses(definition)]
    for schedule in definition.schedules:
        findings += [Finding(Severity.FAULT, "schedule", fault) for fault in check_schedule(schedule)]
    try:
        template = compile_template(definition.template, definition.policies.headers)
    except TemplateFault as fault:
        return [*findings, fault_of("template", fault)]
    if template.text_source == TextSource.EACH_MAIL:
        advice = "It costs several times what sending does. A text template of your own (text = …) saves that."
        findings.append(Finding(Severity.NOTE, "text part: each mail", _EACH_MAIL, advice))
    return findings


def _check_addresses(definition: Automation) -> list[Finding]:
    policies = definition.policies
    checks = [
        ("from", policies.sender, header_address),
        *(("reply_to", address, header_address) for address in policies.reply_to),
        *([("owner", definition.owner, parse_recipient)] if definition.owner else []),
    ]
    findings = []
    for code, address, check in checks:
        try:
            check(address)
        except MalformedAddress as fault:
            findings.append(fault_of(code, fault))
    return findings

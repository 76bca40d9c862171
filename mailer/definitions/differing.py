"""What a new definition changes, for people: what `apply` prints and the audit log keeps."""

from collections import Counter

from mailer.model.automation import Automation, Schedule
from mailer.model.duration import format_duration
from mailer.model.written import write_policies, write_rule

_LONGEST_SHOWN = 60
"""Characters of a text that is shown as it was and as it is."""


def differences(old: Automation | None, new: Automation) -> list[str]:
    """One line for each field that differs; none where the automations are equal, the order of schedules aside.

    `old` None: it is new.
    """
    if old is None:
        return ["new automation", *_schedule_lines((), new.schedules)]
    before, after = _fields(old), _fields(new)
    lines = [
        f"{key}: {_change(before.get(key), after.get(key))}"
        for key in before | after
        if before.get(key) != after.get(key)
    ]
    if old.policies.headers != new.policies.headers and dict(old.policies.headers) == dict(new.policies.headers):
        lines.append("headers: another order")
    return lines + _schedule_lines(old.schedules, new.schedules)


def _fields(automation: Automation) -> dict[str, str]:
    """Every field but the schedules, by its key in a definition."""
    dbio, template = automation.dbio, automation.template
    policies = write_policies(automation.policies)
    fields = {
        "name": automation.name,
        "owner": automation.owner,
        **{key: value for key, value in policies.items() if key not in ("reply_to", "headers")},
        "reply_to": ", ".join(automation.policies.reply_to) or None,
        **{f"headers.{name}": value for name, value in automation.policies.headers},
        "source": dbio.source,
        "key": dbio.key,
        "email": dbio.email,
        "attachment": dbio.attachment,
        "target": dbio.target,
        "mapping": dbio.mapping,
        "mapping_batch": "true" if dbio.mapping_batch else None,
        "update": dbio.update,
        "subject": template.subject,
        "html": template.html,
        "text": template.text,
    }
    return {key: str(value) for key, value in fields.items() if value is not None}


def _change(before: str | None, after: str | None) -> str:
    if before is None or after is None:
        return f"{_shown(before)} → {_shown(after)}"
    if _is_short(before) and _is_short(after):
        return f"{before} → {after}"
    old, new = Counter(before.splitlines()), Counter(after.splitlines())
    count = max((old - new).total(), (new - old).total())
    return f"{_lines(count)} changed" if count else "line ends or their order changed"


def _shown(text: str | None) -> str:
    if text is None:
        return "not set"
    if _is_short(text):
        return text
    return _lines(len(text.splitlines()))


def _lines(count: int) -> str:
    return f"{count} line{'' if count == 1 else 's'}"


def _is_short(text: str) -> bool:
    return len(text) <= _LONGEST_SHOWN and text.isprintable()


def _schedule_lines(old: tuple[Schedule, ...], new: tuple[Schedule, ...]) -> list[str]:
    removed, added = list(old), []
    for schedule in new:
        if schedule in removed:
            removed.remove(schedule)
        else:
            added.append(schedule)
    return [
        *(f"schedule removed: {described(schedule)}" for schedule in removed),
        *(f"schedule added: {described(schedule)}" for schedule in added),
    ]


def described(schedule: Schedule) -> str:
    """A schedule on one line, with the keys of a definition."""
    rule = {
        key: ", ".join(str(item) for item in value) if isinstance(value, list) else str(value)
        for key, value in write_rule(schedule).items()
    }
    keys = {**rule, "timezone": schedule.timezone, "misfire_grace": format_duration(schedule.misfire_grace)}
    return "; ".join([schedule.kind.value, *(f"{key} {value}" for key, value in keys.items())])

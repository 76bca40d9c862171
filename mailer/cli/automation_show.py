"""`mailer automation show`: one automation, for people to read."""

from collections.abc import Iterator

from rich.text import Text

from mailer.assembly import open_database
from mailer.cli import session
from mailer.cli.arguments import AsJson, AutomationName
from mailer.cli.automation_view import AutomationView, Planned, read_view, view_json
from mailer.cli.output import console, print_json, shown_time
from mailer.definitions.differing import described
from mailer.errors import TemplateFault
from mailer.model.automation import Automation, ScheduleKind
from mailer.model.template import TextSource, compile_template
from mailer.model.written import write_policies
from mailer.store.automations import AutomationStatus

_TEXT_SOURCES = {
    TextSource.DERIVED: "made from the HTML template",
    TextSource.EACH_MAIL: "made from each mail's HTML, which is slow: a text template of your own saves that",
}


def show(automation: AutomationName, as_json: AsJson = False) -> None:
    """Shows a definition, its status, the next runs in each schedule's own zone, and which runs were skipped."""
    settings = session.settings()

    async def read() -> AutomationView:
        async with open_database(settings, session.CLOCK) as database:
            return await read_view(database, automation)

    view = session.run_async(read)
    if as_json:
        print_json(view_json(view))
        return
    for line in _lines(view):
        console().print(Text(line))


def _lines(view: AutomationView) -> Iterator[str]:
    listed = view.listed
    running = ", a job is active" if listed.is_running else ""
    yield f"{listed.name} (automation {listed.auto_id}): {listed.status.value}{running}"
    yield f"last run  {shown_time(listed.last_run) or 'never'}"
    yield ""
    yield from _definition_lines(view.definition)
    yield ""
    yield from _schedule_lines(view)
    if view.skipped:
        yield ""
        yield "skipped runs"
    for line in view.skipped:
        times = f" ({line.times} times since {shown_time(line.first_at)})" if line.times > 1 else ""
        yield f"  {shown_time(line.last_at)}  {line.message}{times}"


def _definition_lines(definition: Automation) -> Iterator[str]:
    dbio, template = definition.dbio, definition.template
    policies = {"owner": definition.owner or "none: nobody is warned", **write_policies(definition.policies)}
    for key, value in policies.items():
        yield f"{key:<19} {_one_line(value)}"
    for key, value in (("source", dbio.source), ("key", dbio.key), ("email", dbio.email)):
        yield f"{key:<19} {value}"
    yield f"{'attachment':<19} {dbio.attachment or 'none'}"
    for key, query in (("target", dbio.target), ("mapping", dbio.mapping), ("update", dbio.update)):
        yield from _block(key, query)
    if dbio.mapping is not None:
        yield f"{'mapping_batch':<19} {str(dbio.mapping_batch).lower()}"
    yield f"{'subject':<19} {template.subject}"
    yield f"{'html':<19} {len(template.html.splitlines()):,} lines"
    yield f"{'text':<19} {_text_part(definition)}"


def _block(key: str, text: str | None) -> Iterator[str]:
    if text is None:
        yield f"{key:<19} none"
        return
    yield key
    for line in text.strip().splitlines():
        yield f"    {line}"


def _one_line(value: object) -> str:
    match value:
        case dict():
            return "; ".join(f"{name}: {text}" for name, text in value.items())
        case list():
            return ", ".join(map(str, value))
        case _:
            return str(value)


def _text_part(definition: Automation) -> str:
    if definition.template.text is not None:
        return f"{len(definition.template.text.splitlines()):,} lines"
    try:
        return _TEXT_SOURCES[TextSource(compile_template(definition.template).text_source)]
    except TemplateFault as fault:
        return f"the template has a fault: {fault}"


def _schedule_lines(view: AutomationView) -> Iterator[str]:
    if not view.planned:
        yield f"no schedule: it runs by 'mailer enqueue {view.listed.auto_id}' alone"
    elif view.listed.status is AutomationStatus.PAUSED:
        yield f"next runs (paused: none makes a job until 'mailer automation resume {view.listed.auto_id}')"
    else:
        yield "next runs"
    for planned in view.planned:
        yield f"  {described(planned.schedule)}"
        for run in planned.runs:
            yield f"    {run:%Y-%m-%d %a %H:%M:%S %Z}"
        if not planned.runs:
            yield f"    {_why_none(planned)}"


def _why_none(planned: Planned) -> str:
    if planned.schedule.kind is ScheduleKind.REALTIME:
        return "none: it ran when it was saved, and runs again when the definition changes"
    return "none yet: the scheduler finds it at its next tick"

"""What one core sends, beside a bare loop of the AWS SDK; with an attachment; and what a second core adds."""

from bench.figure import Figure, Scale, at_least
from bench.processes import CORES, double
from bench.runs import bare_command, folder, mails_a_second, run_bare, run_mailer
from bench.workplace import MAILER, enqueued, environment


def one_core(scale: Scale) -> list[Figure]:
    """By CPU time for each mail, the kinds in turn, so that a machine that gets slower slows all of them."""
    ours, lean = [], []
    rates: dict[str, list[float]] = {"bare": [], "ours": [], "lean": []}
    for _ in range(scale.rounds):
        bare = run_bare(scale.mails)
        default = run_mailer(scale.mails)
        quick = run_mailer(scale.mails, client="lean")
        ours.append(bare.cpu_each / default.cpu_each)
        lean.append(bare.cpu_each / quick.cpu_each)
        for name, stretch in (("bare", bare), ("ours", default), ("lean", quick)):
            rates[name].append(1 / stretch.cpu_each)
    shown = {name: f"{sorted(each)[len(each) // 2]:.0f}/s" for name, each in rates.items()}
    return [
        at_least(
            "one core, against a bare loop of aioboto3", 0.70, ours, "x", f"; {shown['ours']}, bare {shown['bare']}"
        ),
        at_least("one core, lean client, against the bare loop", 1.5, lean, "x", f"; {shown['lean']}"),
    ]


def attachment(scale: Scale) -> list[Figure]:
    """A 100 KB file shared by all, against the same mail without one."""
    number = max(500, scale.mails // 4)
    figures = []
    for client in ("aioboto3", "lean"):
        ratios = []
        for _ in range(scale.rounds):
            without = run_mailer(number, client=client)
            ratios.append(without.cpu_each / run_mailer(number, client=client, attachment=True).cpu_each)
        figures.append(at_least(f"with a shared 100 KB attachment, against without ({client})", 0.6, ratios, "x"))
    bare = run_bare(number).cpu_each / run_bare(number, attachment=True).cpu_each
    return [*figures, Figure("the same of the bare loop", "", f"{bare:.2f}x", None)]


def two_processes(scale: Scale) -> list[Figure]:
    """Mails a second of two processes on one job against one, beside what two bare loops gain on this machine.

    The double shares the cores with them, so neither factor comes near two here.
    """
    if len(CORES) < 2:
        return [Figure("two processes against one", ">= 0.95x of two bare loops' factor", "needs two cores", None)]
    shares = []
    for _ in range(scale.rounds):
        ours = _mailers(2 * scale.mails, 2) / _mailers(scale.mails, 1)
        bare = _bares(scale.mails, 2) / _bares(scale.mails, 1)
        shares.append(ours / bare)
    return [at_least("two processes against one, of two bare loops' factor", 0.95, shares, "x")]


def _mailers(mails: int, processes: int) -> float:
    with folder() as made, double() as ses:
        env = {**ses.environment, **environment(POLL="100ms")}
        enqueued(made / "ours", mails, env)
        return mails_a_second([[MAILER, "run", "--until-idle"]] * processes, made / "ours", env, ses, mails)


def _bares(mails: int, processes: int) -> float:
    with folder() as made, double() as ses:
        return mails_a_second([bare_command(mails)] * processes, made, ses.environment, ses, mails * processes)

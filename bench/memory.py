"""Peak memory of the service: load a whole list, send a part of it, cancel."""

from bench.figure import Figure, Scale, at_most
from bench.processes import double, peak_kilobytes, sending_stretch, started
from bench.runs import folder
from bench.workplace import MAILER, enqueued, environment, mailer

SHORT = 10_000


def peak_memory(scale: Scale) -> list[Figure]:
    """10,000 recipients against 1,000,000, one run of each."""
    short_list = SHORT if not scale.is_quick else 2_000
    short = _peak(short_list, min(scale.sent_of_it, short_list * 9 // 10))
    long = _peak(scale.long_list, scale.sent_of_it)
    name = f"peak memory, {short_list:,} against {scale.long_list:,} recipients"
    return [at_most(name, 1.10, [long / short], "x", f"; {short / 1024:.0f} MB and {long / 1024:.0f} MB")]


def _peak(recipients: int, sent: int) -> int:
    with folder() as made, double() as ses:
        env = {**ses.environment, **environment()}
        enqueued(made / "ours", recipients, env)
        with started([MAILER, "run", "--until-idle"], made / "ours", env) as process:
            sending_stretch(process, ses, 1, sent)
            mailer(made / "ours", env, "job", "cancel", "1")
            peak = peak_kilobytes(process.pid)
            process.wait(120)
        return peak

"""What Oracle's troubles mean for a data source: away for now, closed to us, or a query that is wrong."""

from mailer.db.oracle_errors import Kind, Trouble, Whereabouts
from mailer.errors import QueryFailed, SourceAway, SourceDenied
from mailer.model.database_url import OracleService


def whereabouts(source: str, service: OracleService) -> Whereabouts:
    """A data source in messages."""
    prefix = f"MAILER_SOURCES__{source.upper()}__"
    return Whereabouts(f"data source {source!r}", service, f"{prefix}URL", prefix)


def as_source_error(source: str, trouble: Trouble, seconds: float) -> SourceAway | QueryFailed:
    """Our error; `seconds`: how long the query was allowed to run."""
    match trouble.kind:
        case Kind.AWAY | Kind.UNDONE:
            return SourceAway(trouble.message, trouble.next_step)
        case Kind.DENIED:
            return SourceDenied(trouble.message, trouble.next_step)
        case Kind.LATE:
            return QueryFailed(
                f"data source {source!r}: the query ran longer than {seconds:g} s, or waited for a lock",
                "Make it faster (an index on what it searches by?), or raise MAILER_QUERY_SECONDS.",
            )
        case _:
            advice = trouble.next_step or "Correct the query, then run 'mailer automation validate'."
            return QueryFailed(trouble.message, advice)

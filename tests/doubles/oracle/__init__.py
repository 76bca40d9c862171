"""A stand-in for Oracle: speaks its wire protocol to the unmodified driver and runs the SQL on PostgreSQL. See README.md."""

from .faults import Action, Armed, Fault, Faults
from .postgres import postgres_server, stop_leftover_servers
from .server import StandIn, running_standin

__all__ = [
    "Action",
    "Armed",
    "Fault",
    "Faults",
    "StandIn",
    "postgres_server",
    "running_standin",
    "stop_leftover_servers",
]

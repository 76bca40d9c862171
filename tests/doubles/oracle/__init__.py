"""A stand-in for Oracle: speaks its protocol to the unmodified driver, runs the SQL on PostgreSQL. See README.md."""

from .control import Control, connected_control, control_socket
from .faults import Action, Armed, Fault, Faults
from .postgres import postgres_server, running_servers, shared_postgres
from .server import StandIn, running_standin

__all__ = [
    "Action",
    "Armed",
    "Control",
    "Fault",
    "Faults",
    "StandIn",
    "connected_control",
    "control_socket",
    "postgres_server",
    "running_servers",
    "running_standin",
    "shared_postgres",
]

"""The service with its SQL counted: `python -m bench.counting ROLE SETTLED SECONDS`, then `counted.json` is there."""

import json
import sqlite3
import sys
import time
from pathlib import Path

import anyio
import structlog

from mailer.clock import SystemClock
from mailer.service import Role, Service
from mailer.settings import load_settings

_connect = sqlite3.connect
counts = {"queries": 0, "beats": 0}


def _note(sql: str) -> None:
    if "UPDATE WORKER SET HEARTBEAT_AT" in sql:
        counts["beats"] += 1
    elif any(line.startswith(("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")) for line in sql.splitlines()):
        counts["queries"] += 1


def _counted(*arguments: object, **more: object) -> sqlite3.Connection:
    connection = _connect(*arguments, **more)  # type: ignore[call-overload]  # whatever the caller gives
    connection.set_trace_callback(_note)
    return connection  # type: ignore[no-any-return]  # as above


async def main(role: Role, settled: float, seconds: float) -> None:
    service = Service(load_settings().settings, role, SystemClock())
    async with anyio.create_task_group() as group:
        group.start_soon(service.run)
        await anyio.sleep(settled)
        before, cpu = dict(counts), time.process_time()
        await anyio.sleep(seconds)
        counted = {name: count - before[name] for name, count in counts.items()}
        result = {**counted, "cpu": time.process_time() - cpu}
        await anyio.Path("counted.json").write_text(json.dumps(result))
        service.stop()


if __name__ == "__main__":
    structlog.configure(processors=[structlog.processors.JSONRenderer()])
    sqlite3.connect = _counted  # type: ignore[assignment]  # for what opens connections after this
    anyio.run(main, Role(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]), backend_options={"use_uvloop": True})
    assert Path("counted.json").exists()

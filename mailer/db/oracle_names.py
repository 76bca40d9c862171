"""The hosts of a service, looked up beside the event loop.

python-oracledb (26.1) looks them up on it, by the blocking getaddrinfo: a resolver that does not answer would stop
heartbeats and mails. It is asked for nothing that has not just been answered in a thread.
"""

import asyncio
from collections.abc import Sequence

import oracledb

from mailer.model.database_url import OracleService


async def look_up(service: OracleService) -> None:
    """Returns once each host's name is known. Raises OSError where one is not, oracledb.Error for a wrong DSN."""
    loop = asyncio.get_running_loop()
    await asyncio.gather(*(loop.getaddrinfo(host, None) for host in _hosts(service)))


def _hosts(service: OracleService) -> Sequence[str]:
    """Of the connect string, or of what tnsnames.ora has for it; none where a proxy looks them up."""
    folder = None if service.tns_admin is None else str(service.tns_admin)
    parameters = oracledb.ConnectParams(config_dir=folder)
    parameters.parse_connect_string(service.dsn)
    if parameters.https_proxy:
        return ()
    host = parameters.host
    hosts = [host] if isinstance(host, str) else host
    return [one for one in hosts or () if one]

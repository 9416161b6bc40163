"""On one machine hosts listen on Unix sockets that nobody else can reach."""

from __future__ import annotations

import stat
from pathlib import Path

import psutil
from serving import OwnServer


async def test_hosts_listen_where_no_other_user_can_go(server: OwnServer) -> None:
    rows = await server.sql("SELECT address, port FROM hosts")
    assert len(rows) == 2
    listening = {c.laddr for pid in server.hosts for c in psutil.Process(pid).net_connections("unix")}
    for address, port in rows:
        path = Path(address)
        assert port == 0 and str(path) in listening
        assert stat.S_ISSOCK(path.stat().st_mode)
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700

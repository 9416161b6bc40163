"""A Postgres like a managed service: passwords for everyone, and a database owner who is not a superuser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from tertulia.storage.embedded import EmbeddedPostgres

HBA = "local all tertulia trust\nlocal all all scram-sha-256\n"
OWNER = "manager"
PASSWORD = "p@ss:w/rd"


class Managed:
    """`superuser` is the service's own connection; `url` is the one that its customers get."""

    def __init__(self, superuser: asyncpg.Connection, url: str) -> None:
        self.superuser = superuser
        self.url = url

    def of(self, user: str, password: str) -> str:
        """The URL for another user."""
        return self.url.replace(f"{OWNER}:p%40ss%3Aw%2Frd@", f"{user}:{password}@")


@asynccontextmanager
async def managed(folder: Path) -> AsyncIterator[Managed]:
    server = EmbeddedPostgres(folder)
    await server.start()
    superuser = await asyncpg.connect(server.url)
    try:
        await superuser.execute(f"CREATE ROLE {OWNER} LOGIN CREATEROLE PASSWORD '{PASSWORD}'")
        await superuser.execute(f"CREATE DATABASE chat OWNER {OWNER}")
        (server.database / "pg_hba.conf").write_text(HBA)
        await superuser.execute("SELECT pg_reload_conf()")
        url = server.url.replace("//tertulia@/postgres?", f"//{OWNER}:p%40ss%3Aw%2Frd@/chat?")
        yield Managed(superuser, url)
    finally:
        await superuser.close()
        await server.stop("immediate")

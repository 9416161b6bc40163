"""PostgreSQL and Valkey servers that Tertulia starts itself when it is given no URL of one.

Owns their folders below the data folder, their processes, and their recovery after a crash. They serve one machine; a
cluster needs DATABASE_URL and REDIS_URL. Linux only, like the wheels and `/proc`. Holds no queries and no keys.
"""

from .errors import FolderInUse, ServerError
from .keep import ServerEvent, keep_running
from .postgres import EmbeddedPostgres
from .server import Server
from .valkey import EmbeddedValkey

__all__ = [
    "EmbeddedPostgres",
    "EmbeddedValkey",
    "FolderInUse",
    "Server",
    "ServerError",
    "ServerEvent",
    "keep_running",
]

"""Real PostgreSQL and Valkey servers, started by Tertulia itself when no address of one is given.

Owns: their folders below the data folder, their processes, and bringing them back after any crash. They are
for one machine: a cluster is given DATABASE_URL and REDIS_URL. Linux only, as the wheels and `/proc` are.
Must never hold a query or a key: that is the business of the modules beside this folder.
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

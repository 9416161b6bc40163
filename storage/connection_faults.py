"""Why a server named by a setting cannot be used, in a message that names it: `db.example.com:5432 refused the connection`."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit


def fault_of(url: str, error: BaseException, default_port: int) -> str:
    """One clause without the password of `url`. `error` is what connecting raised, or a failure on the connection."""
    where = ", ".join(_places(url, default_port))
    for cause in _chain(error):
        if isinstance(cause, ConnectionRefusedError) or "Connect call failed" in str(cause):
            return f"{where} refused the connection: does the server run, and does it listen there?"
        if isinstance(cause, socket.gaierror):
            return f"there is no address for the host of {where}"
        if isinstance(cause, FileNotFoundError):
            return f"there is no socket at {where}"
        if isinstance(cause, TimeoutError):
            return f"{where} did not answer in time"
    text = (str(error).strip() or type(error).__name__).splitlines()[0][:300]
    return f"{where}: {text}"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error, and those that it was raised from; a time limit around a failure comes last."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            yield from error.exceptions
        error = error.__cause__ or error.__context__


def _places(url: str, default_port: int) -> list[str]:
    """`host:port` for each host of the URL, or the path of its socket."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return [parts.path]
    hosts = [host for host in parts.netloc.rpartition("@")[2].split(",") if host]
    hosts = hosts or parse_qs(parts.query).get("host", ["localhost"])
    return [host if host.startswith("/") or _has_port(host) else f"{host}:{default_port}" for host in hosts]


def _has_port(host: str) -> bool:
    return host.rpartition("]")[2].rpartition(":")[1] == ":"

"""The host names of this server: the check of Host against DNS rebinding.

A page of `evil.example`, whose name the attacker resolves to this server, sends `Host: evil.example` and the matching
`Origin: http://evil.example`: the browser sees a single origin. Only the server can tell that the name is not its own.

- Addresses (`192.0.2.1`, `[::1]`) and loopback names are always its own: without name resolution there is no rebinding.
- Its own names are those of TERTULIA_PUBLIC_URL, TERTULIA_ALLOWED_HOSTS, TERTULIA_ALLOWED_ORIGINS, TERTULIA_HOST and the machine's.
- Under another name, a request is refused if its Origin is that name; if TERTULIA_ALLOWED_HOSTS is set, always. A request
  without Origin comes from a program, not a page, and may use any name, such as a container's.
"""

from __future__ import annotations

import re
import socket
from functools import lru_cache
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from ...settings import Settings

_AUTHORITY: Final = re.compile(r"([A-Za-z0-9._~!$&'()*+;=%-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")
_NAME: Final = re.compile(r"(?:\*\.)?[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:.]+\]|\*")
_REMEMBERED: Final = 1024


class HostPolicy:
    """The server's own names. `strict`: all others are refused.

    Names are lower case; `*.example.com` stands for every name below `example.com`, `*` for every name.
    """

    def __init__(self, names: frozenset[str] = frozenset(), *, strict: bool = False) -> None:
        self._names = frozenset(name for name in names if not name.startswith("*"))
        self._suffixes = (".localhost", *(name[1:] for name in names if name.startswith("*.")))
        self._any = "*" in names
        self.strict = strict
        self.is_own = lru_cache(_REMEMBERED)(self._is_own)

    @classmethod
    def from_settings(cls, settings: Settings) -> HostPolicy:
        """Raises ValueError for an allowed host that is not a host name."""
        allowed = settings.host_names()
        wrong = sorted(name for name in allowed if not _NAME.fullmatch(name))
        if wrong:
            raise ValueError(f"not a host name without a port: {', '.join(wrong)}")
        urls = [*settings.origins(), *filter(None, [settings.public_url])]
        own = {urlsplit(url).hostname or "" for url in urls} | {settings.host, socket.gethostname()}
        return cls(frozenset(allowed | {name.lower().rstrip(".") for name in own}), strict=bool(allowed))

    def _is_own(self, authority: str) -> bool | None:
        """Whether `authority` (`host[:port]`) names this server; None if it is malformed."""
        match = _AUTHORITY.fullmatch(authority)
        if match is None:
            return None
        name = match[1].lower().rstrip(".")
        return (
            self._any
            or name in self._names
            or name.endswith(self._suffixes)
            or name == "localhost"
            or _is_address(name)
        )


def _is_address(name: str) -> bool:
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True

"""The client's address: the peer of the connection, or the client named by trusted proxies.

The only module that reads X-Forwarded-For and X-Forwarded-Proto, and only from peers that the operator has named, since anybody can
write these headers. `Forwarded` (RFC 7239) is ignored: a proxy that sets one family of headers passes the other on as the client wrote
it, and nothing tells which is which.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from aiohttp import web
from multidict import CIMultiDictProxy

PEER: Final[web.RequestKey[str]] = web.RequestKey("peer", str)
"""The trusted proxy that a request came through."""
MAX_HOPS: Final = 32
"""Entries of X-Forwarded-For that are read, from the right. If there are more, the last one read counts as the client."""
_REMEMBERED: Final = 4096
_SCHEMES: Final = frozenset({"http", "https"})


class TrustedProxies:
    """Peers that are trusted to name their clients. Raises ValueError for invalid addresses and networks."""

    def __init__(self, networks: Iterable[str] = ()) -> None:
        self._networks = [ip_network(text, strict=False) for text in networks]
        self.trusts = lru_cache(_REMEMBERED)(self._trusts) if self._networks else _nobody

    def __bool__(self) -> bool:
        return bool(self._networks)

    def client(self, peer: str | None, headers: CIMultiDictProxy[str]) -> str | None:
        """The client's address: the rightmost hop that is not a trusted proxy."""
        if not self.trusts(peer):
            return peer
        client = peer
        hops = ",".join(headers.getall("X-Forwarded-For", ())).rsplit(",", MAX_HOPS)[-MAX_HOPS:]
        for hop in reversed(hops):
            address = _address_of(hop)
            if address is None:  # "unknown", or not an address: the proxy is the last known hop
                return client
            client = str(address)
            if not self.trusts(client):
                return client
        return client

    def scheme(self, peer: str | None, headers: CIMultiDictProxy[str]) -> str | None:
        """The scheme that a trusted proxy reports, if one does."""
        if not self.trusts(peer):
            return None
        told = headers.get("X-Forwarded-Proto", "").rpartition(",")[2].strip().lower()
        return told if told in _SCHEMES else None

    def _trusts(self, address: str | None) -> bool:
        parsed = _address_of(address or "")
        return parsed is not None and any(parsed in network for network in self._networks)


def _nobody(address: str | None) -> bool:
    return False


def _address_of(hop: str) -> IPv4Address | IPv6Address | None:
    """The address in `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]:4711`; an IPv4-mapped one as IPv4."""
    text = hop.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address

"""Who a request comes from: the peer of its connection, or the client that trusted proxies name.

Owns the one reading of X-Forwarded-For and X-Forwarded-Proto. It must never believe either of a peer that the operator has not
named: anybody can write these headers. `Forwarded` (RFC 7239) is not read at all: a proxy that sets one of the two families
passes the other on as the client wrote it, and nothing tells which one that is.
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
"""Entries of X-Forwarded-For that are read, from the right. Beyond them the farthest proxy read counts as the client."""
_REMEMBERED: Final = 4096
_SCHEMES: Final = frozenset({"http", "https"})


class TrustedProxies:
    """The peers whose word about their clients counts. Raises ValueError for what is no address or network."""

    def __init__(self, networks: Iterable[str] = ()) -> None:
        self._networks = [ip_network(text, strict=False) for text in networks]
        self.trusts = lru_cache(_REMEMBERED)(self._trusts) if self._networks else _nobody

    def __bool__(self) -> bool:
        return bool(self._networks)

    def client(self, peer: str | None, headers: CIMultiDictProxy[str]) -> str | None:
        """The address of the client: the rightmost hop that is not a trusted proxy, as the trusted ones tell it."""
        if not self.trusts(peer):
            return peer
        client = peer
        hops = ",".join(headers.getall("X-Forwarded-For", ())).rsplit(",", MAX_HOPS)[-MAX_HOPS:]
        for hop in reversed(hops):
            address = _address_of(hop)
            if address is None:  # "unknown", or nonsense: all that is known is who said so
                return client
            client = str(address)
            if not self.trusts(client):
                return client
        return client

    def scheme(self, peer: str | None, headers: CIMultiDictProxy[str]) -> str | None:
        """The scheme a trusted proxy was asked by; None: nobody trusted says so."""
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

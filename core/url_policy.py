"""Which addresses the server may call for URLs that others supply: attachments, account webhooks, base URLs of channels.

Owns the rules; `channels/outgoing/guard.py` enforces them on every connection. `special_addresses.py` knows which addresses are
internet hosts.
"""

from __future__ import annotations

import ipaddress
import re
from ipaddress import IPv4Address
from typing import NamedTuple

import msgspec

from .special_addresses import Address, inside, is_never_called, refusal

HTTPS = 443

_NUMERIC_HOST = re.compile(r"(0x[0-9a-f]*|\d+)(\.(0x[0-9a-f]*|\d+))*\.?", re.IGNORECASE)


class OutgoingRefused(Exception):
    """A request that may not be sent, or a response that may not be read; the text may be shown to the owner of the URL.

    `temporary`: a retry may succeed.
    """

    def __init__(self, reason: str, *, temporary: bool = False) -> None:
        super().__init__(reason)
        self.temporary = temporary


class Grant(msgspec.Struct, frozen=True):
    """Access to the origin of `url` (scheme, host and port), and nowhere else.

    `networks` None: the operator configured this URL, so plain HTTP, any port and private addresses are allowed. Otherwise
    somebody else did, and these are allowed only inside `networks`.
    """

    url: str
    networks: tuple[str, ...] | None = None


class Reach(NamedTuple):
    """Which addresses a connection may reach: those in `networks` (None: all), and `public` ones."""

    networks: tuple[str, ...] | None
    public: bool = True

    def refusal(self, text: str) -> str | None:
        """Why a connection to this address is refused; None if it is allowed."""
        address = parsed(text)
        if address is None:
            return "something that is not an address"
        networks = self.networks or ()
        if is_never_called(address) and not _is_listed(address, networks):
            return "an address that is never called"
        if self.networks is None or is_inside(address, networks):
            return None
        reason = refusal(address)
        if reason is None and not self.public:
            return "an address outside the allowed networks, where only HTTPS on port 443 is called"
        return reason


class AddressRules(msgspec.Struct, frozen=True):
    """Addresses that the operator allows besides HTTPS to internet hosts. `networks` as in `10.1.0.0/16`."""

    networks: tuple[str, ...] = ()
    ports: frozenset[int] = frozenset({HTTPS})

    @property
    def reach(self) -> Reach:
        """The reach of a URL without a grant."""
        return Reach(self.networks)

    def refusal(self, text: str) -> str | None:
        """Why a connection to this address is refused; None if it is allowed."""
        return self.reach.refusal(text)

    def granted(self, grant: Grant, scheme: str, port: int | None) -> Reach:
        """The reach of a URL at the origin of a grant."""
        if grant.networks is None:
            return Reach(None)
        return Reach(grant.networks, public=scheme == "https" and port in self.ports)


def parsed(text: str) -> Address | None:
    """The address; None if the text is not one."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def is_inside(address: Address, networks: tuple[str, ...]) -> bool:
    """Whether one of the networks contains the address. An address with a zone is in none."""
    if getattr(address, "scope_id", None) is not None:
        return False
    return any(inside(address, ipaddress.ip_network(network)) for network in networks)


def _is_listed(address: Address, networks: tuple[str, ...]) -> bool:
    """Whether the operator allows exactly this address, not only a network around it."""
    return any(
        network.num_addresses == 1 and inside(address, network)
        for network in map(ipaddress.ip_network, networks)
    )


def is_numeric_host(host: str) -> bool:
    """Whether resolvers read a host as an IPv4 address in another notation: 127.1, 2130706433, 0x7f.1."""
    if not _NUMERIC_HOST.fullmatch(host):
        return False
    try:
        IPv4Address(host)
    except ValueError:
        return True
    return False

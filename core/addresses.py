"""Which addresses the server may call on somebody else's word: an attachment's URL, an account's webhook.

Owns the rules; `channels/guard.py` holds every connection to them. Ranges: the IANA registries of special-purpose
addresses (RFC 6890), and forms of IPv6 that carry an IPv4 address, which count as what they carry.
"""

from __future__ import annotations

import ipaddress
import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import msgspec

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

HTTPS = 443

_NAT64 = IPv6Network("64:ff9b::/96")
_REFUSED = tuple(
    (ipaddress.ip_network(network), what)
    for network, what in {
        "100.64.0.0/10": "an address shared behind a carrier's NAT",
        "192.0.0.0/24": "an address of protocols",
        "192.88.99.0/24": "a 6to4 relay",
        "168.63.129.16/32": "a cloud's own service",
        "::/96": "an IPv4-compatible address",
        "::ffff:0:0/96": "an IPv4-mapped address",
        "2002::/16": "a 6to4 address",
        "2001::/23": "a tunnelled address",
        "64:ff9b:1::/48": "a local NAT64 address",
        "3fff::/20": "an address of documentation",
        "5f00::/16": "an address of segment routing",
        "fec0::/10": "a site-local address",
    }.items()
)
"""What `ipaddress`, in one version of Python or another, takes for global and is not the internet."""
_METADATA = ("169.254.0.0/16", "168.63.129.16/32", "100.100.100.200/32", "fe80::/10", "fd00:ec2::254/128")
_NEVER = tuple(ipaddress.ip_network(network) for network in _METADATA)
_NUMERIC_HOST = re.compile(r"(0x[0-9a-f]*|\d+)(\.(0x[0-9a-f]*|\d+))*\.?", re.IGNORECASE)


class AddressRules(msgspec.Struct, frozen=True):
    """What an operator lets through besides the internet's HTTPS: `networks` as in `10.1.0.0/16`."""

    networks: tuple[str, ...] = ()
    ports: frozenset[int] = frozenset({HTTPS})

    def refusal(self, text: str) -> str | None:
        """Why a connection to this address is refused; None where it is not."""
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return "something that is no address"
        if any(_in(address, ipaddress.ip_network(network)) for network in self.networks):
            return None
        return refusal(address)


def refusal(address: Address) -> str | None:
    """Why an address is none of the internet's; None where it is."""
    address = carried(address)
    for network, what in _REFUSED:
        if _in(address, network):
            return what
    if address.is_multicast:
        return "a multicast address"
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return "a scoped address"
    if not address.is_global or address.is_reserved:
        return "a private or reserved address"
    return None


def carried(address: Address) -> Address:
    """The IPv4 address behind NAT64, where networks without IPv4 find the internet's; else the address itself."""
    if isinstance(address, IPv6Address) and address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def never(text: str) -> bool:
    """Whether not even a trusted origin may stand there: where clouds hand out credentials, and what is no host."""
    address = ipaddress.ip_address(text)
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address.sixtofour or carried(address)
    return any(_in(address, n) for n in _NEVER) or address.is_multicast or address.is_unspecified


def is_numeric_host(host: str) -> bool:
    """Whether resolvers take a host for an IPv4 address that is not written as one: 127.1, 2130706433, 0x7f.1."""
    if not _NUMERIC_HOST.fullmatch(host):
        return False
    try:
        IPv4Address(host)
    except ValueError:
        return True
    return False


def _in(address: Address, network: Network) -> bool:
    return address.version == network.version and address in network

"""Addresses that are not internet hosts: IANA's registries as tables, and the metadata services of clouds.

Sources, as of 2026-11: IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890, kept current at
https://www.iana.org/assignments/iana-ipv4-special-registry and …/iana-ipv6-special-registry), IANA IPv6 Address Space (only
2000::/3 is allocated to hosts), RFC 5771 and RFC 4291 for multicast. `ipaddress.is_global` is not used: its answers
change between patch releases of Python (CVE-2024-4032).
"""

from __future__ import annotations

import ipaddress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

PRIVATE: Final = "a private or reserved address"
_REGISTRY: Final[dict[str, tuple[str, bool]]] = {
    # block: (name, globally reachable)
    "0.0.0.0/8": (PRIVATE, False),
    "10.0.0.0/8": (PRIVATE, False),
    "100.64.0.0/10": ("an address shared behind a carrier's NAT", False),
    "127.0.0.0/8": (PRIVATE, False),
    "169.254.0.0/16": (PRIVATE, False),
    "172.16.0.0/12": (PRIVATE, False),
    "192.0.0.0/24": ("an address of protocols", False),
    "192.0.2.0/24": (PRIVATE, False),
    "192.88.99.0/24": ("a 6to4 relay", False),
    "192.168.0.0/16": (PRIVATE, False),
    "198.18.0.0/15": (PRIVATE, False),
    "198.51.100.0/24": (PRIVATE, False),
    "203.0.113.0/24": (PRIVATE, False),
    "224.0.0.0/4": ("a multicast address", False),
    "240.0.0.0/4": (PRIVATE, False),
    "255.255.255.255/32": (PRIVATE, False),
    "::/128": (PRIVATE, False),
    "::1/128": (PRIVATE, False),
    "::/96": ("an IPv4-compatible address", False),
    "::ffff:0:0/96": ("an IPv4-mapped address", False),
    "64:ff9b::/96": ("NAT64", True),  # counts as the IPv4 address it carries
    "64:ff9b:1::/48": ("a local NAT64 address", False),
    "100::/64": (PRIVATE, False),
    "100:0:0:1::/64": (PRIVATE, False),
    "2000::/3": ("the internet", True),
    "2001::/23": ("an address of protocols", False),
    "2001::/32": ("a tunnelled address", False),
    "2001:2::/48": (PRIVATE, False),
    "2001:db8::/32": (PRIVATE, False),
    "2002::/16": ("a 6to4 address", False),
    "3fff::/20": ("an address of documentation", False),
    "5f00::/16": ("an address of segment routing", False),
    "fc00::/7": (PRIVATE, False),
    "fe80::/10": (PRIVATE, False),
    "fec0::/10": ("a site-local address", False),
    "ff00::/8": ("a multicast address", False),
}
"""The longest block that contains an address decides. IPv6 outside every block is unallocated; IPv4 outside is the internet.
Addresses in 192.0.0.0/24 and 2001::/23 that the registries call reachable (anycast of protocols, AMT, AS112, ORCHIDs, drones) are
refused too, as no provider is there. Blocks that belong to the internet anyway are left out.
"""
BLOCKS: Final = sorted(
    ((ipaddress.ip_network(block), name, is_global) for block, (name, is_global) in _REGISTRY.items()),
    key=lambda row: -row[0].prefixlen,
)

METADATA: Final = frozenset(
    map(
        ipaddress.ip_address,
        (
            "169.254.169.254",  # AWS, Azure, Google, Oracle, OpenStack, DigitalOcean, Hetzner …
            "fe80::a9fe:a9fe",  # OpenStack over IPv6
            "169.254.170.2",  # AWS ECS: a task's credentials
            "169.254.170.23",  # AWS EKS Pod Identity
            "fd00:ec2::23",  # the same over IPv6
            "fd00:ec2::254",  # AWS IMDS over IPv6
            "fd20:ce::254",  # Google over IPv6
            "168.63.129.16",  # Azure's wire server
            "192.0.0.192",  # Oracle Cloud Classic
            "fd00:c1::a9fe:a9fe",  # Oracle over IPv6
            "100.100.100.200",  # Alibaba
            "169.254.0.23",  # Tencent
            "100.96.0.96",  # Volcengine
            "169.254.42.42",  # Scaleway
            "fd00:42::42",  # Scaleway over IPv6
            "fd00:a9fe:a9fe::1",  # Akamai (Linode) over IPv6
        ),
    )
)
"""Metadata services that give a machine's credentials to any of its processes, from the clouds' documentation. Never called, even
inside an allowed network, unless the address itself is allowed."""
_NEVER: Final = tuple(
    map(
        ipaddress.ip_network,
        ("169.254.0.0/16", "fe80::/10", "224.0.0.0/4", "ff00::/8", "0.0.0.0/32", "::/128"),
    )
)
_NAT64: Final = IPv6Network("64:ff9b::/96")
_LOCAL_NAT64: Final = IPv6Network("64:ff9b:1::/48")
_COMPATIBLE: Final = IPv6Network("::/96")


def carried(address: Address) -> Address:
    """The IPv4 address inside a NAT64 address, through which IPv6-only networks reach IPv4; else the address itself."""
    if isinstance(address, IPv6Address) and address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def forms(address: Address) -> list[Address]:
    """An address, and the IPv4 addresses that a router or resolver may read it as."""
    found: list[Address] = [address]
    if isinstance(address, IPv6Address):
        last = IPv4Address(int(address) & 0xFFFF_FFFF)
        inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
        found += [a for a in inner if a is not None]
        if address in _NAT64 or address in _LOCAL_NAT64 or (address in _COMPATIBLE and int(address) > 1):
            found.append(last)
    return found


def is_never_called(address: Address) -> bool:
    """Whether it is a metadata service, or no single host: link-local, multicast, unspecified."""
    return any(
        (IPv6Address(int(a)) if isinstance(a, IPv6Address) else a) in METADATA
        or any(inside(a, n) for n in _NEVER)
        for a in forms(address)
    )


def refusal(address: Address) -> str | None:
    """Why an address is not an internet host; None if it is one."""
    address = carried(address)
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return "a scoped address"
    for network, name, is_global in BLOCKS:
        if inside(address, network):
            return None if is_global else name
    return None if address.version == 4 else "an unallocated address"


def inside(address: Address, network: Network) -> bool:
    """Whether a network of the same version contains the address."""
    return address.version == network.version and address in network

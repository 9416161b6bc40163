"""Which addresses are the internet's, which are never called, and where a channel's base URL may lead."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.core.accounts.records import Channel
from tertulia.core.channels.provider_urls import Base, ProviderUrls
from tertulia.core.special_addresses import METADATA, refusal
from tertulia.core.url_policy import AddressRules, Grant, Reach

A, B = "00000000-0000-0000-0000-0000000000aa", "00000000-0000-0000-0000-0000000000bb"
DOUBLE = "http://127.0.0.1:8081"
EVERYTHING = ("0.0.0.0/0", "::/0")


def channel(account_id: str = A, **config: Any) -> Channel:
    return Channel("c", account_id, "telegram", "x", config, None, True, 0, 0)


@pytest.mark.parametrize("address", sorted(map(str, METADATA)))
def test_metadata_is_never_called_unless_it_is_allowed_by_itself(address: str) -> None:
    for reach in (Reach(()), Reach(EVERYTHING), Reach(None), AddressRules(EVERYTHING).reach):
        assert reach.refusal(address) == "an address that is never called"
    bits = 128 if ":" in address else 32
    assert Reach((f"{address}/{bits}",)).refusal(address) is None
    assert Reach((f"{address}/{bits}",)).refusal("10.0.0.1")


@given(st.sampled_from(sorted(METADATA, key=str)).filter(lambda a: a.version == 4))
def test_metadata_in_the_forms_of_ipv6(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    forms = {
        "mapped": f"::ffff:{address}",
        "compatible": str(ipaddress.IPv6Address(number)),
        "NAT64": f"64:ff9b::{address}",
        "local NAT64": f"64:ff9b:1::{address}",
        "6to4": str(ipaddress.IPv6Address((0x2002 << 112) | (number << 80))),
        "Teredo": str(ipaddress.IPv6Address((0x20010000 << 96) | (number ^ 0xFFFFFFFF))),
    }
    for name, form in forms.items():
        for reach in (Reach(()), Reach(EVERYTHING), Reach(None)):
            assert reach.refusal(form), (name, form, reach)


@given(st.ip_addresses(v=6).filter(lambda a: not 0x2 <= int(a) >> 124 <= 0x3))
def test_of_ipv6_only_what_is_allocated_is_called(address: ipaddress.IPv6Address) -> None:
    if address not in ipaddress.ip_network("64:ff9b::/96"):
        assert refusal(address)


@given(st.ip_addresses())
def test_what_python_takes_for_private_is_never_called(address: Any) -> None:
    if not address.is_global and address not in ipaddress.ip_network(
        "64:ff9b::/96" if address.version == 6 else "0.0.0.0/32"
    ):
        assert refusal(address)


def test_what_an_operator_names_is_called_as_it_is_and_what_a_channel_names_is_not() -> None:
    urls = ProviderUrls({"telegram": "http://10.0.0.1:8081/"})
    assert urls.of(channel(), "https://t.example") == Base(
        "http://10.0.0.1:8081", (Grant("http://10.0.0.1:8081"),)
    )
    assert ProviderUrls().of(channel(), "https://t.example") == Base("https://t.example")
    for own in (
        "http://10.0.0.1:8081",
        "http://10.0.0.1:8081/",
    ):  # the operator's place, but not by the operator's word
        assert urls.of(channel(base_url=own), "x").grants == (Grant("http://10.0.0.1:8081", ()),)


def test_a_url_may_be_allowed_to_one_account() -> None:
    urls = ProviderUrls(accounts={A: (DOUBLE,)}, networks=("10.1.0.0/16",))
    for own, networks in {
        DOUBLE: None,
        DOUBLE + "/": None,
        DOUBLE + "/below": None,
        DOUBLE + "1": ("10.1.0.0/16",),
        DOUBLE + "@evil.example": ("10.1.0.0/16",),
        DOUBLE + "\\@evil.example": ("10.1.0.0/16",),
        "HTTP://127.0.0.1:8081": ("10.1.0.0/16",),
    }.items():
        (grant,) = urls.of(channel(base_url=own), "x").grants
        assert grant.networks == networks, own
    (grant,) = urls.of(channel(B, base_url=DOUBLE), "x").grants
    assert grant.networks == ("10.1.0.0/16",)


GOOD = [
    "https://bot.example.com",
    "https://bot.example.com:443/v1",
    "https://8.8.8.8",
    "https://[2606:4700:4700::1111]/",
]
BAD = [
    "http://bot.example.com", "https://bot.example.com:8443", "http://8.8.8.8", "https://127.0.0.1", DOUBLE,
    "https://10.0.0.1", "https://[::1]", "https://[::ffff:10.0.0.1]", "https://[fd20:ce::254]", "https://localhost",
    "https://api.localhost.", "https://2130706433", "https://127.1", "https://0x7f.1", "https://127.0.0.1.",
    "https://192.0.0.192", "https://[fe80::1%25eth0]", "https://a.example\\@127.0.0.1",
]  # fmt: skip


@pytest.mark.parametrize("url", GOOD)
def test_base_urls_that_everybody_may_have(url: str) -> None:
    assert ProviderUrls().fault(A, url) is None


@pytest.mark.parametrize("url", BAD)
def test_base_urls_that_nobody_may_have_unless_allowed(url: str) -> None:
    for urls in (ProviderUrls(), ProviderUrls(accounts={B: (DOUBLE, "127.0.0.0/8")})):
        assert urls.fault(A, url)


def test_base_urls_inside_allowed_networks() -> None:
    urls = ProviderUrls(networks=("10.1.0.0/16",), accounts={A: ("127.0.0.0/8", DOUBLE)})
    for url in ("http://10.1.2.3:8081", "https://10.1.2.3", "http://inner.example:8081"):
        assert urls.fault(A, url) is None and urls.fault(B, url) is None
    for url in (DOUBLE, "http://127.9.9.9:1", "http://localhost:9000"):
        assert urls.fault(A, url) is None and urls.fault(B, url)
    for url in ("http://10.2.0.1", "http://8.8.8.8", "http://169.254.169.254", "http://[fd00:ec2::254]"):
        assert urls.fault(A, url) and urls.fault(B, url)

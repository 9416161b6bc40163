"""Whose requests a proxy's are: what it says counts, if it is trusted, and what its clients wrote never."""

from __future__ import annotations

import pytest
from growth import assert_linear
from multidict import CIMultiDict, CIMultiDictProxy

from tertulia.http.auth.client_address import MAX_HOPS, TrustedProxies

PROXIES = TrustedProxies(["10.0.0.7", "10.1.0.0/16", "fd00::/8"])


def headers(*forwarded: str, proto: str | None = None) -> CIMultiDictProxy[str]:
    fields: CIMultiDict[str] = CIMultiDict(("X-Forwarded-For", value) for value in forwarded)
    if proto is not None:
        fields["X-Forwarded-Proto"] = proto
    return CIMultiDictProxy(fields)


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("10.0.0.7", ["192.0.2.1"], "192.0.2.1"),
        ("10.0.0.7", ["198.51.100.9, 192.0.2.1"], "192.0.2.1"),  # the left one is the client's invention
        ("10.0.0.7", ["198.51.100.9", "192.0.2.1"], "192.0.2.1"),  # the same in two lines
        ("10.0.0.7", ["192.0.2.1, 10.1.2.3,10.1.2.4"], "192.0.2.1"),  # a chain of trusted ones
        ("10.0.0.7", ["10.1.2.3, 10.1.2.4"], "10.1.2.3"),
        ("10.0.0.7", [], "10.0.0.7"),
        ("10.0.0.7", [""], "10.0.0.7"),
        ("10.0.0.7", ["unknown"], "10.0.0.7"),
        ("10.0.0.7", ["192.0.2.1, nonsense, 10.1.2.3"], "10.1.2.3"),
        ("10.0.0.7", ["192.0.2.1:4711"], "192.0.2.1"),
        ("10.0.0.7", ['"[2001:db8::1]:4711"'], "2001:db8::1"),
        ("10.0.0.7", ["2001:db8::1"], "2001:db8::1"),
        ("10.0.0.7", ["::ffff:192.0.2.1"], "192.0.2.1"),
        ("::ffff:10.0.0.7", ["192.0.2.1"], "192.0.2.1"),
        ("fd12::1", ["192.0.2.1"], "192.0.2.1"),
        ("10.0.0.8", ["192.0.2.1"], "10.0.0.8"),  # nobody trusts it
        ("192.0.2.5", ["10.0.0.7"], "192.0.2.5"),
        (None, ["192.0.2.1"], None),
    ],
)
def test_the_client_is_the_nearest_hop_that_is_no_proxy(
    peer: str | None, forwarded: list[str], client: str | None
) -> None:
    assert PROXIES.client(peer, headers(*forwarded)) == client


def test_without_trusted_proxies_nobody_is_believed() -> None:
    nobody = TrustedProxies()
    assert not nobody
    assert nobody.client("127.0.0.1", headers("192.0.2.1", proto="https")) == "127.0.0.1"
    assert nobody.scheme("127.0.0.1", headers(proto="https")) is None


def test_the_scheme_is_the_nearest_proxys_word() -> None:
    assert PROXIES.scheme("10.0.0.7", headers(proto="https")) == "https"
    assert PROXIES.scheme("10.0.0.7", headers(proto="http, HTTPS")) == "https"
    assert PROXIES.scheme("10.0.0.7", headers(proto="javascript")) is None
    assert PROXIES.scheme("10.0.0.8", headers(proto="https")) is None


def test_a_long_chain_is_read_from_the_right_and_not_to_its_end() -> None:
    chain = ",".join(["192.0.2.1"] + ["10.1.0.1"] * (MAX_HOPS + 5))
    assert PROXIES.client("10.0.0.7", headers(chain)) == "10.1.0.1"


@pytest.mark.parametrize("wrong", ["10.0.0.0/33", "proxy.example", "10.0.0", "*", "1.2.3.4/8/8"])
def test_what_is_no_network_is_refused_at_the_start(wrong: str) -> None:
    with pytest.raises(ValueError):
        TrustedProxies([wrong])


@pytest.mark.parametrize("piece", [",", ":", "a,", "10.1.0.1,", "[", '"', "1"])
def test_it_costs_no_more_than_to_read_it(piece: str) -> None:
    assert_linear(lambda text: PROXIES.client("10.0.0.7", headers(text)), lambda n: piece * n, 50_000)

"""Places for connections: who gets one, who makes way, and that nobody else pays for it."""

from __future__ import annotations

import resource

import pytest
from growth import assert_linear
from structlog.testing import capture_logs

from tertulia.http.auth.client_address import TrustedProxies
from tertulia.http.connection import policy
from tertulia.http.connection.policy import ConnectionPolicy, connections_possible, raise_file_limit
from tertulia.http.connection.table import LOOKS, ConnectionTable
from tertulia.settings import Settings


class Line:
    """A connection in memory."""

    def __init__(self, *, is_waiting: bool = True) -> None:
        self.is_waiting = is_waiting
        self.made_way = False

    def make_way(self) -> None:
        self.made_way = True


def a_table(most: int = 10, of_address: int = 3, *proxies: str) -> ConnectionTable:
    return ConnectionTable(most, of_address, TrustedProxies(proxies))


def test_an_address_that_is_full_gives_up_its_own_oldest_idle_one() -> None:
    table = a_table()
    busy, idle, young, other = Line(is_waiting=False), Line(), Line(), Line()
    assert table.enter(other, "192.0.2.9")
    assert all(table.enter(line, "192.0.2.1") for line in (busy, idle, young))
    assert table.enter(Line(), "192.0.2.1")
    assert idle.made_way and not (busy.made_way or young.made_way or other.made_way)
    assert (table.of("192.0.2.1"), len(table)) == (3, 4)


def test_an_address_whose_connections_are_all_busy_is_refused() -> None:
    table = a_table()
    lines = [Line(is_waiting=False) for _ in range(3)]
    with capture_logs() as logs:
        assert all(table.enter(line, "192.0.2.1") for line in lines)
        assert not table.enter(Line(), "192.0.2.1")
        assert not table.enter(Line(), "192.0.2.1")  # told once, not with each
    assert [(log["event"], log["full"], log["refused"]) for log in logs] == [
        ("connections_refused", "address", 1)
    ]
    assert table.enter(Line(), "192.0.2.2")
    table.leave(lines[0])
    assert table.enter(Line(), "192.0.2.1")


def test_a_whole_network_of_ipv6_is_one_address() -> None:
    table = a_table()
    lines = [Line(is_waiting=False) for _ in range(3)]
    assert all(table.enter(line, f"2001:db8:1:2::{n}") for n, line in enumerate(lines))
    assert not table.enter(Line(), "2001:db8:1:2:ffff::1")
    assert table.enter(Line(), "2001:db8:1:3::1")


def test_a_trusted_proxy_is_bounded_by_the_gateway_alone() -> None:
    table = a_table(10, 3, "10.0.0.0/8")
    lines = [Line(is_waiting=False) for _ in range(10)]
    assert all(table.enter(line, "10.0.0.1") for line in lines)
    assert not table.enter(Line(), "10.0.0.1")


def test_a_full_gateway_takes_from_the_address_that_has_most() -> None:
    table = a_table(10, 6)
    quiet, busy = [Line() for _ in range(4)], [Line() for _ in range(6)]
    for n, line in enumerate(quiet):
        table.enter(line, f"192.0.2.{n}")
    for line in busy:
        table.enter(line, "198.51.100.1")
    assert table.enter(Line(), "203.0.113.1")
    assert not any(line.made_way for line in quiet)
    assert [line.made_way for line in busy] == [True, False, False, False, False, False]
    assert len(table) == 10


def test_an_idle_one_behind_many_busy_ones_is_found_after_some_refusals() -> None:
    table = a_table(1000, 1000)
    lines = [Line(is_waiting=n == 500) for n in range(1000)]
    for line in lines:
        table.enter(line, "192.0.2.1")
    tries = 0
    while not table.enter(Line(is_waiting=False), "192.0.2.1"):
        tries += 1
        assert tries <= 1000 / LOOKS + 1
    assert lines[500].made_way


def test_leaving_twice_and_without_having_entered_is_nothing() -> None:
    table, line = a_table(), Line()
    table.leave(line)
    table.enter(line, None)
    assert table.of(None) == 1
    table.leave(line)
    table.leave(line)
    assert (len(table), table.of(None)) == (0, 0)


def test_a_flood_of_connections_costs_the_same_each_however_many_there_are() -> None:
    def flood(each: range) -> None:
        table = a_table(len(each), len(each))
        for _ in each:
            table.enter(Line(is_waiting=False), "192.0.2.1")
        for _ in each:
            assert not table.enter(Line(), "192.0.2.1")

    assert_linear(flood, range, 2000, memory=1000)


def test_the_bounds_follow_from_the_open_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 256))
    possible = connections_possible()
    assert 64 < possible < 256 - 32
    table = ConnectionPolicy.from_settings(Settings()).table
    assert abs(table.most - possible) <= 2 and table.most_of_address == table.most // 2
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY,) * 2)
    table = ConnectionPolicy.from_settings(Settings(max_connections=500)).table
    assert (table.most, table.most_of_address) == (500, 250)
    assert ConnectionPolicy.from_settings(Settings()).table.most_of_address == 8192


def test_the_limit_of_open_files_is_raised_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: asked.append(limits))
    for soft, hard in ((1024, 4096), (4096, 4096), (1024, resource.RLIM_INFINITY)):
        monkeypatch.setattr(resource, "getrlimit", lambda _, limits=(soft, hard): limits)
        with capture_logs() as logs:
            raise_file_limit()
        assert len(logs) == (soft != hard)
    assert asked == [(4096, 4096), (policy.MOST_FILES, resource.RLIM_INFINITY)]

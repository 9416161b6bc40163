"""A gateway and a host on two machines, a network namespace apart: what is on the cable says nothing, and an impostor at either end is
refused."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from far_end import command
from serving import ROOT
from test_partitions import HERE, THERE, Link, link
from waiting import until

from tertulia.actors.transport import codec
from tertulia.actors.transport.entry_publisher import FeedPublisher
from tertulia.actors.transport.framing import HostEndpoint
from tertulia.actors.transport.host_link import HostLink
from tertulia.actors.transport.host_listener import HostListener
from tertulia.actors.transport.link_transport import make_tls
from tertulia.actors.transport.turns import Announce
from tertulia.core.conversation.commands import Done, Envelope, Moved, Outcome

__all__ = ["link"]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]
KEY, OTHER = bytes(range(32)), bytes(range(32, 64))
TEXT = "my card is 4111 1111 1111 1111"
ETH_P_ALL = 3


class FarEnd:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def line(self) -> list[str]:
        assert self._process.stdout is not None
        async with asyncio.timeout(30):
            while line := (await self._process.stdout.readline()).decode():
                if line.startswith("> "):
                    return line.split()[1:]
        raise AssertionError("the far end has ended")

    async def port(self) -> int:
        said = await self.line()
        assert said[:1] == ["listens"], said
        return int(said[2])


@asynccontextmanager
async def far_end(link: Link, *words: str) -> AsyncIterator[FarEnd]:
    process = await asyncio.create_subprocess_exec(
        "ip", "netns", "exec", link.namespace, sys.executable,
        str(Path(__file__).with_name("far_end.py")), *words,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    try:
        yield FarEnd(process)
    finally:
        process.stdin.close()
        await asyncio.wait_for(process.wait(), 30)


class Near:
    """A gateway here."""

    def __init__(self, port: int, key: bytes = KEY) -> None:
        self.settled: list[tuple[Envelope, Outcome | None]] = []
        self.link = HostLink(
            "far",
            "incarnation",
            "gateway-here",
            endpoint=HostEndpoint(THERE, port, key),
            on_outcome=lambda envelope, outcome: self.settled.append((envelope, outcome)),
            on_entries=lambda payload: None,
            on_entries_missed=lambda: None,
            deadline=5,
        )

    async def outcome(self, text: str) -> Outcome | None:
        count = len(self.settled)
        self.link.send(command(text))
        await until(lambda: len(self.settled) > count)
        return self.settled[-1][1]


def tapped(link: Link) -> socket.socket:
    """Every frame on the cable from now on."""
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    tap.bind((link._cards[0], 0))
    tap.setblocking(False)
    return tap


def drained(tap: socket.socket) -> bytes:
    found = bytearray()
    try:
        while True:
            found += tap.recv(65536)
    except BlockingIOError:
        return bytes(found)


async def test_the_cable_says_nothing(link: Link) -> None:
    async with far_end(link, "host", THERE, KEY.hex()) as far:
        port = await far.port()
        with tapped(link) as tap:
            near = Near(port)
            assert await near.link.watch(["account-of-a-tenant"])
            assert await near.outcome(TEXT) == Done()
            assert await far.line() == ["commands", "1"]
            near.link.close()
            said = drained(tap)
        assert len(said) > 500, "the tap hears"
        for secret in (TEXT.encode(), KEY, b"account-of-a-tenant", b"gateway-here"):
            assert secret not in said


async def test_an_impostor_host_is_told_nothing(link: Link) -> None:
    for words, key in ((("nods", THERE), KEY), (("host", THERE, OTHER.hex()), KEY)):
        async with far_end(link, *words) as far:
            near = Near(await far.port(), key)
            assert await near.outcome(TEXT) == Moved(), "it is asked for elsewhere"
            assert not await near.link.watch(["account"])
            if words[0] == "nods":
                assert await far.line() == ["heard", "1"], "a hello, and no more"
                assert await far.line() == ["heard", "1"]
            near.link.close()


async def test_an_impostor_gateway_is_refused(link: Link) -> None:
    taken: list[str] = []

    async def submit(payload: bytes, announce: Announce) -> bytes:
        envelopes = codec.decode_envelopes(payload)
        taken.extend(envelope.id for envelope in envelopes)
        return codec.encode([Done() for _ in envelopes])

    async def refresh_rules(accounts: list[str]) -> None:
        taken.extend(accounts)

    async def nothing_moved() -> None:
        taken.append("partitions")

    listener = HostListener(submit, refresh_rules, FeedPublisher(), KEY, adopt=nothing_moved)
    at = listener.open_tls(HERE, make_tls())
    for key, outcome in ((OTHER, "Moved"), (KEY, "Done")):
        async with far_end(link, "gateway", HERE, str(at.port), key.hex()) as far:
            assert await far.line() == ["outcome", outcome]
        assert taken == (["id"] if key == KEY else [])
    await listener.close()

"""The far end of a connection between machines, for a test that puts it into a network namespace: a host, a gateway, or an impostor
of either. Says what it does on standard output, in lines that begin with `>`, and ends with its standard input.

    far_end.py host <address> <key>             listens, answers every command
    far_end.py gateway <address> <port> <key>   sends a command
    far_end.py nods <address>                   listens with TLS, believes everybody, forges every answer
"""

from __future__ import annotations

import asyncio
import sys

from tertulia.actors.transport import codec
from tertulia.actors.transport.entry_publisher import FeedPublisher
from tertulia.actors.transport.framing import HEADER, HostEndpoint, Kind
from tertulia.actors.transport.host_link import HostLink
from tertulia.actors.transport.host_listener import HostListener
from tertulia.actors.transport.link_transport import make_tls
from tertulia.actors.transport.turns import Announce
from tertulia.core.conversation.commands import By, Done, Envelope, Outcome, Post

CONVERSATION = "00000000-0000-7000-8000-000000000000"


def command(text: str) -> Envelope:
    return Envelope("id", "account", By("agent", "ana", "agent"), Post("agent", text), CONVERSATION)


def say(*words: object) -> None:
    print(">", *words, flush=True)


async def nothing_moved() -> None:
    raise AssertionError("no partition is moved here")


async def host(address: str, key: str) -> None:
    async def submit(payload: bytes, announce: Announce) -> bytes:
        envelopes = codec.decode_envelopes(payload)
        say("commands", len(envelopes))
        return codec.encode([Done() for _ in envelopes])

    async def refresh_rules(accounts: list[str]) -> None:
        say("learned", accounts)

    listener = HostListener(submit, refresh_rules, FeedPublisher(), bytes.fromhex(key), adopt=nothing_moved)
    at = listener.open_tls(address, make_tls())
    say("listens", at.address, at.port)
    await asyncio.to_thread(sys.stdin.read)
    await listener.close()


async def gateway(address: str, port: str, key: str) -> None:
    settled: asyncio.Future[Outcome | None] = asyncio.get_running_loop().create_future()
    link = HostLink(
        "far",
        "incarnation",
        "gateway",
        endpoint=HostEndpoint(address, int(port), bytes.fromhex(key)),
        on_outcome=lambda envelope, outcome: settled.set_result(outcome),
        on_entries=lambda payload: None,
        on_entries_missed=lambda: None,
        deadline=5,
    )
    link.send(command("from afar"))
    say("outcome", type(await settled).__name__)
    link.close()


async def nods(address: str) -> None:
    async def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                size, kind, number = HEADER.unpack(await reader.readexactly(HEADER.size))
                await reader.readexactly(size)
                say("heard", kind)
                forged = codec.encode([Done()])
                writer.write(HEADER.pack(len(forged), Kind.ANSWER, number) + forged)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(visit, address, 0, ssl=make_tls().context)
    say("listens", address, server.sockets[0].getsockname()[1])
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run({"host": host, "gateway": gateway, "nods": nods}[sys.argv[1]](*sys.argv[2:]))

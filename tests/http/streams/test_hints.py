"""Hints over a real Valkey: in order, each once at every gateway, however many are sent at once; and what happens without it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import msgspec
from redis.asyncio import Redis
from valkey_process import ValkeyServer
from waiting import until

from tertulia.core.ports.http import Hint
from tertulia.storage.valkey import client as valkey
from tertulia.storage.valkey.hints import CHANNEL, ValkeyHints


class Gateway:
    """The hints that one gateway gets."""

    def __init__(self, client: Redis) -> None:
        self.got: list[Hint] = []
        self.joined = 0
        self.hints = ValkeyHints(client, self.got.append, self._on_joined)

    def _on_joined(self) -> None:
        self.joined += 1

    def of(self, sender: str) -> list[int]:
        return [hint.data["n"] for hint in self.got if hint.account_id == sender]

    async def say(self, sender: str, n: int) -> bool:
        return await self.hints.send(sender, "typing", {"n": n}, ["account"])


@asynccontextmanager
async def gateways(server: ValkeyServer, count: int = 2) -> AsyncIterator[list[Gateway]]:
    clients = [valkey.connect(server.url) for _ in range(count)]
    made = [Gateway(client) for client in clients]
    tasks = [asyncio.ensure_future(one.hints.main_loop()) for one in made]
    await _all(made, lambda one: one.joined == 1)
    yield made
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    for client in clients:
        await client.aclose()


async def _all(made: Sequence[Gateway], condition: Callable[[Gateway], bool]) -> None:
    await until(lambda: all(map(condition, made)), "every gateway")


async def test_many_at_once_arrive_in_order_once(valkey_server: ValkeyServer) -> None:
    async with gateways(valkey_server) as made:

        async def talk(sender: str) -> list[bool]:
            return [await made[0].say(sender, n) for n in range(20)]

        said = await asyncio.gather(*(talk(f"s{k}") for k in range(50)))
        assert all(map(all, said))
        await _all(made, lambda one: len(one.got) == 1_000)
        for one in made:
            assert all(one.of(f"s{k}") == list(range(20)) for k in range(50))
        burst = [Hint("bulk", "queue", {"n": n}, []) for n in range(300)]
        assert await made[1].hints.send_all(burst) and await made[1].hints.send_all([])
        await _all(made, lambda one: one.of("bulk") == list(range(300)))


async def test_one_hint_is_understood_by_gateways_of_the_version_before(
    valkey_server: ValkeyServer, client: Redis
) -> None:
    async with gateways(valkey_server, 1) as (one,), client.pubsub() as pubsub:
        await pubsub.subscribe(CHANNEL)
        await pubsub.get_message(timeout=5)
        await one.say("me", 1)
        message = await pubsub.get_message(timeout=5)
        assert message is not None and msgspec.msgpack.decode(message["data"], type=Hint) == one.got[0]


async def test_a_caller_that_gives_up_takes_nobodys_hint_along(valkey_server: ValkeyServer) -> None:
    async with gateways(valkey_server) as made:
        tasks = [asyncio.ensure_future(made[0].say("me", n)) for n in range(10)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        tasks[9].cancel()
        await asyncio.wait(tasks)
        await _all(made, lambda one: one.of("me") == list(range(10)))


async def test_without_valkey_only_its_own_readers_get_them(valkey_server: ValkeyServer) -> None:
    async with gateways(valkey_server) as made:
        valkey_server.stop()
        said = await asyncio.gather(*(made[0].say("me", n) for n in range(10)))
        assert not any(said) and made[0].of("me") == list(range(10)) and made[1].got == []
        await valkey_server.start()
        await _all(made, lambda one: one.joined == 2)
        assert await made[1].say("me", 10)
        await _all(made, lambda one: one.of("me")[-1:] == [10])

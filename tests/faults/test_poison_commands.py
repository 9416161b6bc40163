"""A message that kills whatever host takes it: two hosts die of it at most, it is set aside for its sender, for a provider and for every
gateway, and whatever else was under way to those hosts succeeds.

The turn that kills is `poison/sitecustomize.py`'s; a host knows nothing of it.
"""

from __future__ import annotations

import os
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
from figures import note
from load import Load
from provider_calls import whatsapp_said, whatsapp_value
from readers import SseReader, WsReader
from serving import ROOT, OwnServer
from test_provider_retries import call, connect, stored
from waiting import until

Start = Callable[..., Awaitable[OwnServer]]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
POISON = "drink me"


class Cup:
    """A server whose hosts die of a message that says POISON."""

    def __init__(self, server: OwnServer, deaths: Path) -> None:
        self.server = server
        self._deaths = deaths

    def deaths(self, content: str) -> int:
        """Processes that died of it."""
        said = self._deaths.read_text().splitlines() if self._deaths.exists() else []
        return Counter(line.partition(" ")[2] for line in said)[content]


@pytest.fixture
async def cup(own_server: Start, tmp_path: Path) -> Cup:
    deaths = tmp_path / "deaths"
    path = os.pathsep.join([str(Path(__file__).with_name("poison")), str(ROOT)])
    environment = {"PYTHONPATH": path, "TERTULIA_TEST_POISON": POISON, "TERTULIA_TEST_DEATHS": str(deaths)}
    return Cup(await own_server(environment), deaths)


async def final(client: httpx.AsyncClient, conversation: str, body: dict[str, str]) -> httpx.Response:
    """The answer that says more than to ask again."""
    answers: list[httpx.Response] = []

    async def answered() -> bool:
        answers.append(await client.post(f"/v1/conversations/{conversation}/messages", json=body))
        return answers[-1].status_code != 503

    await until(answered, "a final answer", 60)
    return answers[-1]


async def test_poison_ends_two_hosts_and_no_more(cup: Cup) -> None:
    server = cup.server
    async with AsyncExitStack() as stack:
        readers = [
            await stack.enter_async_context(kind(server, server.token("agent", kind.__name__), "account"))
            for kind in (SseReader, WsReader)
        ]
        load = await stack.enter_async_context(Load(server, writers=100, conversations=20))
        await load.flows()
        client = await stack.enter_async_context(server.client(server.token("service", "poisoner")))
        bottle, place = f"{POISON}: {uuid.uuid4()}", load.conversations[0]
        keyed = {"content": bottle, "client_message_id": str(uuid.uuid4())}
        answer = await final(client, place, keyed)
        assert answer.status_code == 422, answer.text
        assert answer.json()["code"] == "invalid" and "set aside" in answer.json()["detail"]
        died = cup.deaths(bottle)
        note("poison", hosts_that_died=died)
        assert 1 <= died <= 2
        stored_rows: list[tuple[str, str]] = []

        async def listed() -> bool:  # stored after the answer
            rows = await server.sql("SELECT type, target FROM set_aside_commands")
            stored_rows[:] = [(row["type"], row["target"]) for row in rows]
            return bool(stored_rows)

        await until(listed, "the command to be listed for every gateway")
        assert stored_rows == [("Post", place)]

        async def refused_everywhere() -> bool:
            """By ten connections, so by both gateways."""
            for body in (keyed, {"content": bottle}, {**keyed, "content": f"{bottle} again"}):
                async with server.client(server.token("service", "poisoner")) as fresh:
                    assert (await final(fresh, place, body)).status_code == 422
            return True

        for _ in range(10):
            await refused_everywhere()
        assert cup.deaths(bottle) == died and cup.deaths(f"{bottle} again") == 0
        await load.flows()
        await _webhook(cup)
        await load.flows()
        await until(lambda: len(server.hosts) == 2, "both hosts")
        await load.stop()
        assert not {422, 500} & load.statuses.keys(), load.statuses
        verdict = await load.verdict(*readers)
        assert verdict.good, verdict


async def _webhook(cup: Cup) -> None:
    """A provider's call with poison in the middle: it ends with 200, and the rest of the call is there."""
    server, bottle = cup.server, f"{POISON}: {uuid.uuid4()}"
    channel = await connect(server)
    texts = ["one", "two", bottle, "four"]
    said = [whatsapp_said(f"w-{n}", text, phone=f"628120000{n}") for n, text in enumerate(texts)]
    payload = whatsapp_value(messages=said)
    async with server.client() as client:

        async def accepted() -> bool:
            return (await call(client, channel, payload)).status_code == 200

        await until(accepted, "the call to be accepted", 60)
        assert await stored(server, channel) == sorted(text for text in texts if text != bottle)
        died = cup.deaths(bottle)
        assert 1 <= died <= 2
        assert await accepted(), "and once more"
        assert cup.deaths(bottle) == died
    (failure,) = await server.sql(
        "SELECT faults::text FROM inbound_failures WHERE channel_id = $1", channel.id
    )
    assert "set aside" in failure[0]

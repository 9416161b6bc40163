"""What clients say on a WebSocket takes effect in the order they say it."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest
from samples import ACCOUNT, uid

from tertulia.core.accounts.principal import Principal, Role
from tertulia.http.routes.streams.messages import respond
from tertulia.http.streams.hub import Hub
from tertulia.http.streams.session import Session

CONVERSATION = uid()
TOPIC = f"conversation:{CONVERSATION}"
JOIN: dict[str, Any] = {"type": "conversation:join", "conversation_id": CONVERSATION}
LEAVE: dict[str, Any] = {"type": "conversation:leave", "conversation_id": CONVERSATION}
SUBSCRIBE: dict[str, Any] = {"type": "subscribe", "topics": [TOPIC]}
UNSUBSCRIBE: dict[str, Any] = {"type": "unsubscribe", "topics": [TOPIC]}


class Conversations:
    """The first that is looked up takes longest."""

    def __init__(self) -> None:
        self._turns = 5

    async def get(self, account_id: str, conversation_id: str) -> Any:
        self._turns -= 1
        for _ in range(self._turns):
            await asyncio.sleep(0)
        return SimpleNamespace(channel_id="c", contact_identifier="k")


class Feeds:
    async def attach(self, account_id: str) -> Any:
        return SimpleNamespace(account_id=account_id, generation="g", position=5, kept_from=1)


class Limits:
    async def admit(self, principal: Principal) -> None: ...


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ([JOIN, LEAVE], False),
        ([LEAVE, JOIN], True),
        ([JOIN, LEAVE, JOIN], True),
        ([SUBSCRIBE, UNSUBSCRIBE], False),
        ([SUBSCRIBE, LEAVE, SUBSCRIBE, UNSUBSCRIBE], False),
    ],
)
async def test_the_last_word_about_a_topic_counts(said: list[dict[str, Any]], heard: bool) -> None:
    hub = Hub(SimpleNamespace(), max_streams=9, send_deadline=5)  # type: ignore[arg-type]
    hub.feeds = Feeds()  # type: ignore[assignment]
    principal = Principal(account_id=ACCOUNT, role=Role.AGENT, user_id="ana", expires_at=2e9)
    transport: Any = SimpleNamespace(kind="websocket", gone=False)
    session = Session(principal, transport, 10**6)
    await hub.open(session)
    stores = SimpleNamespace(conversations=Conversations())
    services = SimpleNamespace(limits=Limits(), hub=hub, stores=stores)
    call: Any = SimpleNamespace(principal=principal, services=services)
    # a task for each, as the WebSocket does
    answers = await asyncio.gather(
        *(respond(call, session, json.dumps(m | {"ref": n}).encode()) for n, m in enumerate(said))
    )
    assert [json.loads(a or b"")["type"] for a in answers] == ["ack"] * len(said)
    assert (TOPIC in session.topics) == heard

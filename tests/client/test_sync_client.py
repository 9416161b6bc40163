"""The sync client: the contract's samples, its environment, and that it never stops message processing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import sync_samples
from fake_server import serving
from sync_server import SyncServer

from tertulia.client import (
    ConversationContext,
    ConversationMiddleware,
    ConversationStateService,
    SyncMetrics,
    SyncSettings,
    add_message_to_conversation,
    auto_sync_state,
    initialize_conversation_for_user,
    link_order_to_conversation,
    sync_graph_state_to_api,
    sync_metrics,
    track_messages,
)
from tertulia.client.sync_health import FAILURES, REST, Breaker
from tertulia.client.tenant_cache import MAXSIZE, TTL, TenantCache

PHONE = "+51999999999"


@pytest.fixture
async def sync(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SyncServer]:
    """A server that the environment names."""
    server = SyncServer()
    async with serving(server) as url:
        monkeypatch.setenv("CARTAAI_API_BASE_URL", url + "/sync")
        monkeypatch.setenv("CARTAAI_API_KEY", "the-key")
        yield server


def only(server: SyncServer) -> dict[str, Any]:
    (session,) = server.sessions.values()
    return session


async def test_pattern_1_simple_integration(sync: SyncServer) -> None:
    session_id = await sync_samples.simple_integration(PHONE, "hola")
    session = only(sync)
    assert session_id == session["sessionId"] and sync.keys == {"Bearer the-key"}
    assert session["localId"] == "branch01" and session["botId"] == "bot123"
    assert session["currentIntent"] == "order" and session["currentStep"] == "cart"
    context = session["context"]
    assert context["orderTotal"] == 15 and context["orderIds"] == ["order-1"]
    said = [(m["role"], m["content"], m["subDomain"]) for m in context["previousMessages"]]
    assert said == [("user", "hola", "restaurant-abc"), ("bot", "You said hola", "restaurant-abc")]


async def test_pattern_2_middleware(sync: SyncServer) -> None:
    assert await sync_samples.middleware_pattern(PHONE, "hola") == only(sync)["sessionId"]
    assert len(only(sync)["context"]["previousMessages"]) == 2
    assert await sync_samples.middleware_pattern(PHONE, "again") == only(sync)["sessionId"]
    assert only(sync)["context"]["orderIds"] == ["order-1"]


async def test_pattern_3_direct_service(sync: SyncServer, monkeypatch: pytest.MonkeyPatch) -> None:
    await sync_samples.full_flow(PHONE)
    url = SyncSettings.read().CARTAAI_API_BASE_URL
    found = await sync_samples.direct_service(url + "/api/v1/", "own-key", PHONE)
    assert found["synced"]["currentStep"] == "processing_payment" and found["added"] is not None
    assert "Bearer own-key" in sync.keys


async def test_legacy_methods(sync: SyncServer) -> None:
    async with ConversationStateService() as service:
        made = await service.create_conversation(PHONE, "restaurant-abc", "branch01", "bot123")
        assert made is not None
        session = made["sessionId"]
        assert (await service.get_conversation(session, "restaurant-abc") or {})["sessionId"] == session
        assert await service.update_intent(session, "restaurant-abc", "order", "menu")
        assert await service.update_context(session, "restaurant-abc", {"total": Decimal("1.5")})
        assert await service.add_message(session, "restaurant-abc", "user", "hi", {"at": datetime.now(UTC)})
        assert await service.get_conversation_by_phone(PHONE)
        assert await service.get_conversation("nobody", "restaurant-abc") is None
    assert only(sync)["currentStep"] == "menu" and only(sync)["context"]["total"] == "1.5"


async def test_tenant_lookups_are_remembered_until_the_session_is_gone(sync: SyncServer) -> None:
    session = await initialize_conversation_for_user(PHONE, "restaurant-abc")
    assert session is not None
    async with ConversationStateService() as service:
        for _ in range(3):
            assert await service.lookup_tenant_by_phone(PHONE)
        assert [call[1] for call in sync.calls].count(f"whatsapp/lookup/tenant/{PHONE}") == 1
        async with ConversationStateService(api_key="another") as other:
            assert await other.lookup_tenant_by_phone(PHONE)
        assert [call[1] for call in sync.calls].count(f"whatsapp/lookup/tenant/{PHONE}") == 2
        sync.sessions.clear()
        assert await service.add_message_from_agent(session, "bot", "hi") is None
        assert await service.lookup_tenant_by_phone(PHONE) is None


async def test_orders_linked_at_once_are_all_kept(sync: SyncServer) -> None:
    session = await initialize_conversation_for_user(PHONE, "restaurant-abc")
    assert session is not None
    orders = [f"order-{number}" for number in range(6)]
    linked = (link_order_to_conversation(session, "restaurant-abc", order) for order in orders)
    assert all(await asyncio.gather(*linked))
    assert sorted(only(sync)["context"]["orderIds"]) == orders


async def test_the_log_says_why_the_server_refused(
    sync: SyncServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Its heading "State sync failing silently" sends readers to the log."""
    sync.fails = 403
    assert await initialize_conversation_for_user(PHONE, "restaurant-abc") is None
    assert "conversation sync error: create_conversation: 403 refused – no" in caplog.text


async def everything() -> list[object]:
    """Each helper once, with arguments that are not what they should be."""
    odd: Any = object()
    async with ConversationMiddleware(PHONE, "restaurant-abc") as conv:
        processed = "processed"
    return [
        await initialize_conversation_for_user(PHONE, "restaurant-abc"),
        await initialize_conversation_for_user(odd, odd),
        await add_message_to_conversation("s", "restaurant-abc", "user", "hi"),
        await add_message_to_conversation("..", "restaurant-abc", "user", odd),
        await sync_graph_state_to_api("s", "restaurant-abc", {"cart": odd, "messages": [odd]}),
        await sync_graph_state_to_api("s", "restaurant-abc", odd),
        await link_order_to_conversation("s", "restaurant-abc", "o"),
        conv.session_id, await conv.add_user_message("x"), await conv.link_order("o"), processed,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "failure", [400, 401, 403, 404, 409, 429, 500, 502, 503, "<html>", "[]", '{"type":"3"}']
)
async def test_a_failing_server_never_stops_message_processing(
    sync: SyncServer, failure: int | str, caplog: pytest.LogCaptureFixture
) -> None:
    if isinstance(failure, int):
        sync.fails = failure
    else:
        sync.lies = failure
    before = sync_metrics.failed_syncs + sync_metrics.skipped_syncs
    assert not any(value for value in (await everything())[:-1])
    if failure != 404:
        assert "conversation sync error" in caplog.text
        assert sync_metrics.failed_syncs + sync_metrics.skipped_syncs > before


async def test_an_absent_server_costs_little_after_a_few_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARTAAI_API_BASE_URL", "http://127.0.0.1:9/gone")
    for _ in range(FAILURES + 2):
        assert await initialize_conversation_for_user(PHONE, "restaurant-abc") is None
    skipped = sync_metrics.skipped_syncs
    assert await add_message_to_conversation("s", "restaurant-abc", "user", "hi") is False
    assert sync_metrics.skipped_syncs == skipped + 1


async def test_a_silent_server_is_given_up_at_the_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(request: Any) -> Any:
        await asyncio.Event().wait()

    async with serving(silent) as url:
        monkeypatch.setenv("CARTAAI_API_BASE_URL", url)
        monkeypatch.setenv("CONVERSATION_API_TIMEOUT", "0.2")
        async with asyncio.timeout(10):
            assert await add_message_to_conversation("s", "restaurant-abc", "user", "hi") is False


async def test_sync_can_be_switched_off(
    sync: SyncServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("ENABLE_CONVERSATION_SYNC", "false")
    with caplog.at_level(logging.DEBUG):
        assert not any((await everything())[:-1])
    assert sync.calls == [] and "Conversation sync disabled" in caplog.text


async def test_what_processing_raises_is_passed_on(sync: SyncServer) -> None:
    with pytest.raises(KeyError):
        async with ConversationMiddleware(PHONE, "restaurant-abc"):
            raise KeyError

    @auto_sync_state
    async def node(state: dict[str, Any]) -> dict[str, Any]:
        raise KeyError

    with pytest.raises(KeyError):
        await node({})


async def test_decorators_sync_state_and_messages(sync: SyncServer) -> None:
    context = ConversationContext(PHONE, "restaurant-abc")
    assert await context.initialize()
    state: dict[str, Any] = {"conversation_context": context, "cart": {"items": [], "total": 0}}

    @auto_sync_state
    async def add_to_cart(state: dict[str, Any], name: str) -> dict[str, Any]:
        """Adds."""
        return {**state, "current_intent": "order", "cart": {"items": [name], "total": 5}}

    @track_messages(role="user")
    async def hear(state: dict[str, Any], content: str) -> dict[str, Any]:
        return state

    @track_messages(role="bot")
    async def respond(state: dict[str, Any]) -> dict[str, Any]:
        return {"response": "done"}

    assert (await add_to_cart(state, "Pizza"))["cart"]["total"] == 5 and add_to_cart.__name__ == "add_to_cart"
    await hear(state, content="one pizza")
    assert await respond(state) == {"response": "done"}
    assert await respond({}) == {"response": "done"}
    found = only(sync)["context"]
    assert found["selectedItems"] == ["Pizza"]
    assert [(m["role"], m["content"]) for m in found["previousMessages"]] == [
        ("user", "one pizza"),
        ("bot", "done"),
    ]
    assert context.user_messages == ["one pizza"] and context.bot_messages == ["done"]


async def test_a_conversation_of_another_subdomain_is_not_taken(sync: SyncServer) -> None:
    first = await initialize_conversation_for_user(PHONE, "one", bot_id="a")
    second = await initialize_conversation_for_user(PHONE, "two", bot_id="b")
    assert first != second and len(sync.sessions) == 2


async def test_the_environment_gives_subdomain_and_local_id(
    sync: SyncServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARTAAI_SUBDOMAIN", "mine")
    monkeypatch.setenv("CARTAAI_LOCAL_ID", "here")
    assert await initialize_conversation_for_user(PHONE)
    assert only(sync)["subDomain"] == "mine" and only(sync)["localId"] == "here"
    monkeypatch.delenv("CARTAAI_SUBDOMAIN")
    assert await initialize_conversation_for_user(PHONE) is None


def test_the_environment_and_its_defaults() -> None:
    plain = SyncSettings.read({})
    assert (
        plain.ENABLE_CONVERSATION_SYNC
        and plain.CONVERSATION_API_TIMEOUT == 10.0
        and not plain.USE_CARTAAI_API
    )
    assert (plain.CARTAAI_API_KEY, plain.CARTAAI_SUBDOMAIN) == (None, None)
    for text in ("never", "-1", "nan", "inf", "0"):
        assert SyncSettings.read({"CONVERSATION_API_TIMEOUT": text}).CONVERSATION_API_TIMEOUT == 10.0
    assert SyncSettings.read({"CONVERSATION_API_TIMEOUT": "2.5"}).CONVERSATION_API_TIMEOUT == 2.5
    for text in ("false", "0", "No", "off"):
        assert not SyncSettings.read({"ENABLE_CONVERSATION_SYNC": text}).ENABLE_CONVERSATION_SYNC


async def test_metrics_count_what_a_function_does() -> None:
    metrics = SyncMetrics()

    async def sync(done: bool) -> bool:
        return done

    async def broken() -> bool:
        raise OSError

    assert await metrics.sync_with_metrics(sync, True) is True
    assert await metrics.sync_with_metrics(sync, done=False) is False
    with pytest.raises(OSError):
        await metrics.sync_with_metrics(broken)
    assert (metrics.total_syncs, metrics.failed_syncs) == (1, 2) and metrics.avg_sync_time >= 0
    assert metrics.by_call["sync", "succeeded"] == 1


def test_the_breaker_rests_and_tries_one_call() -> None:
    now = [0.0]
    breaker = Breaker(lambda: now[0])
    for _ in range(FAILURES):
        assert breaker.allows("a")
        breaker.failed("a")
    assert not breaker.allows("a") and breaker.allows("b")
    now[0] = REST
    assert breaker.allows("a") and not breaker.allows("a")
    breaker.succeeded("a")
    assert breaker.allows("a") and breaker.allows("a")


def test_the_tenant_cache_is_bounded_in_size_and_time() -> None:
    now = [0.0]
    cache = TenantCache(lambda: now[0])
    for n in range(MAXSIZE + 1):
        cache.put(("s", "k", str(n)), {"sessionId": str(n)})
    assert cache.get(("s", "k", "0")) is None and cache.get(("s", "k", "1")) == {"sessionId": "1"}
    assert cache.get(("s", "other", "1")) is None
    now[0] = TTL
    assert cache.get(("s", "k", "1")) is None

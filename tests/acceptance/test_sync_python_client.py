"""The samples of the sync contract, run by the Python client against the server's `/sync`."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE

import pytest
import sync_samples
from desks import Account, fresh
from serving import OwnServer

from tertulia.client import AsyncClient, ConversationStateService, sync_metrics

LINKER = """
import asyncio, sys
from tertulia.client import link_order_to_conversation

async def link(session, *orders):
    print("ready", flush=True)
    sys.stdin.readline()
    for order in orders:
        print(await link_order_to_conversation(session, "restaurant-abc", order))

asyncio.run(link(*sys.argv[1:]))
"""
"""A process of the agent that links its orders one by one."""


@pytest.fixture
async def phone(other: Account, server: OwnServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """A phone number that is nobody's yet; the environment names the server and an API client of the account."""
    async with AsyncClient(server.url, server.token("admin", "sync-admin", other.id)) as admin:
        await admin.update_account(settings={"sub_domain": "restaurant-abc"})
        key = await admin.create_api_client(name=fresh("sync"))
    monkeypatch.setenv("CARTAAI_API_BASE_URL", f"{server.url}/sync")
    monkeypatch.setenv("CARTAAI_API_KEY", key["client_secret"])
    return f"+5199{os.urandom(3).hex().translate(str.maketrans('abcdef', '123456'))}"


async def test_pattern_1_simple_integration(phone: str) -> None:
    failed = sync_metrics.failed_syncs
    session_id = await sync_samples.simple_integration(phone, "hola")
    assert session_id is not None and session_id.startswith(f"bot123_{phone[1:]}_")
    async with ConversationStateService() as service:
        found = await service.get_conversation(session_id, "restaurant-abc")
    assert found is not None and found["currentIntent"] == "order" and found["currentStep"] == "cart"
    context = found["context"]
    assert context["orderIds"] == ["order-1"] and context["orderTotal"] == 15
    assert [m["content"] for m in context["previousMessages"]] == ["hola", "You said hola"]
    assert sync_metrics.failed_syncs == failed


async def test_orders_that_two_processes_link_at_once_are_all_kept(phone: str) -> None:
    session_id = await sync_samples.full_flow(phone)
    linked = {name: [f"{name}-{number}" for number in range(8)] for name in ("kitchen", "delivery")}
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", LINKER, str(session_id), *orders, stdin=PIPE, stdout=PIPE
        )
        for orders in linked.values()
    ]
    for process in processes:
        assert process.stdout is not None and await process.stdout.readline() == b"ready\n"
    assert [out for out, _ in await asyncio.gather(*(p.communicate(b"go\n") for p in processes))] == [
        b"True\n" * 8
    ] * 2
    async with ConversationStateService() as service:
        found = await service.get_conversation(session_id, "restaurant-abc")
    assert found is not None
    orders = found["context"]["orderIds"]
    assert sorted(orders) == sorted(linked["kitchen"] + linked["delivery"])
    for own in linked.values():
        assert [order for order in orders if order in own] == own


async def test_pattern_2_middleware_finds_the_same_conversation_again(phone: str) -> None:
    first = await sync_samples.middleware_pattern(phone, "hola")
    assert first is not None and await sync_samples.middleware_pattern(phone, "again") == first


async def test_pattern_3_direct_service(phone: str) -> None:
    session_id = await sync_samples.full_flow(phone)
    url, key = os.environ["CARTAAI_API_BASE_URL"], os.environ["CARTAAI_API_KEY"]
    found = await sync_samples.direct_service(url, key, phone)
    assert found["tenant"]["sessionId"] == session_id and found["tenant"]["isActive"] is True
    assert found["synced"]["currentStep"] == "processing_payment"
    assert (
        found["added"]["context"]["previousMessages"][-1]["content"]
        == "¡Perfecto! Tu pedido está confirmado."
    )


async def test_legacy_methods_and_what_is_not_there(phone: str) -> None:
    async with ConversationStateService() as service:
        assert await service.lookup_tenant_by_phone(phone) is None
        made = await service.create_conversation(phone, "restaurant-abc", "branch01", "bot123")
        assert made is not None
        assert await service.update_intent(made["sessionId"], "restaurant-abc", "order", "menu")
        assert await service.update_context(made["sessionId"], "restaurant-abc", {"orderTotal": 1})
        assert await service.add_message(made["sessionId"], "restaurant-abc", "user", "hi", {"n": 1})
        assert await service.get_conversation_by_phone(phone)
        assert await service.get_conversation("nobody_1_2_x", "restaurant-abc") is None
        assert await service.create_conversation(phone, "another-tenant") is None

"""The samples of the sync contract, as an agent runs them; only the import differs. `your_agent` stands for the agent."""
# ruff: noqa: DTZ003

from __future__ import annotations

from datetime import datetime
from typing import Any

from tertulia.client.conversation_middleware import ConversationMiddleware
from tertulia.client.conversation_state_service import ConversationStateService
from tertulia.client.conversation_sync_helper import (
    add_message_to_conversation,
    initialize_conversation_for_user,
    link_order_to_conversation,
    sync_graph_state_to_api,
)


class Agent:
    """Answers every message with an order."""

    async def process(self, message_text: str) -> dict[str, Any]:
        return {
            "current_intent": "order",
            "order_stage": "cart",
            "cart": {"items": [{"name": "Pizza", "quantity": 1, "price": 15.00}], "total": 15.00},
            "response": f"You said {message_text}",
            "order_id": "order-1",
        }


your_agent = Agent()


async def simple_integration(phone_number: str, message_text: str) -> str | None:
    # 1. Initialize conversation
    session_id = await initialize_conversation_for_user(
        user_phone=phone_number,
        sub_domain="restaurant-abc",  # From business lookup
        local_id="branch01",
        bot_id="bot123",
    )

    # 2. Add user message
    if session_id:
        await add_message_to_conversation(
            session_id=session_id, sub_domain="restaurant-abc", role="user", content=message_text
        )

    # 3. Process with your agent
    graph_state = await your_agent.process(message_text)

    # 4. Sync state
    if session_id:
        await sync_graph_state_to_api(
            session_id=session_id, sub_domain="restaurant-abc", graph_state=graph_state
        )

    # 5. Add bot response
    if session_id:
        await add_message_to_conversation(
            session_id=session_id, sub_domain="restaurant-abc", role="bot", content=graph_state["response"]
        )

    # 6. Link order (if created)
    if session_id and graph_state.get("order_id"):
        await link_order_to_conversation(
            session_id=session_id, sub_domain="restaurant-abc", order_id=graph_state["order_id"]
        )
    return session_id


async def middleware_pattern(phone_number: str, message_text: str) -> str | None:
    async with ConversationMiddleware(
        user_phone=phone_number, sub_domain="restaurant-abc", local_id="branch01"
    ) as conv:
        # Track user message
        await conv.add_user_message(message_text)

        # Process with agent
        graph_state = await your_agent.process(message_text)

        # Sync state
        await conv.sync_state(graph_state)

        # Track bot response
        await conv.add_bot_message(graph_state["response"])

        # Link order
        if graph_state.get("order_id"):
            await conv.link_order(graph_state["order_id"])
    return conv.session_id


async def direct_service(api_base_url: str, api_key: str, phone: str) -> dict[str, Any]:
    async with ConversationStateService(api_base_url=api_base_url, api_key=api_key) as service:
        # Lookup tenant
        tenant_info = await service.lookup_tenant_by_phone(phone)
        assert tenant_info is not None
        assert tenant_info["subDomain"] == "restaurant-abc"
        assert "sessionId" in tenant_info
        session_id = tenant_info["sessionId"]

        # Sync using unified endpoint
        synced = await service.sync_conversation_from_agent(
            session_id=session_id,
            intent="payment",
            step="processing_payment",
            context={
                "selectedItems": [{"name": "Pizza"}],
                "orderTotal": 50.00,
                "paymentMethod": "yape",
            },
            metadata={"agentProcessedAt": datetime.utcnow().isoformat(), "agentVersion": "1.0.0"},
        )

        # Add message using agent endpoint
        added = await service.add_message_from_agent(
            session_id=session_id, role="bot", content="¡Perfecto! Tu pedido está confirmado."
        )
    return {"tenant": tenant_info, "synced": synced, "added": added}


async def full_flow(phone_number: str) -> str | None:
    subdomain = "restaurant-abc"

    # 1. Initialize
    session_id = await initialize_conversation_for_user(user_phone=phone_number, sub_domain=subdomain)
    assert session_id is not None

    # 2. Add user message
    await add_message_to_conversation(
        session_id=session_id, sub_domain=subdomain, role="user", content="Quiero una pizza"
    )

    # 3. Sync state
    success = await sync_graph_state_to_api(
        session_id=session_id,
        sub_domain=subdomain,
        graph_state={"current_intent": "order", "order_stage": "selecting"},
    )
    assert success is True

    # 4. Add bot response
    await add_message_to_conversation(
        session_id=session_id,
        sub_domain=subdomain,
        role="bot",
        content="¡Perfecto! Te muestro nuestro menú de pizzas",
    )
    return session_id

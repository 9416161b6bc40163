"""Conversation sync in one call each. None of them ever raises; without sync they return None or False."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from .conversation_state_service import ConversationStateService, Data
from .sync_settings import SyncSettings

logger = logging.getLogger(__name__)

T = TypeVar("T")
_linking: WeakValueDictionary[tuple[int, str], asyncio.Lock] = WeakValueDictionary()
"""By event loop and session: who links an order reads the others first, and must not lose one that is linked meanwhile. Tertulia
joins the lists of several processes; this keeps a process from overtaking itself at a server that replaces them."""


async def initialize_conversation_for_user(
    user_phone: str,
    sub_domain: str | None = None,
    local_id: str | None = None,
    bot_id: str | None = None,
) -> str | None:
    """The session id of the phone's live conversation, which is opened where there is none.

    Subdomain and local id are by default those of the environment.
    """

    async def initialize(service: ConversationStateService) -> str | None:
        settings = SyncSettings.read()
        wanted = sub_domain or settings.CARTAAI_SUBDOMAIN
        if wanted is None:
            logger.warning("conversation sync error: no subdomain is given or configured")
            return None
        found = await service.get_conversation_by_phone(user_phone)
        if found is None or not _is_live(found, wanted):
            local = local_id or settings.CARTAAI_LOCAL_ID
            found = await service.create_conversation(user_phone, wanted, local, bot_id)
        return None if found is None else found.get("sessionId")

    return await _degrading(initialize, None)


async def sync_graph_state_to_api(
    session_id: str, sub_domain: str, graph_state: Mapping[str, Any], local_id: str | None = None
) -> bool:
    """Sync intent, step and cart of an agent's graph state. True if the server has stored them."""

    async def sync(service: ConversationStateService) -> bool:
        intent, step = graph_state.get("current_intent"), graph_state.get("order_stage")
        metadata = {"agentProcessedAt": datetime.now(UTC).isoformat()}
        context = context_of(graph_state)
        return (
            await service.sync_conversation_from_agent(session_id, intent, step, context, metadata)
            is not None
        )

    return await _degrading(sync, False)


async def add_message_to_conversation(
    session_id: str, sub_domain: str, role: str, content: str, local_id: str | None = None
) -> bool:
    """Add a message; `role` is `user` or `bot`. True if the server has it."""

    async def add(service: ConversationStateService) -> bool:
        return await service.add_message(session_id, sub_domain, role, content) is not None

    return await _degrading(add, False)


async def link_order_to_conversation(
    session_id: str, sub_domain: str, order_id: str, local_id: str | None = None
) -> bool:
    """Add an order to the conversation's `orderIds`. True if the server has it."""

    async def link(service: ConversationStateService) -> bool:
        loop = id(asyncio.get_running_loop())
        async with _linking.setdefault((loop, str(session_id)), asyncio.Lock()):
            found = await service.get_conversation(session_id, sub_domain)
            if found is None:
                return False
            known = (found.get("context") or {}).get("orderIds") or []
            if order_id in known:
                return True
            linked = {"orderIds": [*known, order_id]}
            return await service.update_context(session_id, sub_domain, linked) is not None

    return await _degrading(link, False)


def context_of(graph_state: Mapping[str, Any]) -> Data:
    """The contract's context of a graph state: the cart's items and total, and how it is paid."""
    cart = graph_state.get("cart")
    given = {"paymentMethod": graph_state.get("payment_method")}
    if isinstance(cart, Mapping):
        given |= {"selectedItems": cart.get("items"), "orderTotal": cart.get("total")}
    return {name: value for name, value in given.items() if value is not None}


def _is_live(conversation: Data, sub_domain: str) -> bool:
    same = conversation.get("subDomain", sub_domain) == sub_domain
    return same and conversation.get("isActive") is not False and bool(conversation.get("sessionId"))


async def _degrading(do: Callable[[ConversationStateService], Awaitable[T]], otherwise: T) -> T:
    """Do something with a service; whatever goes wrong is logged."""
    if not SyncSettings.read().ENABLE_CONVERSATION_SYNC:
        logger.debug("Conversation sync disabled")
        return otherwise
    try:
        async with ConversationStateService() as service:
            return await do(service)
    except Exception:
        logger.exception("conversation sync error")
        return otherwise

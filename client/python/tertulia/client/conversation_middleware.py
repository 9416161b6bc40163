"""Conversation sync around message processing: a context manager, and decorators for the nodes of an agent's graph.

Exceptions of the processing itself are passed on; sync never raises one.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, TypeVar

from .conversation_sync_helper import (
    add_message_to_conversation,
    initialize_conversation_for_user,
    link_order_to_conversation,
    sync_graph_state_to_api,
)

logger = logging.getLogger(__name__)

P = ParamSpec("P")
S = TypeVar("S", bound=Mapping[str, Any])
R = TypeVar("R")
CONTEXT = "conversation_context"
"""The key of a graph's state under which the decorators find the conversation."""


class ConversationContext:
    """One conversation while a message is processed. It also notes what went through it."""

    def __init__(
        self, user_phone: str, sub_domain: str, local_id: str | None = None, bot_id: str | None = None
    ) -> None:
        self.user_phone = user_phone
        self.sub_domain = sub_domain
        self.local_id = local_id
        self.bot_id = bot_id
        self.session_id: str | None = None
        self.user_messages: list[str] = []
        self.bot_messages: list[str] = []
        self.state_updates: list[Mapping[str, Any]] = []
        self.order_ids: list[str] = []

    async def initialize(self) -> bool:
        """Find or open the conversation. False without sync; then the methods below only note what they get."""
        self.session_id = await initialize_conversation_for_user(
            self.user_phone, self.sub_domain, self.local_id, self.bot_id
        )
        return self.session_id is not None

    async def add_user_message(self, content: str) -> bool:
        """Record what the customer wrote."""
        self.user_messages.append(content)
        return await self._add("user", content)

    async def add_bot_message(self, content: str) -> bool:
        """Record what the agent answered."""
        self.bot_messages.append(content)
        return await self._add("bot", content)

    async def _add(self, role: str, content: str) -> bool:
        if self.session_id is None:
            return False
        return await add_message_to_conversation(
            self.session_id, self.sub_domain, role, content, self.local_id
        )

    async def sync_state(self, graph_state: Mapping[str, Any]) -> bool:
        """Sync the graph's state."""
        self.state_updates.append(graph_state)
        if self.session_id is None:
            return False
        return await sync_graph_state_to_api(self.session_id, self.sub_domain, graph_state, self.local_id)

    async def link_order(self, order_id: str) -> bool:
        """Link an order."""
        self.order_ids.append(order_id)
        if self.session_id is None:
            return False
        return await link_order_to_conversation(self.session_id, self.sub_domain, order_id, self.local_id)


class ConversationMiddleware:
    """`async with ConversationMiddleware(phone, sub_domain) as conv:` gives the initialized `ConversationContext`."""

    def __init__(
        self, user_phone: str, sub_domain: str, local_id: str | None = None, bot_id: str | None = None
    ) -> None:
        self.context = ConversationContext(user_phone, sub_domain, local_id, bot_id)

    async def __aenter__(self) -> ConversationContext:
        await self.context.initialize()
        return self.context

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            logger.error("message processing failed: %r", error)


def auto_sync_state(
    func: Callable[Concatenate[S, P], Awaitable[R]],
) -> Callable[Concatenate[S, P], Awaitable[R]]:
    """Sync the state that a node returns. The node's first argument is the state; its `conversation_context` is used."""

    @functools.wraps(func)
    async def wrapper(state: S, *args: P.args, **kwargs: P.kwargs) -> R:
        result = await func(state, *args, **kwargs)
        context = _context_of(state)
        if context is not None and isinstance(result, Mapping):
            await context.sync_state(result)
        return result

    return wrapper


def track_messages(
    role: str,
) -> Callable[[Callable[Concatenate[S, P], Awaitable[R]]], Callable[Concatenate[S, P], Awaitable[R]]]:
    """Record the message of a node: for `user` its argument `content` or the state's `user_message` or
    `last_user_message`; for `bot` the `response` or `bot_message` of what it returns, or the last of its `messages`."""

    def decorator(
        func: Callable[Concatenate[S, P], Awaitable[R]],
    ) -> Callable[Concatenate[S, P], Awaitable[R]]:
        @functools.wraps(func)
        async def wrapper(state: S, *args: P.args, **kwargs: P.kwargs) -> R:
            result = await func(state, *args, **kwargs)
            context = _context_of(state)
            if context is not None:
                content = _user_message(state, kwargs) if role == "user" else _bot_message(result)
                if content:
                    await (context.add_user_message if role == "user" else context.add_bot_message)(content)
            return result

        return wrapper

    return decorator


def _context_of(state: object) -> ConversationContext | None:
    found = state.get(CONTEXT) if isinstance(state, Mapping) else None
    return found if isinstance(found, ConversationContext) else None


def _user_message(state: Mapping[str, Any], named: Mapping[str, Any]) -> str | None:
    for found in (named.get("content"), state.get("user_message"), state.get("last_user_message")):
        if isinstance(found, str) and found:
            return found
    return None


def _bot_message(result: object) -> str | None:
    if not isinstance(result, Mapping):
        return None
    messages = result.get("messages")
    last = messages[-1] if isinstance(messages, list | tuple) and messages else None
    content = last.get("content") if isinstance(last, Mapping) else getattr(last, "content", None)
    for found in (result.get("response"), result.get("bot_message"), content):
        if isinstance(found, str) and found:
            return found
    return None

"""`/assistant/api/v1/conversations/`: opening and reading conversations, and their messages."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from ....core.conversation.state import Conversation
from ....core.errors import NotFound
from ...actions import assistant
from ...actions import conversations as actions
from ...framework.endpoint import Call, Route, answer
from ...routes.conversation.messages import visible
from . import shapes
from .gate import GATE
from .shapes import (
    BASE,
    TAG,
    AssistantConversation,
    AssistantHealth,
    AssistantMessage,
    AssistantMessagesQuery,
    NewAssistantConversation,
    NewAssistantMessage,
)


async def health(call: Call[None]) -> web.Response:
    return answer(AssistantHealth())


async def create(call: Call[NewAssistantConversation]) -> web.Response:
    body = call.body
    c = await assistant.open_conversation(call, body.title, body.owner_id, body.metadata_json or {})
    return answer(shapes.conversation(c), 201)


async def read(call: Call[None]) -> web.Response:
    return answer(shapes.conversation(await own(call)))


async def messages(call: Call[None]) -> web.Response:
    c = await own(call)
    entries = await call.services.stores.conversations.messages(
        call.account_id, [c.id], before=None, after=None, limit=call.query.limit, public=True
    )
    return answer(list(map(shapes.message, entries)))


async def post(call: Call[NewAssistantMessage]) -> web.Response:
    c, body = await own(call), call.body
    new = actions.NewMessage(body.content, shapes.SENDERS[body.role], metadata=body.metadata_json or {})
    done = await assistant.post(call, c, new, body.role)
    return answer(shapes.message(done.entries[0]), 200 if done.repeated else 201)


async def own(call: Call[Any]) -> Conversation:
    """The assistant's conversation in the path. Raises NotFound, Forbidden."""
    assistant.check_channel(call)
    c = await visible(call, call.id())
    if c.erased or c.channel_id != assistant.assistant_channel_id(call.account_id):
        raise NotFound("Conversation not found")
    return c


OWN: Final[dict[str, Any]] = {
    "tag": TAG,
    "gate": GATE,
    "refused": shapes.refused,
    "error": shapes.AssistantError,
}
PATH: Final = BASE + "/conversations/"
ROUTES = [
    Route("GET", BASE + "/health", health, None, {200: AssistantHealth}, "assistantHealth", "Whether the service answers",
          tag=TAG, refused=shapes.refused, error=shapes.AssistantError),
    Route("POST", PATH, create, "message.write", {201: AssistantConversation}, "assistantCreateConversation", "Create a conversation",
          body=NewAssistantConversation, **OWN),
    Route("GET", PATH + "{id}", read, "conversation.read", {200: AssistantConversation}, "assistantGetConversation",
          "Get a conversation", refuses=(404,), **OWN),
    Route("GET", PATH + "{id}/messages", messages, "conversation.read", {200: list[AssistantMessage]}, "assistantListMessages",
          "A conversation's newest messages, oldest first", query=AssistantMessagesQuery, refuses=(404,), **OWN),
    Route("POST", PATH + "{id}/messages", post, "message.write", {200: AssistantMessage, 201: AssistantMessage}, "assistantAddMessage",
          "Append a message; a user's is answered in the background", body=NewAssistantMessage, refuses=(404, 409), **OWN),
]  # fmt: skip

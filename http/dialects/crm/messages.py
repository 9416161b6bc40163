"""`/crm/api/v1/messages`, and the messages of a conversation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec
from aiohttp import web

from ....core.accounts.principal import Principal, Role
from ....core.conversation.commands import By, Done, Post, Recall
from ....core.conversation.recent_messages import CONTEXT_SIZE
from ....core.errors import Forbidden
from ...actions import conversations as actions
from ...framework.endpoint import Call, CommandHandler, Route, answer
from ...routes.conversation.messages import visible
from . import imported
from .gate import GATE
from .health import BASE, TAG
from .shapes import SENDER_TYPES, CrmMessage, CrmSender, message

MOST: Final = 1000
"""Messages of one answer; clients may ask for more and get so many."""
Count = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]


class NewCrmMessage(msgspec.Struct, frozen=True):
    """`whatsapp_message_id` is the provider's: a message with the same id exists once."""

    conversation_id: str
    sender_type: CrmSender
    content: actions.Content
    whatsapp_message_id: actions.Key | None = None
    metadata: dict[str, Any] | None = None


class CreatedCrmMessage(msgspec.Struct, frozen=True):
    """`handoff_reason` only where the message handed the conversation to a human."""

    message: CrmMessage
    handoff_requested: bool
    handoff_reason: str | msgspec.UnsetType = msgspec.UNSET


class CrmMessagesQuery(msgspec.Struct, frozen=True):
    limit: Count = 50


class CrmRecentQuery(msgspec.Struct, frozen=True):
    count: Count = 4


def _to_post(principal: Principal, headers: Mapping[str, str], body: NewCrmMessage) -> Post:
    if principal.role is Role.CUSTOMER:
        raise Forbidden("customers write through the web chat")
    if body.whatsapp_message_id is not None and principal.role is not Role.SERVICE:
        raise Forbidden("only a service may say what a message's id is at its provider")
    new = actions.NewMessage(body.content, SENDER_TYPES[body.sender_type], metadata=body.metadata or {})
    return actions.to_post(principal, headers, new, external_id=body.whatsapp_message_id)


def _answer(by: By, done: Done) -> tuple[int, CreatedCrmMessage]:
    reason = msgspec.UNSET if done.handoff is None else done.handoff
    made = CreatedCrmMessage(message(done.entries[0]), done.handoff is not None, reason)
    return 200 if done.repeated else 201, made


def _target(body: NewCrmMessage) -> str:
    return actions.conversation_id(body.conversation_id)


async def _ask(call: Call[NewCrmMessage]) -> Done:
    command = _to_post(call.principal, call.request.headers, call.body)
    id = await imported.conversation_id(call.services, call.account_id, call.body.conversation_id)
    return await call.ask(command, conversation=id)


def _looks_up(body: NewCrmMessage) -> bool:
    return imported.is_imported(body.conversation_id)


create = CommandHandler(_to_post, _answer, looks_up=_looks_up, ask=_ask, target=_target)


async def newest(call: Call[Any], conversation_id: str, limit: int) -> list[CrmMessage]:
    """The newest public messages, oldest first."""
    entries = await call.services.stores.conversations.messages(
        call.account_id, [conversation_id], before=None, after=None, limit=min(limit, MOST), public=True
    )
    return list(map(message, entries))


async def index(call: Call[None]) -> web.Response:
    c = await visible(call, await imported.of_path(call))
    return answer(await newest(call, c.id, call.query.limit))


async def recent(call: Call[None]) -> web.Response:
    done = await call.ask(
        Recall(min(call.query.count, CONTEXT_SIZE)), conversation=await imported.of_path(call)
    )
    return answer(list(map(message, done.entries)))


OF_CONVERSATION = BASE + "/api/v1/conversations/{id}/messages"
ROUTES = [
    Route("POST", f"{BASE}/api/v1/messages", create, "message.write", {201: CreatedCrmMessage, 200: CreatedCrmMessage},
          "crmCreateMessage", "Store a message; says whether it handed the conversation to a human", body=NewCrmMessage, tag=TAG, gate=GATE,
          refuses=(404,)),
    Route("GET", OF_CONVERSATION, index, "inbox.read", {200: list[CrmMessage]}, "crmListMessages", "The newest messages, oldest first",
          query=CrmMessagesQuery, tag=TAG, gate=GATE),
    Route("GET", OF_CONVERSATION + "/recent", recent, "inbox.read", {200: list[CrmMessage]},
          "crmRecentMessages", "The newest messages for a prompt, from the actor's memory", query=CrmRecentQuery, tag=TAG, gate=GATE),
]  # fmt: skip

"""`…/{id}/messages`, `…/entries`, `…/context`: the contents of a conversation."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from aiohttp import web

from ....core.accounts.principal import CUSTOMER
from ....core.conversation.commands import By, Done, Recall
from ....core.conversation.recent_messages import CONTEXT_SIZE
from ....core.conversation.state import Conversation
from ....core.errors import NotFound
from ....core.text.fields import about
from ....core.views import customers
from ....core.views.conversations import EntryView, MessageView, entry_view, message_view
from ....core.views.stream_events import events_of
from ...actions import conversations as actions
from ...framework.endpoint import Call, CommandHandler, Route, answer
from ...streams.topics import may_see

TAG = "messages"


class MessagesPage(msgspec.Struct, frozen=True):
    items: Annotated[list[MessageView], about("The messages, oldest first")]
    has_more: Annotated[bool, about("Whether there are more in this direction")]


class EntriesPage(msgspec.Struct, frozen=True):
    items: Annotated[list[EntryView], about("The entries, oldest first")]
    has_more: Annotated[bool, about("Whether there are more after these")]


class ConversationContext(msgspec.Struct, frozen=True):
    items: Annotated[list[MessageView], about("The messages, oldest first")]


class MessagesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    limit: Annotated[int, msgspec.Meta(ge=1, le=200), about("Most messages per page")] = 50
    before_seq: Annotated[actions.Seq | None, about("Only messages before this number")] = None
    after_seq: Annotated[actions.Seq | None, about("Only messages after this number")] = None


class EntriesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    limit: Annotated[int, msgspec.Meta(ge=1, le=200), about("Most entries per page")] = 50
    after_seq: Annotated[actions.Seq, about("Only entries after this number")] = 0


class ContextQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    count: Annotated[int, msgspec.Meta(ge=1, le=CONTEXT_SIZE), about("The number of messages")] = 4


async def visible(call: Call[Any], conversation_id: str) -> Conversation:
    """The conversation, if the caller may see it. Raises NotFound."""
    c = await call.services.stores.conversations.get(call.account_id, conversation_id)
    if c is None or not may_see(call.principal, c):
        raise NotFound("no such conversation")
    return c


def answered(by: By, done: Done) -> tuple[int, MessageView]:
    """The status, and the message as its sender may see it."""
    view = message_view(done.entries[0])
    return 200 if done.repeated else 201, customers.message_view(view) if by.role == CUSTOMER else view


async def _ask(call: Call[actions.NewMessage]) -> Done:
    return await actions.post(call, call.id(), call.body)


create = CommandHandler(actions.to_post, answered, looks_up=actions.needs_lookup, ask=_ask)


async def page(call: Call[Any], conversations: list[str], query: MessagesQuery) -> MessagesPage:
    """One page of messages; `has_more` refers to the requested direction."""
    entries = await call.services.stores.conversations.messages(
        call.account_id,
        conversations,
        before=query.before_seq,
        after=query.after_seq,
        limit=query.limit + 1,
        public=call.principal.role is CUSTOMER,
    )
    more = len(entries) > query.limit
    forward = query.after_seq is not None and query.before_seq is None
    entries = (entries[: query.limit] if forward else entries[-query.limit :]) if more else entries
    return MessagesPage([actions.message_of(call, e) for e in entries], more)


async def read(call: Call[None]) -> web.Response:
    c = await visible(call, call.id())
    return answer(await page(call, [c.id], call.query))


async def entries(call: Call[None]) -> web.Response:
    c = await visible(call, call.id())
    query: EntriesQuery = call.query
    found = await call.services.stores.conversations.entries(
        call.account_id, c.id, after=query.after_seq, limit=query.limit + 1
    )
    shown = found[: query.limit]
    if call.principal.role is CUSTOMER:
        public = (e for e in shown if any(event.public for event in events_of(e)))
        items = [customers.entry_view(e) for e in public]
    else:
        items = [entry_view(e) for e in shown]
    return answer(EntriesPage(items, len(found) > query.limit))


async def context(call: Call[None]) -> web.Response:
    done = await call.ask(Recall(call.query.count), conversation=call.id())
    return answer(ConversationContext([actions.message_of(call, e) for e in done.entries]))


BASE = "/v1/conversations/{id}"
ROUTES = [
    Route(
        "POST",
        f"{BASE}/messages",
        create,
        "message.write",
        {201: MessageView, 200: MessageView},
        "createMessage",
        "Write a message or a note; repeating a client_message_id returns the original with 200",
        body=actions.NewMessage,
        tag=TAG,
        reads=("Idempotency-Key",),
        example={"content": "Where is my refund?", "client_message_id": "m-1"},
    ),
    Route(
        "GET",
        f"{BASE}/messages",
        read,
        "conversation.read",
        {200: MessagesPage},
        "listMessages",
        "Messages, oldest first",
        query=MessagesQuery,
        tag=TAG,
    ),
    Route(
        "GET",
        f"{BASE}/entries",
        entries,
        "conversation.read",
        {200: EntriesPage},
        "listEntries",
        "Every entry, oldest first",
        query=EntriesQuery,
        tag=TAG,
    ),
    Route(
        "GET",
        f"{BASE}/context",
        context,
        "inbox.read",
        {200: ConversationContext},
        "getConversationContext",
        "The newest public messages, from the actor's memory",
        query=ContextQuery,
        tag=TAG,
    ),
]

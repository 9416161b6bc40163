"""`/v1/conversations/{id}/draft`: agents' unsent texts, stored on the server and shown to colleagues.

A draft is not an entry: it has no number and is never replayed. Changes reach the conversation's readers as hints.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from aiohttp import web

from ....core.accounts.agents_and_teams import Draft
from ....core.errors import Conflict
from ....core.text.fields import AgentId, ConversationId, UpdatedAt, about
from ....core.times import rfc3339
from ....core.views.stream_events import conversation_topic
from ...framework.endpoint import Call, Route, answer, no_content
from .messages import visible

TAG = "messages"
EVENT = "conversation:draft"


Text = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=65_536,
        description="The whole text so far",
        examples=["Dear Marta, your parcel"],
    ),
]
ForNote = Annotated[bool, about("Whether it will be a private note", False)]


class NewDraft(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`PUT …/draft`."""

    content: Text
    is_private: ForNote = False


class DraftView(msgspec.Struct, frozen=True):
    """An agent's unsent text."""

    conversation_id: ConversationId
    user_id: AgentId
    name: Annotated[str | None, about("The agent's name, if known", "Abeba")]
    content: Text
    is_private: ForNote
    updated_at: UpdatedAt


class DraftsView(msgspec.Struct, frozen=True):
    """The newest 100, the newest first."""

    items: Annotated[list[DraftView], about("The drafts")]


def _view(draft: Draft) -> DraftView:
    return DraftView(
        draft.conversation_id,
        draft.user_id,
        draft.name,
        draft.content,
        draft.is_private,
        rfc3339(draft.updated_at),
    )


async def put(call: Call[NewDraft]) -> web.Response:
    c, body = await visible(call, call.id()), call.body
    kept = await call.services.stores.drafts.put(
        call.account_id, c.id, call.principal.user_id, body.content, body.is_private
    )
    if kept is None:
        raise Conflict(f"the conversation is {c.status}", current={"status": c.status})
    view = _view(kept)
    await _notify_team(call, c.id, msgspec.structs.asdict(view))
    return answer(view)


async def index(call: Call[None]) -> web.Response:
    c = await visible(call, call.id())
    return answer(DraftsView([_view(d) for d in await call.services.stores.drafts.of(call.account_id, c.id)]))


async def delete(call: Call[None]) -> web.Response:
    c, user_id = await visible(call, call.id()), call.principal.user_id
    if await call.services.stores.drafts.delete(call.account_id, c.id, user_id):
        gone = {
            "conversation_id": c.id,
            "user_id": user_id,
            "name": None,
            "content": None,
            "is_private": False,
        }
        await _notify_team(call, c.id, gone | {"updated_at": None})
    return no_content()


async def _notify_team(call: Call[Any], conversation_id: str, data: dict[str, Any]) -> None:
    topics = [conversation_topic(conversation_id)]
    await call.services.hints.send(call.account_id, EVENT, data, topics, conversation_id)


BASE = "/v1/conversations/{id}"
ROUTES = [
    Route("PUT", BASE + "/draft", put, "me", {200: DraftView}, "keepDraft",
          "Save one's own draft; colleagues see it, customers never do", body=NewDraft, tag=TAG, refuses=(404, 409)),
    Route("DELETE", BASE + "/draft", delete, "me", {204: None}, "deleteDraft", "Delete one's own draft", tag=TAG, refuses=(404,)),
    Route("GET", BASE + "/drafts", index, "inbox.read", {200: DraftsView}, "listDrafts", "Agents' drafts in a conversation",
          tag=TAG, refuses=(404,)),
]  # fmt: skip

"""`/crm/api/v1/conversations`: opening, reading, handing off, assigning, statuses."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
from aiohttp import web

from ....actors.clock import now_ms
from ....core.accounts.user_ids import shown_name
from ....core.conversation.commands import Done
from ...actions import conversations as actions
from ...actions.older_services import recording_channel
from ...actions.opening import open_conversation
from ...framework.endpoint import Call, Route, answer
from ...framework.pagination import author
from ...routes.conversation.messages import visible
from . import imported, messages, statuses
from .gate import GATE
from .health import BASE, TAG
from .shapes import CrmConversation, CrmConversationDetail, CrmStatus, OutletId, conversation

MOST_ACTIVE: Final = 1000
"""Conversations of one answer, the newest."""
UserId = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
CustomerName = Annotated[str, msgspec.Meta(max_length=255)]
"""The name that a customer chose at WhatsApp, whatever is in it. What deceives the eye is left out, as of names in webhooks."""
Reason = Annotated[str, msgspec.Meta(max_length=1000)]


class NewCrmConversation(msgspec.Struct, frozen=True):
    customer_phone: actions.Identifier
    outlet_id: OutletId | None = None
    customer_name: CustomerName | None = None


class CrmHandoff(msgspec.Struct, frozen=True):
    reason: Reason | None = None
    agent_id: UserId | None = None


class CrmAssignment(msgspec.Struct, frozen=True):
    agent_id: UserId


class CrmStatusChange(msgspec.Struct, frozen=True):
    status: CrmStatus


class CrmReadQuery(msgspec.Struct, frozen=True):
    include_messages: Literal["true", "false", "1", "0"] = "false"


class CrmActiveQuery(msgspec.Struct, frozen=True):
    outlet_id: OutletId | None = None


def shown(done: Done) -> web.Response:
    """The conversation after a command."""
    assert done.conversation is not None
    return answer(conversation(done.conversation))


async def whatsapp_channel(call: Call[Any]) -> str:
    """The account's WhatsApp channel. Where there is none, one is made that only records: the CRM's clients send by themselves."""
    channels = call.services.stores.channels
    found = await channels.first(call.account_id, "whatsapp")
    if found is None:
        found = await channels.ensure(recording_channel(call.account_id, now_ms()), author(call))
    return found.id


async def _open(call: Call[NewCrmConversation], *, find: bool) -> Done:
    body = call.body
    wanted = actions.NewConversation(
        channel_id=await whatsapp_channel(call),
        contact_identifier=body.customer_phone,
        contact_name=shown_name(body.customer_name),
        outlet_id=None if body.outlet_id is None else body.outlet_id.lower(),
    )
    return await open_conversation(call, wanted, find=find, field="customer_phone")


async def create(call: Call[NewCrmConversation]) -> web.Response:
    done = await _open(call, find=False)
    assert done.conversation is not None
    return answer(conversation(done.conversation), 201)


async def find_or_create(call: Call[NewCrmConversation]) -> web.Response:
    done = await _open(call, find=True)
    assert done.conversation is not None
    return answer(conversation(done.conversation), 200 if done.repeated else 201)


async def read(call: Call[None]) -> web.Response:
    c = await visible(call, await imported.of_path(call))
    view = conversation(c)
    if call.query.include_messages in ("false", "0"):
        return answer(view)
    found = await messages.newest(call, c.id, messages.MOST)
    return answer(CrmConversationDetail(**msgspec.structs.asdict(view), messages=found))


async def active(call: Call[None]) -> web.Response:
    outlet = call.query.outlet_id
    found = await call.services.stores.conversations.with_bots(
        call.account_id, None if outlet is None else outlet.lower(), MOST_ACTIVE
    )
    return answer(list(map(conversation, found)))


async def handoff(call: Call[CrmHandoff]) -> web.Response:
    return shown(
        await statuses.hand_off(
            call, await imported.of_path(call), call.body.reason or statuses.NO_REASON, call.body.agent_id
        )
    )


async def assign(call: Call[CrmAssignment]) -> web.Response:
    return shown(await actions.assign(call, await imported.of_path(call), call.body.agent_id))


async def set_status(call: Call[CrmStatusChange]) -> web.Response:
    c = await visible(call, await imported.of_path(call))
    return answer(conversation(await statuses.change(call, c, call.body.status)))


CONVERSATIONS = BASE + "/api/v1/conversations"
ONE = {200: CrmConversation}
ROUTES = [
    Route("POST", CONVERSATIONS, create, "conversation.create", {201: CrmConversation}, "crmCreateConversation", "Open a conversation",
          body=NewCrmConversation, tag=TAG, gate=GATE),
    Route("POST", f"{CONVERSATIONS}/find-or-create", find_or_create, "conversation.create",
          {200: CrmConversation, 201: CrmConversation}, "crmFindOrCreateConversation", "The customer's live conversation, or a new one",
          body=NewCrmConversation, tag=TAG, gate=GATE),
    Route("GET", f"{CONVERSATIONS}/active", active, "inbox.read", {200: list[CrmConversation]},
          "crmActiveConversations", "Conversations with status active, oldest first", query=CrmActiveQuery, tag=TAG, gate=GATE,
          expensive=lambda query: True),
    Route("GET", CONVERSATIONS + "/{id}", read, "inbox.read", {200: CrmConversationDetail}, "crmGetConversation", "One conversation",
          query=CrmReadQuery, tag=TAG, gate=GATE),
    Route("POST", CONVERSATIONS + "/{id}/handoff", handoff, "conversation.handoff", ONE, "crmRequestHandoff", "Hand over to a human",
          body=CrmHandoff, body_optional=True, tag=TAG, gate=GATE),
    Route("PUT", CONVERSATIONS + "/{id}/assign", assign, "conversation.update", ONE, "crmAssignAgent", "Assign to an agent",
          body=CrmAssignment, tag=TAG, gate=GATE),
    Route("PUT", CONVERSATIONS + "/{id}/status", set_status, "conversation.update", ONE, "crmSetStatus", "Set the status",
          body=CrmStatusChange, tag=TAG, gate=GATE),
]  # fmt: skip

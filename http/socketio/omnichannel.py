"""The omnichannel contract's namespaces: `/agents` for the team, `/customers` for web chat.

A client's events are the messages of the WebSocket (`routes/streams/messages.py`), under the same names and with the same rules.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from aiohttp import web

from ...core.accounts.principal import Principal, Role
from ...core.errors import BY_CODE, Forbidden, Malformed, TertuliaError
from ...core.views.stream_events import EventView, conversation_topic
from ..routes.streams.messages import respond
from ..streams import topics as topic_rules
from ..streams.session import Session
from .namespaces import Handshake, Namespace, to_json
from .readers import Event, LastSeen

AS_UPDATE: Final = {"conversation:status": ("to", "status"), "agent:assigned": ("agent_id", "assignee_id")}
"""Events that the contract knows as `conversation:updated`, with the field that changed: theirs and the conversation's."""


class _Reply(msgspec.Struct, frozen=True):
    type: str
    data: Any = None
    error: dict[str, Any] = {}


class _Contract(Namespace):
    """The behaviour that both namespaces share."""

    @abstractmethod
    async def admit(self, principal: Principal) -> None:
        """Raises Forbidden."""

    async def welcome(self, eio_sid: str, sid: str, request: web.Request, given: Handshake) -> None:
        principal = await self.principal(given)
        await self.admit(principal)
        topics = await topic_rules.defaults(principal, self.services.stores.conversations)
        reader = await self.open(eio_sid, sid, request, principal, topics, LastSeen(given.since))
        if principal.role is Role.CUSTOMER:
            self.services.hub.follow(reader.session)

    async def answer(self, eio_sid: str, sid: str, event: str, data: dict[str, Any]) -> Any:
        (reader,) = self.readers.get(eio_sid, self.name)
        message: dict[str, Any] = {**data, "type": event, "ref": 0}
        joins = event == "conversation:join" and isinstance(data.get("conversation_id"), str)
        since = data.get("since") or reader.since
        if joins and since is not None:
            topic = f"conversation:{data['conversation_id']}"
            message = {"type": "subscribe", "ref": 0, "topics": [topic], "since": since}
        elif joins:
            message.pop("since", None)
        text = await respond(reader.call, reader.session, to_json(message))
        if text is None:
            raise Malformed("the event has no answer")
        reply = msgspec.json.decode(text, type=_Reply)
        if reply.type == "error":
            raise _error(reply.error)
        return {"conversation_id": data["conversation_id"].lower()} if joins else reply.data

    async def shape(self, session: Session, event: EventView) -> Sequence[Event]:
        data = event.data
        if event.conversation_id is not None and isinstance(data, dict):
            data = {**data, "conversation_id": event.conversation_id}
        found: list[Event] = [(event.type, data)]
        if (row := AS_UPDATE.get(event.type)) is not None:
            theirs, ours = row
            update = {"conversation_id": event.conversation_id, ours: event.data.get(theirs)}
            found.append(("conversation:updated", update))
        return found


def _error(problem: dict[str, Any]) -> TertuliaError:
    """The error that an answer of the WebSocket tells of."""
    errors = tuple((e["path"], e["message"]) for e in problem.get("errors", ()))
    kind = BY_CODE.get(problem["code"], TertuliaError)
    return kind(
        problem["detail"],
        errors=errors,
        current=problem.get("current"),
        retry_after=problem.get("retry_after"),
    )


class AgentsNamespace(_Contract):
    """`/agents`: rooms `account:{id}` and `user:{id}` from the start, `conv:{id}` by `conversation:join`."""

    async def admit(self, principal: Principal) -> None:
        if principal.role is Role.CUSTOMER:
            raise Forbidden("customers have a namespace of their own: /customers")

    async def shape(self, session: Session, event: EventView) -> Sequence[Event]:
        of_room = conversation_topic(event.conversation_id or "") in session.topics
        if event.type == "conversation:message" and not of_room:
            return ()  # messages go to the conversation's room alone
        return await super().shape(session, event)


class CustomersNamespace(_Contract):
    """`/customers`: a customer's own conversations, those to come too."""

    async def admit(self, principal: Principal) -> None:
        if principal.role is not Role.CUSTOMER:
            raise Forbidden("this namespace is for customers; the team's is /agents")

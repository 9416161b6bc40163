"""The CRM's namespace `/`: rooms for tenants and conversations, takeover, and events in the CRM's shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from ...core.accounts.principal import Role
from ...core.conversation.status import Status
from ...core.errors import Conflict, Forbidden, Invalid, NotFound
from ...core.ids import is_uuid
from ...core.views.stream_events import EventView, account_topic, conversation_topic
from ..actions import conversations as actions
from ..dialects.crm import imported, shapes
from ..dialects.crm.gate import TENANT, tenant_id, trusted
from ..streams.session import Session
from ..streams.topics import resolve
from .namespaces import MAX_SINCE, Handshake, Namespace
from .readers import Event, LastSeen, Reader

_NOT_VALID: Final = "the event's data is not valid"
MAX_TENANTS: Final = 20
"""Tenants whose rooms one connection may join, where the operator trusts whoever names them."""
_SEEN: Final = "tertulia.crm_seen"
"""Where a connection keeps its LastSeen: its readers may come later than itself, one for each tenant."""


class CrmNamespace(Namespace):
    async def welcome(self, eio_sid: str, sid: str, request: web.Request, given: Handshake) -> None:
        seen = self.engine.server.environ[eio_sid][_SEEN] = LastSeen(given.since)
        header = request.headers.get(TENANT)
        tenant = None if header is None and given.account is None else tenant_id(header or given.account)
        if given.token is not None:
            principal = await self.principal(given._replace(account=tenant))
            if principal.role is Role.CUSTOMER:
                raise Forbidden("customers have a namespace of their own: /customers")
            await self.open(eio_sid, sid, request, principal, [], seen)
            return
        trusted(self.services.settings, tenant or "")
        if tenant is not None:
            await self._enter(eio_sid, sid, tenant)
        self.readers.let_in(eio_sid)

    async def _enter(self, eio_sid: str, sid: str, tenant: str) -> Reader:
        """A reader for a tenant whom nothing but its id proves. Raises NotFound, Conflict, RateLimited."""
        if len(self.readers.get(eio_sid, self.name)) >= MAX_TENANTS:
            raise Conflict(f"one connection joins at most {MAX_TENANTS} tenants")
        principal = trusted(self.services.settings, tenant)
        await self.services.limits.admit(principal)
        if await self.services.stores.accounts.get(tenant) is None:
            raise NotFound("no such tenant")
        environ = self.engine.server.environ[eio_sid]
        return await self.open(eio_sid, sid, environ["aiohttp.request"], principal, [], environ[_SEEN])

    async def answer(self, eio_sid: str, sid: str, event: str, data: dict[str, Any]) -> Any:
        if event == "tenant:join":
            return await self._join_tenant(eio_sid, sid, data)
        if event not in ("conversation:join", "conversation:leave", "agent:takeover"):
            raise NotFound(f"unknown event {event[:80]!r}")
        conversation_id = actions.conversation_id(_text(data, "conversation_id"))
        since = _text(data, "since")[:MAX_SINCE] if data.get("since") not in (None, "") else None
        reader = await self._reader_of(eio_sid, sid, conversation_id)
        services = reader.call.services
        await services.limits.admit(reader.session.principal)
        account = reader.session.principal.account_id
        conversation_id = await imported.conversation_id(services, account, conversation_id)
        if event == "agent:takeover":
            agent_id = _text(data, "agent_id")
            reader.call.principal.require("conversation.update")
            done = await actions.assign(reader.call, conversation_id, agent_id, "takeover")
            assert done.conversation is not None
            return shapes.as_object(shapes.conversation(done.conversation))
        if event == "conversation:leave":
            services.hub.part(reader.session, [conversation_topic(conversation_id)])
        else:
            names = [f"conversation:{conversation_id}"]
            topics = await resolve(reader.session.principal, names, services.stores.conversations)
            await services.hub.join(reader.session, topics, since or reader.since)
        return {"conversation_id": conversation_id}

    async def _join_tenant(self, eio_sid: str, sid: str, data: dict[str, Any]) -> Any:
        tenant = _text(data, "tenant_id").lower()
        if not is_uuid(tenant):
            raise Invalid(_NOT_VALID, errors=(("tenant_id", "must be the id of a tenant"),))
        readers = self.readers.get(eio_sid, self.name)
        found = next((r for r in readers if r.session.principal.account_id == tenant), None)
        if found is None:
            if any(not _is_trusted(reader) for reader in readers):
                raise Forbidden("the token is not valid for this tenant")
            found = await self._enter(eio_sid, sid, tenant)
        await self.services.limits.admit(found.session.principal)
        found.call.principal.require("inbox.read")
        await self.services.hub.join(found.session, [account_topic(tenant)], found.since)
        return {"tenant_id": tenant}

    async def _reader_of(self, eio_sid: str, sid: str, conversation_id: str) -> Reader:
        """The connection's reader of a conversation's tenant. Raises NotFound."""
        readers = self.readers.get(eio_sid, self.name)
        if readers and not _is_trusted(readers[0]):
            return readers[0]
        account = await self.services.stores.conversations.account_of(conversation_id)
        if account is None:
            return await self._reader_of_imported(readers, conversation_id)
        found = next((r for r in readers if r.session.principal.account_id == account), None)
        return found or await self._enter(eio_sid, sid, account)

    async def _reader_of_imported(self, readers: Sequence[Reader], conversation_id: str) -> Reader:
        """The same for the id that a conversation had in the CRM; its tenant is one of those that were joined."""
        for reader in readers if imported.is_imported(conversation_id) else ():
            account = reader.session.principal.account_id
            if await self.services.stores.sessions.find(account, conversation_id) is not None:
                return reader
        raise NotFound("no such conversation")

    async def shape(self, session: Session, event: EventView) -> Sequence[Event]:
        data, conversation_id = event.data, event.conversation_id
        if event.type == "conversation:new":
            return ((event.type, shapes.of_view(data)),)
        if event.type == "conversation:message":
            return () if data["is_private"] else ((event.type, shapes.message_of_view(data)),)
        if event.type == "conversation:status":
            status = await self._status(session, conversation_id or "", Status(data["to"]))
            return () if status is None else (_status_change(conversation_id, status),)
        if event.type == "conversation:handoff":
            handoff = (event.type, {**data, "conversation_id": conversation_id})
            return handoff, _status_change(conversation_id, "handed_off")
        if event.type == "agent:assigned":
            return ((event.type, {**data, "conversation_id": conversation_id}),)
        return ((event.type, data),) if event.type in ("ready", "reset") else ()

    async def _status(self, session: Session, conversation_id: str, to: Status) -> shapes.CrmStatus | None:
        """The CRM's word for a status. None for an open conversation that waits for a human: the handoff's event has told it."""
        if to is Status.OPEN:
            account = session.principal.account_id
            c = await self.services.stores.conversations.get(account, conversation_id)
            if c is not None and c.handoff_requested:
                return None
        return shapes.status_of(to, handoff_requested=False)


def _status_change(conversation_id: str | None, status: shapes.CrmStatus) -> Event:
    return "conversation:status", {"conversation_id": conversation_id, "status": status}


def _is_trusted(reader: Reader) -> bool:
    return reader.session.principal.token_id is None and reader.session.principal.expires_at > 1e11


def _text(data: dict[str, Any], name: str) -> str:
    value = data.get(name)
    if not isinstance(value, str) or not value:
        raise Invalid(_NOT_VALID, errors=((name, "must be a string"),))
    return value

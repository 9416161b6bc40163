"""What opening a stream takes, whatever the transport: the origin, a place in the hub, the topics."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from ...core.errors import Overloaded
from ...core.principal import Role
from ..api import Call
from . import topics as topic_rules
from .session import Session, Transport


class StreamQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`topics`: comma separated; `since`: the last event id seen; `ticket`: from `POST /v1/auth/ticket`."""

    topics: str | None = None
    since: str | None = None
    ticket: str | None = None


@asynccontextmanager
async def opened(call: Call[None], transport: Transport) -> AsyncIterator[Session]:
    """A session in the hub, for as long as the block lasts."""
    services = call.services
    services.origins.check(call.request)
    if services.hub.draining:
        raise Overloaded("this server is stopping", retry_after=1)
    session = Session(call.principal, transport, services.settings.stream_queue)
    await services.hub.open(session)
    try:
        yield session
    finally:
        services.hub.leave(session)


async def subscribe(call: Call[None], session: Session, names: str | None) -> list[str]:
    """The topics a stream starts with. Raises what `topics.resolve` does."""
    conversations = call.services.stores.conversations
    if call.principal.role is Role.CUSTOMER:
        call.services.hub.follow(session)
    if names is None or not names.strip():
        return await topic_rules.defaults(call.principal, conversations)
    return await topic_rules.resolve(
        call.principal, [n.strip() for n in names.split(",") if n.strip()], conversations
    )

"""Opening a stream, over either transport: the origin check, the session in the hub, the topics."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec
from aiohttp import web

from ....core.accounts.principal import Role
from ....core.errors import Forbidden, Overloaded
from ....core.text.fields import about
from ...auth.rate_limits import address_key
from ...framework.cors import CORS
from ...framework.endpoint import Call
from ...streams import topics as topic_rules
from ...streams.hub import Hub
from ...streams.lookups import Lookups
from ...streams.session import Session, Transport

TOPICS_PER_REQUEST = 50
"""So many topics in one message count as one more request of their user and account."""
FLUSH_WITHIN = 5.0
"""Seconds to send the last bytes of a stream. Then the connection is cut, or a client that does not read would hold them for ever."""


class StreamQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`topics`: comma separated; `since`: the last event id seen; `ticket`: from `POST /v1/auth/ticket`."""

    topics: Annotated[
        str | None,
        about(
            "Topics, comma separated; by default `account,user`, and for customers their own conversation",
            "account,user",
        ),
    ] = None
    since: Annotated[
        str | None, about("The id of the last event seen: the events after it are replayed first", "1f.42.0")
    ] = None
    ticket: Annotated[str | None, about("A ticket from `POST /v1/auth/ticket`, in place of a token")] = None


async def open_session(call: Call[None], transport: Transport) -> Session:
    """A session in the hub, until `end_session`. Raises Overloaded and RateLimited if there are too many."""
    services = call.services
    refused = services.hub.counts.refused
    try:
        await call.app[CORS].check_stream(call.request, call.principal)
    except Forbidden:
        refused["origin"] += 1
        raise
    if services.hub.draining:
        refused["draining"] += 1
        raise Overloaded("this server is stopping", retry_after=1)
    session = Session(call.principal, transport, services.settings.stream_queue)
    await services.hub.open(session, client_address(call.request))
    return session


def end_session(hub: Hub, session: Session, request: web.BaseRequest) -> None:
    """The stream has ended, or failed to open."""
    hub.leave(session)
    _flush(request)


def client_address(request: web.BaseRequest) -> str:
    """The address that a stream counts for."""
    return address_key(request.remote)


def _flush(request: web.BaseRequest) -> None:
    """Cut the closing connection if its buffer is not sent in time."""
    transport = request.transport
    if transport is not None and transport.get_write_buffer_size():
        asyncio.get_running_loop().call_later(FLUSH_WITHIN, transport.abort)


async def subscribe(call: Call[None], session: Session, names: str | None) -> list[str]:
    """The initial topics of a stream. Raises what `topics.resolve` does, and ConnectionResetError."""
    conversations = Lookups(call.services.stores.conversations, call.services.hub.lookups, session)
    if call.principal.role is Role.CUSTOMER:
        call.services.hub.follow(session)
    if names is None or not names.strip():
        return await topic_rules.defaults(call.principal, conversations)
    wanted = [n.strip() for n in names.split(",") if n.strip()]
    await admit_topics(call, len(wanted))
    return await topic_rules.resolve(call.principal, wanted, conversations)


async def admit_topics(call: Call[Any], count: int) -> None:
    """Charge for looking up many topics, in addition to the request that names them. Raises RateLimited."""
    for _ in range(count // TOPICS_PER_REQUEST):
        await call.services.limits.admit(call.principal)

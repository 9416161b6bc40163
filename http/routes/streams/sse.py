"""`GET /v1/stream`: Server-Sent Events (the HTML standard, section 9.2)."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from functools import partial

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp_sse import EventSourceResponse

from ...auth.tickets import RESUMABLE, is_page
from ...connection.stream_memory import release_request, stream_ended
from ...framework.endpoint import Call
from ...streams.hub import Hub
from ...streams.lasting_response import LastingResponse
from ...streams.session import Session
from ...streams.transports import SseTransport
from .opening import StreamQuery, end_session, open_session, subscribe

UNACKNOWLEDGED = 4
"""A stream ends after so many heartbeats without an acknowledgement by the client's kernel (TCP_USER_TIMEOUT)."""


class EventStream(LastingResponse, EventSourceResponse):
    """The response of an event stream. The hub pings all streams, so it has no task for that."""

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """As in aiohttp_sse, which takes the second call for a client that has gone."""
        if self.prepared:
            return None
        writer = await super().prepare(request)
        self.stop_streaming()
        return writer


async def stream(call: Call[None]) -> web.StreamResponse:
    """Serve one reader until it disconnects, its token expires, or the gateway drains."""
    request, services = call.request, call.services
    query: StreamQuery = call.query
    resumable = request.get(RESUMABLE)
    since = request.headers.get("Last-Event-ID") or query.since or (resumable and resumable.cursor)
    heartbeat = services.settings.heartbeat
    response = EventStream(
        headers={"X-Accel-Buffering": "no"}, ping_interval=heartbeat, send_timeout=UNACKNOWLEDGED * heartbeat
    )
    response.headers["Cache-Control"] = "no-store"  # aiohttp_sse sets no-cache, which still stores a copy
    transport = SseTransport(request, response, breaks_off=is_page(request))
    session = await open_session(call, transport)
    ended = ExitStack()
    ended.callback(end_session, services.hub, session, request)
    try:
        topics = await subscribe(call, session, query.topics)
        await response.prepare(request)
        writing = asyncio.ensure_future(session.write_loop(asyncio.get_running_loop()))
        try:
            cursor = str(await services.hub.join(session, topics, since, greet=True))
            transport.cursor = transport.cursor or cursor
            if resumable is not None:
                await services.tickets.opened(resumable, call.principal, cursor)
                ended.callback(services.tickets.closed, resumable)
        except (ConnectionError, asyncio.CancelledError):
            session.abort()
        except BaseException:
            writing.cancel()
            raise
    except BaseException:
        ended.close()
        raise
    response.lasts(partial(_serve, services.hub, request, response, transport, session, writing, ended))
    return response


async def _serve(
    hub: Hub,
    request: web.Request,
    response: EventStream,
    transport: SseTransport,
    session: Session,
    writing: asyncio.Task[None],
    ended: ExitStack,
) -> None:
    try:
        release_request(request)
        hub.ping_regularly(session, transport.ping)
        await writing
    except (ConnectionError, asyncio.CancelledError):
        session.abort()
    finally:
        writing.cancel()
        ended.close()
        stream_ended(request)
        if hub.draining:
            response.force_close()

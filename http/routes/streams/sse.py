"""`GET /v1/stream`: Server-Sent Events (the HTML standard, section 9.2)."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

from aiohttp import web
from aiohttp_sse import EventSourceResponse

from ...auth.tickets import RESUMABLE, is_page
from ...framework.endpoint import Call
from ...streams.transports import SseTransport
from .opening import StreamQuery, opened, subscribe

UNHEARD = 4
"""A stream ends after so many heartbeats without an acknowledgement by the client's kernel (TCP_USER_TIMEOUT)."""


async def stream(call: Call[None]) -> web.StreamResponse:
    """Serve one reader until it disconnects, its token expires, or the gateway drains."""
    request, services = call.request, call.services
    query: StreamQuery = call.query
    resumable = request.get(RESUMABLE)
    since = request.headers.get("Last-Event-ID") or query.since or (resumable and resumable.cursor)
    heartbeat = services.settings.heartbeat
    response = EventSourceResponse(
        headers={"X-Accel-Buffering": "no"}, ping_interval=heartbeat, send_timeout=UNHEARD * heartbeat
    )
    response.headers["Cache-Control"] = "no-store"  # aiohttp_sse sets no-cache, which still stores a copy
    transport = SseTransport(request, response, breaks_off=is_page(request))
    async with opened(call, transport) as session:
        ended = ExitStack()
        topics = await subscribe(call, session, query.topics)
        await response.prepare(request)
        writing = asyncio.ensure_future(session.write_loop(asyncio.get_running_loop()))
        try:
            cursor = str(await services.hub.join(session, topics, since, greet=True))
            transport.cursor = transport.cursor or cursor
            if resumable is not None:
                await services.tickets.opened(resumable, call.principal, cursor)
                ended.callback(services.tickets.closed, resumable)
            await writing
        except (ConnectionError, asyncio.CancelledError):
            session.abort()
        finally:
            writing.cancel()
            response.stop_streaming()
            ended.close()
    return response

"""`GET /v1/stream`: Server-Sent Events (the HTML standard, section 9.2)."""

from __future__ import annotations

import asyncio

from aiohttp import web
from aiohttp_sse import EventSourceResponse

from ...framework.endpoint import Call
from ...streams.transports import SseTransport
from .opening import StreamQuery, opened, subscribe

UNHEARD = 4
"""A stream ends after so many heartbeats without an acknowledgement by the client's kernel (TCP_USER_TIMEOUT)."""


async def stream(call: Call[None]) -> web.StreamResponse:
    """Serve one reader until it disconnects, its token expires, or the gateway drains."""
    request, services = call.request, call.services
    query: StreamQuery = call.query
    since = request.headers.get("Last-Event-ID") or query.since
    heartbeat = services.settings.heartbeat
    response = EventSourceResponse(
        headers={"X-Accel-Buffering": "no"}, ping_interval=heartbeat, send_timeout=UNHEARD * heartbeat
    )
    response.headers["Cache-Control"] = "no-store"  # aiohttp_sse sets no-cache, which still stores a copy
    async with opened(call, SseTransport(request, response)) as session:
        topics = await subscribe(call, session, query.topics)
        await response.prepare(request)
        writing = asyncio.ensure_future(session.write_loop(asyncio.get_running_loop()))
        try:
            await services.hub.join(session, topics, since, greet=True)
            await writing
        except (ConnectionError, asyncio.CancelledError):
            session.abort()
        finally:
            writing.cancel()
            response.stop_streaming()
    return response

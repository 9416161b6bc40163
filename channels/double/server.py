"""The double's server: the providers' APIs at their own paths, and the control API under `/double`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final, cast
from urllib.parse import parse_qsl

from aiohttp import web

from . import control, sms
from .calling import Caller
from .email import channel as email
from .email import messages as email_messages
from .meta import messenger, whatsapp
from .model import Fault, File, State, Type
from .provider import Call, Handler, Provider, Read, Refusal, json_response
from .telegram import channel as telegram
from .telegram import methods as telegram_methods

MAX_REQUEST: Final = 64 * 1024 * 1024
PROVIDERS: Final[dict[Type, Provider]] = {
    "telegram": telegram,
    "sms": sms,
    "email": email,
    "whatsapp": whatsapp,
    "messenger": messenger,
}
"""In the order of their routes: Meta's paths are the least specific, so they come last."""


def make_app() -> web.Application:
    """The double's application, without channels."""
    app = web.Application(client_max_size=MAX_REQUEST)
    state = State()
    app[control.STATE] = state
    app[control.PROVIDERS] = PROVIDERS
    app.cleanup_ctx.append(_calling)
    control.install(app)
    for method, path, read in (*telegram_methods.READ, *email_messages.READ):
        app.router.add_route(method, path, _reading(state, read))
    for provider in PROVIDERS.values():
        for method, path, read in provider.READ:
            app.router.add_route(method, path, _reading(state, read))
        for method, path in provider.SEND:
            app.router.add_route(method, path, _sending(state, provider))
    return app


async def _calling(app: web.Application) -> AsyncIterator[None]:
    async with Caller() as caller:
        app[control.CALLER] = caller
        yield


async def call_of(request: web.Request) -> Call:
    form: dict[str, str] = {}
    files: dict[str, File] = {}
    body = b""
    if request.content_type == "multipart/form-data":
        for name, value in (await request.post()).items():
            if isinstance(value, web.FileField):
                files[name] = File(value.file.read(), value.filename[:255], value.content_type[:100])
            else:
                form[name] = value if isinstance(value, str) else value.decode("utf-8", "replace")
    else:
        body = await request.read()
        if request.content_type == "application/x-www-form-urlencoded":
            form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Call(
        method=request.method,
        path=dict(request.match_info),
        query=dict(request.query),
        headers=headers,
        body=body,
        content_type=request.content_type,
        origin=str(request.url.origin()),
        form=form,
        files=files,
    )


def _reading(state: State, read: Read) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            response = read(state, await call_of(request))
            return response if isinstance(response, web.Response) else await response
        except Refusal as refusal:
            return refusal.response()

    return handle


def _sending(state: State, entry: Provider) -> Handler:
    """A handler that accepts a message, unless the channel has a fault."""

    async def handle(request: web.Request) -> web.StreamResponse:
        call = await call_of(request)
        try:
            channel = entry.find(state, call)
            provider = PROVIDERS[channel.type]
            fault = channel.next_fault()
            if fault is not None and fault.kind != "drop_after":
                return await _failing(request, provider, fault)
            taken = provider.accept(state, channel, call)
        except Refusal as refusal:
            return refusal.response()
        for sent in taken.sent:
            channel.record(sent)
            request.app[control.CALLER].follow(channel, sent, provider.receipt)
        if fault is not None:
            raise _hang_up(request)
        return json_response(taken.answer, taken.status)

    return handle


async def _failing(request: web.Request, provider: Provider, fault: Fault) -> web.StreamResponse:
    if fault.kind == "garbage":
        return web.Response(text="<html><body>It works!</body></html>", content_type="text/html")
    if fault.kind == "timeout":
        await asyncio.sleep(fault.seconds)
    if fault.kind in ("timeout", "drop_before"):
        raise _hang_up(request)
    return provider.refusal(fault).response()


def _hang_up(request: web.Request) -> ConnectionResetError:
    """Close the connection. The returned error tells aiohttp that nobody waits for a response."""
    if request.transport is not None:
        cast(asyncio.Transport, request.transport).abort()
    return ConnectionResetError("hung up on purpose")


async def serve(host: str, port: int, stop: asyncio.Event, ready: Any) -> None:
    """Run until `stop`; call `ready` once it listens. Raises OSError if it cannot listen."""
    runner = web.AppRunner(make_app(), access_log=None, handler_cancellation=True, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        ready()
        await stop.wait()
    finally:
        await runner.cleanup()

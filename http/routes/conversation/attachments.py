"""`/v1/attachments`: files of messages. They are streamed in and out; no file is ever in memory as a whole.

A file may be read by staff and services of its account, by a customer once a public message of their own conversation holds it, and
by anybody with a signed link. While it is still being fetched from its provider the answer is 503 with Retry-After; if the fetch failed, 410 with
the reason.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Annotated, Any

import msgspec
from aiohttp import web

from ....actors.clock import fresh_id, now_ms
from ....core.accounts.principal import Role
from ....core.channels.file_types import (
    BINARY,
    Unsatisfiable,
    byte_range,
    disposition,
    is_inline,
    plain_type,
    refusal,
    safe_name,
    settled_type,
)
from ....core.channels.records import NewUpload, StoredAttachment
from ....core.channels.signed_urls import path_of
from ....core.conversation.entries import Actor
from ....core.errors import Forbidden, Gone, NotFound, NotReady, UnsupportedMedia
from ....core.text.fields import Count, Id, Timestamp, about
from ....core.times import rfc3339
from ...actions.transfers import DOWNLOADS, UPLOADS, Client
from ...actions.uploads import FORM, incoming
from ...framework.endpoint import Call, Route, answer, created

TAG = "attachments"
RETRY_PENDING = 5.0
SEND_DEADLINE = 60.0
"""Seconds that a reader may take for one piece."""
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Cache-Control": "private, max-age=3600",
    "Vary": "Authorization, Origin, X-Account-Id",
    "Referrer-Policy": "no-referrer",
    "Accept-Ranges": "bytes",
}


class UploadedAttachment(msgspec.Struct, frozen=True):
    """`url` is how messages name it."""

    id: Id
    url: Annotated[
        str,
        about("The URL that messages refer to it by", "/v1/attachments/0190a5f2-1111-7000-8000-00000000f11e"),
    ]
    name: Annotated[str | None, about("The file's name", "invoice.pdf")]
    content_type: Annotated[str, about("The media type of its bytes", "application/pdf")]
    size: Annotated[Count, about("Its size in bytes", 48213)]


class AttachmentLinkView(msgspec.Struct, frozen=True):
    """`url` works without a token until `expires_at`."""

    url: Annotated[
        str,
        about(
            "A URL that works without a token",
            "/v1/attachments/0190a5f2-1111-7000-8000-00000000f11e?expires=1772443800&signature=c2ln",
        ),
    ]
    expires_at: Annotated[Timestamp, about("When it expires")]


class UploadQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[
        Annotated[
            str,
            msgspec.Meta(max_length=1024, description="The file's name; a name in the form takes precedence"),
        ]
        | None,
        about("The file's name; a name in the form takes precedence", "invoice.pdf"),
    ] = None


class AttachmentQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The parameters of a signed link; both or neither."""

    expires: Annotated[
        Annotated[int, msgspec.Meta(ge=0, le=2**40)] | None,
        about("Of a signed link: when it expires, in seconds since 1970"),
    ] = None
    signature: Annotated[
        Annotated[str, msgspec.Meta(max_length=64)] | None, about("The signature of a signed link")
    ] = None


async def create(call: Call[None]) -> web.Response:
    p, settings = call.principal, call.services.settings
    most = settings.max_attachment
    async with call.app[UPLOADS].one(Client.of(p)):
        file = await incoming(call.request, most=most, min_rate=settings.upload_min_rate)
        types = settings.upload_types()

        def settle(beginning: bytes) -> str:
            if (reason := refusal(file.content_type, beginning, types)) is not None:
                raise UnsupportedMedia(reason)
            return settled_type(file.content_type, beginning)

        by = call.by()
        new = NewUpload(
            fresh_id(),
            call.account_id,
            Actor(by.type, by.id),
            p.channel_id,
            safe_name(file.name) or safe_name(call.query.name),
        )
        async with aclosing(file.pieces) as pieces:
            made = await call.services.stores.attachments.upload(new, pieces, most, settle)
    return created(_view(made), BASE)


def _view(a: StoredAttachment) -> UploadedAttachment:
    assert a.content_type is not None and a.size is not None
    return UploadedAttachment(a.id, path_of(a.id), a.name, a.content_type, a.size)


async def _visible(call: Call[Any]) -> StoredAttachment:
    """The attachment, if the token's holder may read it. Raises NotFound."""
    p, attachment_id = call.principal, call.id()
    attachments = call.services.stores.attachments
    found = await attachments.get(call.account_id, attachment_id)
    if found is not None and p.role is Role.CUSTOMER:
        assert p.channel_id is not None and p.contact_identifier is not None
        if not await attachments.is_shown(call.account_id, found.id, p.channel_id, p.contact_identifier):
            found = None
    if found is None:
        raise NotFound("no such attachment")
    return found


async def _linked(call: Call[Any]) -> StoredAttachment:
    """The attachment of a signed link. Raises Forbidden, NotFound, RateLimited."""
    query: AttachmentQuery = call.query
    links = call.services.links
    limits, request = call.services.limits, call.request
    if query.expires is None or query.signature is None:
        await limits.admit_address(request.remote)
        raise Forbidden("the link is not valid")
    if not links.is_good(call.id(), query.expires, query.signature, now_ms() / 1000):
        await limits.admit_address(request.remote)
        raise Forbidden("the link is not valid, or has expired")
    found = await call.services.stores.attachments.find(call.id())
    if found is None:
        raise NotFound("no such attachment")
    await limits.admit_account(found.account_id)
    return found


def _check_stored(a: StoredAttachment) -> None:
    if a.status == "pending":
        raise NotReady("the file is still being fetched", retry_after=RETRY_PENDING)
    if a.status == "failed":
        raise Gone(f"the file could not be fetched: {a.error}")


async def link(call: Call[None]) -> web.Response:
    found = await _visible(call)
    _check_stored(found)
    url, expires = call.services.links.signed_link(found.id, now_ms() / 1000)
    return answer(AttachmentLinkView(url, rfc3339(expires * 1000)))


async def read(call: Call[None]) -> web.StreamResponse:
    found = await (_linked(call) if call.is_by_link else _visible(call))
    _check_stored(found)
    assert found.size is not None
    headers, etag = _headers(found), f'"{found.digest}"'
    asked = call.request.headers
    if etag in (tag.strip().removeprefix("W/") for tag in asked.get("If-None-Match", "").split(",")):
        return web.Response(status=304, headers=headers)
    header = asked.get("Range") if asked.get("If-Range", etag) == etag else None
    try:
        part = byte_range(header, found.size)
    except Unsatisfiable:
        raise web.HTTPRequestRangeNotSatisfiable(headers={"Content-Range": f"bytes */{found.size}"}) from None
    start, end = part or (0, found.size)
    if part is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{found.size}"
    request = call.request
    client = Client.at(found.account_id, request.remote) if call.is_by_link else Client.of(call.principal)
    async with call.app[DOWNLOADS].one(client):
        return await _send(call, found, headers, start, end, 200 if part is None else 206)


async def _send(
    call: Call[None], a: StoredAttachment, headers: dict[str, str], start: int, end: int, status: int
) -> web.StreamResponse:
    # read the first piece before the status is sent, so that a file missing in the store gets its own answer
    pieces = call.services.stores.attachments.read(a, start, end)
    async with aclosing(pieces) as stream:
        try:
            piece = await anext(stream)
        except NotFound as error:
            raise Gone(error.detail) from None
        response = web.StreamResponse(status=status, headers=headers)
        response.content_length = end - start
        await response.prepare(call.request)
        async with asyncio.timeout(None) as patience:
            while piece:
                patience.reschedule(asyncio.get_running_loop().time() + SEND_DEADLINE)
                await response.write(piece)
                piece = await anext(stream, b"")
    await response.write_eof()
    return response


def _headers(a: StoredAttachment) -> dict[str, str]:
    content_type = plain_type(a.content_type) or BINARY
    return {
        **_HEADERS,
        "Content-Type": f"{content_type}; charset=utf-8"
        if content_type.startswith("text/")
        else content_type,
        "Content-Disposition": disposition(a.name, inline=is_inline(content_type)),
        "ETag": f'"{a.digest}"',
    }


BASE = "/v1/attachments"
ROUTES = [
    Route("POST", BASE, create, "message.write", {201: UploadedAttachment}, "uploadAttachment", "Upload a file for use in a message",
          query=UploadQuery, tag=TAG, upload=(BINARY, FORM), refuses=(408,), locates=True),
    Route("GET", BASE + "/{id}", read, "conversation.read", {200: bytes, 206: bytes, 304: None}, "getAttachment", "A file",
          query=AttachmentQuery, tag=TAG, signed=True, media="application/octet-stream, */*", refuses=(410, 416), reads=("If-None-Match", "Range", "If-Range"), sends=("ETag",)),
    Route("GET", BASE + "/{id}/link", link, "conversation.read", {200: AttachmentLinkView},
          "getAttachmentLink", "A link to a file that works without a token for 15 minutes", tag=TAG, refuses=(410,)),
]  # fmt: skip

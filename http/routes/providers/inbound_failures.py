"""`/v1/inbound-failures`: providers' payloads that could not be processed, to inspect and replay."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from aiohttp import web

from ....core.channels.messages import WebhookCall
from ....core.errors import Conflict, NotFound
from ....core.ports.inbound import MAX_PAYLOAD, Fault, InboundFailure
from ....core.text.fields import ChannelId, Count, Id, NextCursor, Timestamp, about
from ....core.times import rfc3339, rfc3339_or_none
from ...actions import conversations
from ...actions.mailboxes import settings_for
from ...actions.webhook_parsing import PARSER
from ...auth.webhook_gate import GATE
from ...framework.endpoint import Call, Route, answer
from ...framework.pagination import PageQuery, cursor, place
from .webhooks import process_events

TAG = "webhooks"


class InboundFaultView(msgspec.Struct, frozen=True):
    """`part`: the failed part of the payload, as JSON, truncated if long; null for the whole payload."""

    reason: Annotated[str, about("The problem", "the payload is not JSON")]
    part: Annotated[
        str | None,
        about(
            "The failed part of the payload as JSON, cut if long; null for the whole payload",
            '{"update_id": 1}',
        ),
    ]


class InboundFailureView(msgspec.Struct, frozen=True):
    """`size`: bytes of the whole payload. `replayed_at`: when a replay succeeded completely."""

    id: Id
    channel_id: Annotated[ChannelId, about("The channel whose provider sent it")]
    at: Annotated[Timestamp, about("When it arrived")]
    reason: Annotated[str, about("Why it could not be processed", "the payload is not JSON")]
    faults: Annotated[list[InboundFaultView], about("The problems of its parts")]
    size: Annotated[Count, about("Bytes of the whole payload")]
    replayed_at: Annotated[Timestamp | None, about("When a replay succeeded completely")]


class InboundFailureDetail(InboundFailureView, frozen=True, kw_only=True):
    """`payload`: as text, with invalid UTF-8 replaced. `truncated`: it was too long to be stored as a whole."""

    payload: Annotated[str, about("The payload as text, with invalid UTF-8 replaced", '{"update_id": 1}')]
    truncated: Annotated[bool, about("Whether it was too long to be stored completely")]


class InboundFailuresQuery(PageQuery, frozen=True, forbid_unknown_fields=True):
    channel_id: Annotated[conversations.Uuid | None, about("Only those of this channel")] = None


class InboundFailuresPage(msgspec.Struct, frozen=True):
    items: Annotated[list[InboundFailureView], about("The failures")]
    next_cursor: NextCursor


class InboundReplayView(msgspec.Struct, frozen=True):
    """The result of a replay: new messages, repeats, edits, receipts, and what still fails."""

    received: Annotated[Count, about("New messages")]
    repeated: Annotated[Count, about("Messages that had been stored before")]
    edited: Annotated[Count, about("Edits of messages")]
    receipts: Annotated[Count, about("Delivery receipts")]
    faults: Annotated[list[InboundFaultView], about("Parts that still fail")]
    failure: Annotated[InboundFailureView, about("The failure after the replay")]


def _faults(faults: tuple[Fault, ...] | list[Fault]) -> list[InboundFaultView]:
    return [InboundFaultView(f.reason, f.part) for f in faults]


def _fields(f: InboundFailure) -> dict[str, Any]:
    return {
        "id": f.id,
        "channel_id": f.channel_id,
        "at": rfc3339(f.at),
        "reason": f.faults[0].reason if f.faults else "",
        "faults": _faults(f.faults),
        "size": f.size,
        "replayed_at": rfc3339_or_none(f.replayed_at),
    }


async def index(call: Call[None]) -> web.Response:
    query: InboundFailuresQuery = call.query
    page = await call.services.stores.inbound.failures(
        call.account_id, query.channel_id, place(query.cursor), query.limit
    )
    return answer(
        InboundFailuresPage([InboundFailureView(**_fields(f)) for f in page.items], cursor(page.next))
    )


async def _found(call: Call[None]) -> InboundFailure:
    failure = await call.services.stores.inbound.failure(call.account_id, call.id())
    if failure is None:
        raise NotFound("no such inbound failure")
    return failure


async def read(call: Call[None]) -> web.Response:
    f = await _found(call)
    text = f.payload.decode("utf-8", "replace")
    return answer(InboundFailureDetail(**_fields(f), payload=text, truncated=f.size > len(f.payload)))


async def replay(call: Call[None]) -> web.Response:
    """Process the payload as the webhook does, without its signature, which was verified when it arrived."""
    failure, services = await _found(call), call.services
    if failure.size > len(failure.payload):
        raise Conflict(f"the payload was longer than {MAX_PAYLOAD} bytes and was truncated")
    channel = await services.stores.channels.get(call.account_id, failure.channel_id)
    kind = services.kinds.get(channel.type) if channel is not None else None
    if channel is None or kind is None:
        raise NotFound("no such channel")
    received = WebhookCall("POST", call.request.path, {}, failure.headers, failure.payload)
    settings = await settings_for(services.stores.channels, channel, call.app[GATE].credentials)
    events, faults = await call.app[PARSER].parse(kind, received, settings)
    processed = await process_events(call, channel, events, faults)
    after = await services.stores.inbound.replayed(call.account_id, failure.id, processed.faults)
    if after is None:
        raise NotFound("the failure was deleted to make room for newer ones")
    return answer(
        InboundReplayView(
            processed.received,
            processed.repeated,
            processed.edited,
            processed.receipts,
            _faults(processed.faults),
            InboundFailureView(**_fields(after)),
        )
    )


BASE = "/v1/inbound-failures"
MANAGE = "channels.manage"
ROUTES = [
    Route("GET", BASE, index, MANAGE, {200: InboundFailuresPage}, "listInboundFailures", "Payloads that could not be processed, newest first",
          query=InboundFailuresQuery, tag=TAG),
    Route("GET", BASE + "/{id}", read, MANAGE, {200: InboundFailureDetail}, "getInboundFailure", "One failure, with its payload", tag=TAG),
    Route("POST", BASE + "/{id}/replay", replay, MANAGE, {200: InboundReplayView}, "replayInboundFailure", "Process it again", tag=TAG),
]  # fmt: skip

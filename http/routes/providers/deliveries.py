"""`/v1/deliveries`: the state of messages sent to providers. Dead letters have `status=failed`."""

from __future__ import annotations

from typing import Annotated

import msgspec
from aiohttp import web

from ....core.channels.records import Delivery
from ....core.conversation.entries import DeliveryStatus
from ....core.errors import NotFound
from ....core.text.fields import NextCursor, about
from ....core.views.resources import DeliveryView, delivery_view
from ...actions.conversations import Uuid
from ...framework.endpoint import Call, Route, answer
from ...framework.pagination import PageQuery, cursor, place

TAG = "deliveries"


class DeliveriesQuery(PageQuery, frozen=True, forbid_unknown_fields=True):
    status: Annotated[DeliveryStatus | None, about("Only deliveries with this status")] = None
    channel_id: Annotated[Uuid | None, about("Only those of this channel")] = None


class DeliveriesPage(msgspec.Struct, frozen=True):
    items: Annotated[list[DeliveryView], about("The deliveries")]
    next_cursor: NextCursor


async def page(call: Call[None]) -> web.Response:
    query: DeliveriesQuery = call.query
    found = await call.services.stores.deliveries.page(
        call.account_id, query.status, query.channel_id, place(query.cursor), query.limit
    )
    return answer(DeliveriesPage([delivery_view(d) for d in found.items], cursor(found.next)))


def _found(delivery: Delivery | None) -> Delivery:
    if delivery is None:
        raise NotFound("no such delivery")
    return delivery


async def read(call: Call[None]) -> web.Response:
    found = await call.services.stores.deliveries.get(call.account_id, call.id("message_id"))
    return answer(delivery_view(_found(found)))


async def retry(call: Call[None]) -> web.Response:
    """Queue a delivery again; the channel's dispatcher finds it by polling."""
    found = await call.services.stores.deliveries.retry(call.account_id, call.id("message_id"))
    return answer(delivery_view(_found(found)), 202)


BASE = "/v1/deliveries"
ROUTES = [
    Route("GET", BASE, page, "reports.read", {200: DeliveriesPage}, "listDeliveries", "Deliveries to providers, newest first",
          query=DeliveriesQuery, tag=TAG),
    Route("GET", BASE + "/{message_id}", read, "inbox.read", {200: DeliveryView}, "getDelivery", "The delivery of a message", tag=TAG),
    Route("POST", BASE + "/{message_id}/retry", retry, "deliveries.retry", {202: DeliveryView},
          "retryDelivery", "Resend a message that could not be delivered", tag=TAG),
]  # fmt: skip

"""`/v1/conversations/{id}/viewing`: shows colleagues who has a conversation open.

A hint, like typing: not stored, and harmless if lost. A page repeats `start` while it shows the conversation; readers forget it after
`SHOWN` seconds.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from aiohttp import web

from ....core.text.fields import about
from ....core.views.stream_events import conversation_topic
from ...framework.endpoint import Call, Route, no_content
from .messages import visible

TAG = "conversations"
EVENT: Final = "conversation:viewing"
SHOWN: Final = 45
"""Seconds for which a reader shows a viewer that says nothing more."""


class Viewing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST …/viewing`."""

    state: Annotated[
        Literal["start", "stop"],
        about(f"Whether one has it open; repeat `start` within {SHOWN} seconds while one does", "start"),
    ]


async def view(call: Call[Viewing]) -> web.Response:
    c, p = await visible(call, call.id()), call.principal
    agent = await call.services.stores.agents.get(call.account_id, p.user_id)
    name = p.name or (agent.name if agent is not None else None)
    data = {"conversation_id": c.id, "user_id": p.user_id, "name": name, "state": call.body.state}
    await call.services.hints.send(call.account_id, EVENT, data, [conversation_topic(c.id)], c.id)
    return no_content()


ROUTES = [
    Route("POST", "/v1/conversations/{id}/viewing", view, "me", {204: None}, "showViewing",
          "Show colleagues that one has it open; customers never see this", body=Viewing, tag=TAG, refuses=(404,)),
]  # fmt: skip

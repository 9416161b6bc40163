"""One example for each route and each WebSocket message, from which the role matrix and the canary are made.

A route without a row here fails `test_every_route_has_an_example`. A row states what api.md says: who may, and what a
good call looks like. `{conversation}`, `{channel}` … in a path, query or body stand for ids of the account in question
(see `Objects`).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

STAFF = frozenset({"agent", "lead", "admin"})
LEADS = frozenset({"lead", "admin"})
ADMIN = frozenset({"admin"})
SERVICE = frozenset({"service"})
CUSTOMER = frozenset({"customer"})
TEAM = STAFF | SERVICE
ALL = TEAM | CUSTOMER
ROLES = ("agent", "lead", "admin", "service", "customer")


class Example(NamedTuple):
    """`roles` may call it; None: everybody, without a token too. `names` maps the route's path parameters to objects.

    `foreign`: what a caller of another account gets who names this account's objects; None where the call
    names no object."""

    roles: frozenset[str] | None
    body: dict[str, Any] | None = None
    names: Mapping[str, str] = MappingProxyType({})
    query: str = ""
    foreign: int | None = 404


CONVERSATION = {"id": "{conversation}"}
OPENING = {"channel_id": "{channel}", "contact_identifier": "{fresh}"}

ROUTES: dict[str, Example] = {
    "POST /v1/conversations": Example(TEAM, OPENING),
    "POST /v1/conversations/find-or-create": Example(TEAM, OPENING),
    "GET /v1/conversations/{id}": Example(
        ALL, names=CONVERSATION, query="include=messages,contact,assignments"
    ),
    "PATCH /v1/conversations/{id}": Example(TEAM, {"priority": "high"}, CONVERSATION),
    "DELETE /v1/conversations/{id}": Example(TEAM, names=CONVERSATION),
    "POST /v1/conversations/{id}/assign": Example(TEAM, {"agent_id": "me"}, CONVERSATION),
    "POST /v1/conversations/{id}/handoff": Example(TEAM, {"reason": "asked"}, CONVERSATION),
    "POST /v1/conversations/{id}/release": Example(TEAM, names=CONVERSATION),
    "POST /v1/conversations/{id}/csat": Example(SERVICE | CUSTOMER, {"score": 5}, CONVERSATION),
    "POST /v1/conversations/{id}/read": Example(TEAM, {"seq": 1}, CONVERSATION),
    "POST /v1/conversations/{id}/typing": Example(ALL, {"state": "start"}, CONVERSATION),
    "POST /v1/conversations/{id}/messages": Example(ALL, {"content": "hello"}, CONVERSATION),
    "GET /v1/conversations/{id}/messages": Example(ALL, names=CONVERSATION),
    "GET /v1/conversations/{id}/entries": Example(ALL, names=CONVERSATION),
    "GET /v1/conversations/{id}/context": Example(TEAM, names=CONVERSATION, query="count=8"),
    "POST /v1/webchat/{channel_id}/sessions": Example(None, names={"channel_id": "{channel}"}, foreign=None),
    "POST /v1/webchat/messages": Example(CUSTOMER, {"content": "hello"}, foreign=None),
    "GET /v1/webchat/messages": Example(CUSTOMER, foreign=None),
    "GET /v1/stream": Example(ALL, query="topics=conversation:{conversation}"),
    "GET /v1/ws": Example(ALL, query="topics=conversation:{conversation}"),
    "POST /v1/auth/ticket": Example(ALL, foreign=None),
    "GET /health": Example(None, foreign=None),
    "GET /ready": Example(None, foreign=None),
    "GET /metrics": Example(None, foreign=None),
}
"""`METHOD /path` as in `tertulia.http.routes.ALL`."""

MESSAGES: dict[str, dict[str, Any] | None] = {
    # type → fields; None: it names no object
    "subscribe": {"topics": ["conversation:{conversation}"]},
    "unsubscribe": {"topics": ["conversation:{conversation}"]},
    "conversation:join": {"conversation_id": "{conversation}"},
    "conversation:leave": None,
    "conversation:typing:start": {"conversation_id": "{conversation}"},
    "conversation:typing:stop": {"conversation_id": "{conversation}"},
    "conversation:read": {"conversation_id": "{conversation}", "seq": 1},
    "message:send": {"conversation_id": "{conversation}", "content": "hello"},
    "agent:takeover": {"conversation_id": "{conversation}"},
    "ping": None,
}
"""Every type of `tertulia.http.streams.messages.MESSAGES`, naming an object of another account."""


def filled(value: Any, objects: dict[str, str]) -> Any:
    """`value` with every `{name}` replaced."""
    if isinstance(value, str):
        for name, text in objects.items():
            value = value.replace("{" + name + "}", text)
        return value
    if isinstance(value, dict):
        return {k: filled(v, objects) for k, v in value.items()}
    if isinstance(value, list):
        return [filled(v, objects) for v in value]
    return value

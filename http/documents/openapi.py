"""The OpenAPI 3.1 document, generated from the table of routes and their types, so that the two cannot differ."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, get_args

import msgspec
from aiohttp import web

from ...core.text.fields import about
from ...core.views.conversations import EntryView
from ...core.views.event_shapes import ENTRIES, EVENTS, SUMMARIES
from ...core.views.payloads import PingData
from ...core.views.stream_events import EventView
from ...core.webhooks.events import PING, EventType
from ..framework.endpoint import Route
from ..framework.problems import RETRIED, STATUS
from .examples import example_of
from .operations import SCHEMES, Operations, plain_path
from .schemas import REFERENCE, Schema, event_variants, of_kinds, resolved, schemas_of, variants

_DESCRIPTION: Final = (
    "Customer conversations in realtime. Times are RFC 3339 in UTC with milliseconds, ids are UUIDs; fields that a request"
    " must not have are refused. Every error is application/problem+json with a `code` for programs. Lists are pages:"
    " `next_cursor` of one is `cursor` of the next. The schema `Event` is what streams send; /asyncapi.json describes the streams, and what clients send on a WebSocket."
)
INTERNAL: Final = frozenset({"error", "superseded"})
"""Codes that no client sees."""
TAGS: Final[dict[str, str]] = {
    "conversations": "Conversations: opening, reading, changing and assigning them",
    "messages": "Messages, notes, and everything else that happens in a conversation",
    "suggestions": "Replies drafted by language models, which a person approves",
    "web chat": "What a customer's web page needs",
    "streams": "Events as they happen, by Server-Sent Events or WebSocket",
    "attachments": "Files of messages",
    "contacts": "Customers and their addresses",
    "agents": "Agents: presence, preferences, figures",
    "reports": "Figures by agent, team, channel and label, over time",
    "teams": "Teams and their members",
    "queue": "What waits for an agent",
    "routing": "What routing was told, and the board of past times",
    "canned responses": "Prepared texts",
    "articles": "The knowledge base: articles, their versions, and searches for passages that answer a question",
    "bot rules": "What bots do by themselves",
    "channels": "Connected inboxes",
    "webhooks": "Calls of providers, and those that could not be processed",
    "deliveries": "Messages on their way to providers",
    "event webhooks": "Events sent to a URL of the account",
    "account": "The account, its settings and its audit log",
    "api clients": "Machines that call this API, and their tokens",
    "crm": "An older CRM service's API",
    "assistant": "An older assistant runtime's API: conversations answered by an agent flow, in a stream",
    "desk": "An older reply desk's API: e-mail with suggested replies",
    "sync": "An older conversation-sync service's API",
    "pages": "The server's own pages",
    "operations": "For operators: health, metrics, documents",
}


class FieldError(msgspec.Struct, frozen=True):
    """The error of one field."""

    path: Annotated[str, about("The field, as in `attachments[0].url`; empty for the whole body", "content")]
    message: Annotated[str, about("What is wrong with it, for people", "Expected `str` of length >= 1")]


class Problem(msgspec.Struct, frozen=True):
    """An error (RFC 9457)."""

    type: Annotated[str, about("A URN that ends in the code", "urn:tertulia:problem:not_found", format="uri")]
    title: Annotated[str, about("What the code means, for people", "Not found")]
    status: Annotated[int, about("The HTTP status", 404)]
    code: Annotated[str, about("The error code, for programs", "not_found")]
    detail: Annotated[str, about("What went wrong, for people", "no such conversation")]
    errors: Annotated[list[FieldError], about("Wrong fields of the request", [])]
    request_id: Annotated[str, about("The request's id, which is in the server's log", "3f9c1e5a07b2-1a")]
    current: Annotated[
        dict[str, Any] | msgspec.UnsetType,
        about(
            "Free-form: the current state of the object, which the conflict is about",
            {"status": "closed"},
        ),
    ] = msgspec.UNSET


class Document:
    """A JSON document, made on first use."""

    def __init__(self, make: Callable[[], dict[str, Any]]) -> None:
        self._make = make
        self._made: tuple[bytes, str] | None = None

    def encoded(self) -> tuple[bytes, str]:
        """Its JSON, and an ETag."""
        if self._made is None:
            body = msgspec.json.encode(self._make())
            self._made = body, hashlib.sha256(body).hexdigest()[:32]
        return self._made


OPENAPI: web.AppKey[Document] = web.AppKey("openapi", Document)


def document(routes: Sequence[Route], version: str) -> dict[str, Any]:
    """The whole document."""
    types = _types(routes)
    made, components = schemas_of(types)
    schemas = {id(t): s for t, s in zip(types, made, strict=True)}
    components["Problem"]["properties"]["code"]["enum"] = [code for code in STATUS if code not in INTERNAL]
    _add(components, variants(components["Entry"], "kind", of_kinds(ENTRIES, schemas), "Entry"))
    _add(components, event_variants(components["Event"], schemas))
    for route in routes:
        if route.method == "PATCH" and route.body is not None:  # `pagination.given`
            resolved(schemas[id(route.body)], components)["minProperties"] = 1
    operations = Operations(routes, schemas, components)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(plain_path(route.path), {})[route.method.lower()] = operations.of(route)
    queries = {schemas[id(r.query)]["$ref"].removeprefix(REFERENCE) for r in routes if r.query is not None}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tertulia",
            "version": version,
            "description": _DESCRIPTION,
        },
        "servers": [{"url": "/", "description": "The server of this document"}],
        "tags": [{"name": tag, "description": TAGS[tag]} for tag in dict.fromkeys(r.tag for r in routes)],
        "paths": paths,
        "webhooks": _webhooks(components, schemas),
        "components": {
            "schemas": {name: schema for name, schema in components.items() if name not in queries},
            "responses": {
                str(status): _problem(status) for status, _ in STATUS.values() if status in _used(paths)
            },
            "parameters": {"AccountId": _ACCOUNT, "TenantId": _TENANT},
            "headers": _HEADERS,
            "securitySchemes": SCHEMES,
        },
    }


_ACCOUNT: Final[Schema] = {
    "name": "X-Account-Id",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "format": "uuid"},
    "description": "Which account is meant, where the token holds several",
    "example": "00000000-0000-0000-0000-000000000001",
}
_TENANT: Final[Schema] = {
    "name": "X-Tenant-Id",
    "in": "header",
    "required": True,
    "schema": {"type": "string", "format": "uuid"},
    "description": "The tenant, which is an account: one that the token holds. It is enough by itself where the operator trusts it"
    " (`TERTULIA_TRUST_TENANT_HEADER`)",
    "example": "00000000-0000-0000-0000-000000000001",
}
_HEADERS: Final[dict[str, Schema]] = {
    name: {"description": described, "schema": schema, "required": True}
    for name, described, schema in (
        (
            "X-Request-Id",
            "The request's id, which is in the server's log",
            {"type": "string", "examples": ["3f9c1e5a07b2-1a"]},
        ),
        ("Retry-After", "Seconds to wait", {"type": "integer", "minimum": 1, "examples": [1]}),
        ("ETag", "Names this copy", {"type": "string", "examples": ['"5f2c9a1e"']}),
        (
            "Location",
            "The new object",
            {"type": "string", "format": "uri-reference", "examples": ["/v1/teams/0190a5f0"]},
        ),
        ("WWW-Authenticate", "How to authenticate", {"type": "string", "examples": ["Bearer"]}),
    )
}


def _types(routes: Sequence[Route]) -> list[Any]:
    """Every type that the document shows, once."""
    found: dict[int, Any] = {id(t): t for t in (Problem, EntryView, EventView, PingData)}
    for type_ in (*ENTRIES.values(), *EVENTS.values()):
        found[id(type_)] = type_
    for route in routes:
        for type_ in (route.body, route.query, route.error, *route.answers.values()):
            if type_ not in (None, bytes, str):
                found[id(type_)] = type_
    return list(found.values())


def _add(components: dict[str, Schema], made: tuple[Schema, dict[str, Schema]]) -> None:
    """Add a union in place of its base, and its variants."""
    union, found = made
    if found.keys() & components.keys():
        raise ValueError(f"schemas share a name: {sorted(found.keys() & components.keys())}")
    components |= {union["title"]: union, **found}


def _used(paths: dict[str, dict[str, Any]]) -> set[int]:
    return {int(status) for methods in paths.values() for o in methods.values() for status in o["responses"]}


def _problem(status: int) -> Schema:
    """The response of a status: its codes, each with an example."""
    rows = {code: title for code, (s, title) in STATUS.items() if s == status and code not in INTERNAL}
    headers = ["X-Request-Id"]
    if status in RETRIED:
        headers.append("Retry-After")
    if status == 401:
        headers.append("WWW-Authenticate")
    return {
        "description": "; ".join(f"{title} (`{code}`)" for code, title in rows.items()),
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in headers},
        "content": {
            "application/problem+json": {
                "schema": {"$ref": REFERENCE + "Problem"},
                "examples": {code: {"value": _example(code, status, title)} for code, title in rows.items()},
            }
        },
    }


def _example(code: str, status: int, title: str) -> dict[str, Any]:
    value = {
        "type": f"urn:tertulia:problem:{code}",
        "title": title,
        "status": status,
        "code": code,
        "detail": title,
        "errors": [],
        "request_id": "3f9c1e5a07b2-1a",
    }
    if code == "invalid":
        value["errors"] = [{"path": "content", "message": "Expected `str` of length >= 1"}]
    return value | ({"current": {"status": "closed"}} if code == "conflict" else {})


def _webhooks(components: dict[str, Schema], schemas: dict[int, Schema]) -> dict[str, Any]:
    """The bodies that an event webhook receives, by event type."""
    event = components["EventWebhookBody"]
    found: dict[str, Any] = {}
    mapping = components["Event"]["discriminator"]["mapping"]
    sent = {kind: {"$ref": mapping[kind]} for kind in get_args(EventType)} | {PING: schemas[id(PingData)]}
    for kind, data in sent.items():
        properties = event["properties"]
        shape = {
            **event,
            "title": f"{kind} webhook",
            "properties": {**properties, "type": {**properties["type"], "const": kind}, "data": data},
        }
        del shape["properties"]["type"]["examples"]
        name = "".join(part.capitalize() for part in kind.replace(":", " ").split())
        found[kind] = {
            "post": {
                "operationId": f"receive{name}",
                "summary": SUMMARIES.get(kind, "A test of the webhook"),
                "description": "Signed as Standard Webhooks says: `webhook-id`, `webhook-timestamp`, `webhook-signature`.",
                "tags": ["event webhooks"],
                "security": [],
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {"schema": shape, "example": example_of(shape, components)}
                    },
                },
                "responses": {
                    "2XX": {"description": "Taken; anything else is sent again later"},
                    "410": {"description": "The receiver is gone: the webhook is switched off"},
                },
            }
        }
    return found

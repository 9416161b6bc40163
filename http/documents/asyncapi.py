"""The AsyncAPI 3.0 document of the streams, generated from the tables of events, of the WebSocket's messages, and of close codes.

Its schemas are those of the OpenAPI document, in AsyncAPI's dialect: JSON Schema draft 7, in which a `$ref` has no siblings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from aiohttp import web

from ...core.views.event_shapes import EVENTS, SUMMARIES, component_name
from ...core.views.stream_events import EventView
from ..framework.endpoint import Route
from ..streams.session import CLOSE_REASONS
from .examples import example_of
from .openapi import Document
from .operations import SCHEMES
from .schemas import REFERENCE, Schema, event_variants, resolved, schemas_of
from .socketio import PATH, SERVER, SocketIoNamespace, added, types_of

ASYNCAPI: web.AppKey[Document] = web.AppKey("asyncapi", Document)
MESSAGES: Final = "#/components/messages/"
EVENT_STREAM: Final = "openEventStream"
WEBSOCKET: Final = "openWebSocket"
_DESCRIPTION: Final = (
    "Events as they happen, over Server-Sent Events or a WebSocket, which also takes messages. /openapi.json describes the rest of the API, and the"
    " errors of streams that are refused before they open. Every event has an `id`: a reader that comes back with its last one, as"
    " `Last-Event-ID` or `since`, misses nothing; where that cannot be proved it gets `reset`."
)


class Message(Protocol):
    """A kind of message that clients send: its shape, the type of its answer's data, and the codes of its errors."""

    @property
    def shape(self) -> type[Any]: ...
    @property
    def answer(self) -> type[Any]: ...
    @property
    def summary(self) -> str: ...
    @property
    def errors(self) -> tuple[str, ...]: ...


def document(
    routes: Sequence[Route],
    messages: Mapping[str, Message],
    refusal: type[Any],
    any_errors: Sequence[str],
    version: str,
    public_url: str | None = None,
    namespaces: Sequence[SocketIoNamespace] = (),
) -> Schema:
    """The whole document. `refusal`: the shape of errors on a WebSocket; `any_errors`: codes that answer any message."""
    streams = {route.name: route for route in routes if route.name in (EVENT_STREAM, WEBSOCKET)}
    made = _Messages(messages, refusal, any_errors, list(streams.values()), namespaces)
    queries = {name: made.query(route) for name, route in streams.items()}
    of_sockets = [*_OF_SOCKETS, *made.asked, *made.answers]
    on_socket = {"method": "GET", "query": queries[WEBSOCKET], "bindingVersion": "0.1.0"}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Tertulia's streams", "version": version, "description": _DESCRIPTION},
        "defaultContentType": "application/json",
        "servers": _servers(public_url),
        "channels": {
            "eventStream": _channel(streams[EVENT_STREAM], "http", _EVENTS),
            "webSocket": {
                **_channel(streams[WEBSOCKET], "websocket", of_sockets),
                "bindings": {"ws": on_socket},
            },
        }
        | made.socketio.channels,
        "operations": _sending(queries[EVENT_STREAM]) | made.operations() | made.socketio.operations,
        "components": {
            "messages": made.components,
            "schemas": made.schemas,
            "securitySchemes": {name: _scheme(name) for name in _SCHEMES},
        },
    }


_EVENTS: Final = [component_name(type, "Event") for type in EVENTS]
_OF_SOCKETS: Final = [component_name(type, "Event") for type in EVENTS if type != "close"]


def _sending(query: Schema) -> dict[str, Schema]:
    """The operations that send events. `query`: the query parameters of an event stream."""
    return {
        "sendEvents": {
            "action": "send",
            "channel": {"$ref": "#/channels/eventStream"},
            "summary": "Server-Sent Events: `event:` is the type, `id:` the cursor, `data:` the whole event",
            "messages": _refs("eventStream", _EVENTS),
            "bindings": {"http": {"method": "GET", "query": query, "bindingVersion": "0.3.0"}},
        },
        "sendEventsOverWebSocket": {
            "action": "send",
            "channel": {"$ref": "#/channels/webSocket"},
            "summary": "The same events, one in each text message",
            "messages": _refs("webSocket", _OF_SOCKETS),
        },
    }


class _Messages:
    """The messages of both directions as components, and the schemas to which they lead."""

    def __init__(
        self,
        table: Mapping[str, Message],
        refusal: type[Any],
        any_errors: Sequence[str],
        streams: Sequence[Route],
        namespaces: Sequence[SocketIoNamespace],
    ) -> None:
        self._table = table
        self._codes = any_errors
        types: dict[int, Any] = {id(t): t for t in (*EVENTS.values(), EventView, refusal)}
        types |= {id(t): t for row in table.values() for t in (row.shape, row.answer)}
        types |= {id(route.query): route.query for route in streams}
        types |= {id(t): t for t in types_of(namespaces)}
        made, self._all = schemas_of(list(types.values()))
        self._of = dict(zip(types, made, strict=True))
        _, events = event_variants(self._all["Event"], self._of)
        self._all |= events
        self._codes_of(refusal.__name__)
        self.components: dict[str, Schema] = {}
        for type in EVENTS:
            self._add(component_name(type, "Event"), type, SUMMARIES[type], None)
        self.asked = [self._ask(type, row) for type, row in table.items()]
        answers = {id(row.answer): row.answer for row in table.values()}
        self._acks = {key: self._ack(type) for key, type in answers.items()}
        self._refused = self._framed("ErrorAnswer", "error", "Refused: nothing was done", {
            "error": {**self._of[id(refusal)], "description": "Why it was refused"},
        })  # fmt: skip
        self.answers = [*self._acks.values(), self._refused]
        self.socketio = added(namespaces, self._all, self._of, self._of[id(refusal)])
        for name, (type, summary) in self.socketio.messages.items():
            self._add(name, type, summary, None)
        reachable = _reachable(self._all, self.components)
        self.schemas = {name: _draft7(self._all[name]) for name in sorted(reachable)}

    def _codes_of(self, name: str) -> None:
        codes = sorted({*self._codes, "not_found", *(c for row in self._table.values() for c in row.errors)})
        self._all[name]["properties"]["code"]["enum"] = codes

    def query(self, route: Route) -> Schema:
        """The query parameters of a stream."""
        return _draft7(resolved(self._of[id(route.query)], self._all))

    def operations(self) -> dict[str, Schema]:
        """One for each message that clients send, with its answers."""
        found: dict[str, Schema] = {}
        for name, row in zip(self.asked, self._table.values(), strict=True):
            codes = ", ".join(f"`{code}`" for code in (*row.errors, *self._codes))
            found["take" + name.removesuffix("Message")] = {
                "action": "receive",
                "channel": {"$ref": "#/channels/webSocket"},
                "summary": row.summary,
                "description": f"Answered if it has a `ref`, by `ack` or `error`. Errors: {codes}.",
                "messages": _refs("webSocket", [name]),
                "reply": {
                    "channel": {"$ref": "#/channels/webSocket"},
                    "messages": _refs("webSocket", [self._acks[id(row.answer)], self._refused]),
                },
            }
        return found

    def _ask(self, type: str, row: Message) -> str:
        name = component_name(type, "Message")
        shape = resolved(self._of[id(row.shape)], self._all)
        type_schema = {**shape["properties"]["type"], "const": type, "examples": [type]}
        self._all[name] = {
            **shape,
            "title": name,
            "properties": {**shape["properties"], "type": type_schema},
        }
        return self._add(name, type, row.summary, "ref")

    def _ack(self, answer: type[Any]) -> str:
        data = self._of[id(answer)]
        name = data["$ref"].removeprefix(REFERENCE).removesuffix("Answer") + "Ack"
        fields = {"data": {**data, "description": "What was done"}}
        return self._framed(name, "ack", "Done: what a message with a `ref` asked", fields)

    def _framed(self, name: str, type: str, summary: str, fields: dict[str, Schema]) -> str:
        """An answer. `ref` is null only in errors of messages without one."""
        asked = next(iter(self._table.values())).shape
        ref = dict(resolved(self._of[id(asked)], self._all)["properties"]["ref"])
        ref = {key: value for key, value in ref.items() if key != "default"} | {
            "description": "The message's own `ref`"
        }
        if type == "ack":
            ref["anyOf"] = [arm for arm in ref["anyOf"] if arm != {"type": "null"}]
        kind = {"type": "string", "const": type, "description": "What kind of answer", "examples": [type]}
        properties = {"type": kind, "ref": ref, **fields}
        if name in self._all:
            raise ValueError(f"schemas share a name: {name}")
        self._all[name] = {
            "title": name,
            "type": "object",
            "properties": properties,
            "required": list(properties),
        }
        return self._add(name, type, summary, "ref")

    def _add(self, name: str, type: str, summary: str, correlation: str | None) -> str:
        example = example_of(self._all[name], self._all)
        self.components[name] = {
            "name": type,
            "title": name,
            "summary": summary,
            "contentType": "application/json",
            "payload": {"$ref": REFERENCE + name},
            "examples": [{"name": name, "payload": example}],
        } | ({"correlationId": {"location": f"$message.payload#/{correlation}"}} if correlation else {})
        return name


def _channel(route: Route, server: str, messages: Sequence[str]) -> Schema:
    ends = "; ".join(f"{int(code)}: {reason.when}" for code, reason in CLOSE_REASONS.items())
    return {
        "address": route.path,
        "title": route.summary,
        "description": f"It ends with one of these codes. {ends}.",
        "servers": [{"$ref": f"#/servers/{server}"}],
        "messages": {name: {"$ref": MESSAGES + name} for name in messages},
    }


def _servers(public_url: str | None) -> dict[str, Schema]:
    parts = urlsplit(public_url or "http://localhost:8080")
    secure = "s" if parts.scheme == "https" else ""
    where: Schema = {"host": parts.netloc}
    if parts.path.strip("/"):
        where["pathname"] = parts.path.rstrip("/")
    security = [{"$ref": f"#/components/securitySchemes/{name}"} for name in _SCHEMES]
    return {
        "http": {**where, "protocol": f"http{secure}", "description": "Server-Sent Events", "security": security},
        "websocket": {**where, "protocol": f"ws{secure}", "description": "WebSockets", "security": security},
        SERVER: {"host": parts.netloc, "pathname": parts.path.rstrip("/") + PATH, "protocol": f"ws{secure}", "description": "Socket.IO 3 and newer", "security": security[:1]},
    }  # fmt: skip


_SCHEMES: Final = ("bearer", "ticket", "cookie")


def _scheme(name: str) -> Schema:
    """A way to prove oneself, as AsyncAPI writes it: what OpenAPI calls `apiKey` in a request is `httpApiKey`."""
    scheme = SCHEMES[name]
    return {**scheme, "type": "httpApiKey"} if scheme["type"] == "apiKey" else scheme


def _refs(channel: str, names: Sequence[str]) -> list[Schema]:
    return [{"$ref": f"#/channels/{channel}/messages/{name}"} for name in names]


def _reachable(components: Mapping[str, Schema], names: Iterable[str]) -> set[str]:
    """The components to which these lead, themselves included."""
    found: set[str] = set()
    open_ = list(names)
    while open_:
        name = open_.pop()
        if name not in found:
            found.add(name)
            open_ += _references(components[name])
    return found


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(reference := value.get("$ref"), str):
            yield reference.removeprefix(REFERENCE)
        for each in value.values():
            yield from _references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)


def _draft7(value: Any) -> Any:
    """A schema in draft 7: siblings of a `$ref` would be ignored there, so the reference moves into `allOf`."""
    if isinstance(value, list):
        return [_draft7(each) for each in value]
    if not isinstance(value, dict):
        return value
    schema = {key: _draft7(each) for key, each in value.items() if key != "discriminator"}
    if isinstance(schema.get("$ref"), str) and len(schema) > 1:
        return {**{k: v for k, v in schema.items() if k != "$ref"}, "allOf": [{"$ref": schema["$ref"]}]}
    return schema

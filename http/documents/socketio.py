"""Socket.IO in the AsyncAPI document: a channel for each namespace, whose messages are events with their payloads.

A client's event carries one object, and its acknowledgement is `{type: ack, data}` or `{type: error, error}`; an error is an event as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from ...core.views.event_shapes import component_name
from .schemas import REFERENCE, Schema, resolved

SERVER: Final = "socketIo"
PATH: Final = "/socket.io/"
_FRAME: Final = ("type", "ref")
"""Fields of a WebSocket's message that Socket.IO has no need of: the event's name, and its acknowledgement."""
_ROOM: Final = {
    "type": "string",
    "format": "uuid",
    "description": "The conversation",
    "examples": ["0190a5f0-7c1e-7d3a-9b52-3f6f0c1e5a07"],
}


class Emitted(NamedTuple):
    """An event that a namespace sends. `in_room`: its payload names the conversation, too. `shown`: the fields that are told, where
    not all are; the others are missing, or null."""

    shape: Any
    summary: str
    in_room: bool = False
    shown: frozenset[str] | None = None


class Asked(NamedTuple):
    """An event that clients send, and the data of its acknowledgement."""

    shape: Any
    answer: Any
    summary: str


class SocketIoNamespace(NamedTuple):
    key: str
    """The beginning of its messages' names."""
    path: str
    title: str
    emitted: Mapping[str, Emitted]
    asked: Mapping[str, Asked]


class Made(msgspec.Struct):
    """Parts of the document."""

    channels: dict[str, Schema] = {}
    operations: dict[str, Schema] = {}
    messages: dict[str, tuple[str, str]] = {}
    """Name → the event's name, and its summary."""


def types_of(namespaces: Sequence[SocketIoNamespace]) -> Iterator[Any]:
    for namespace in namespaces:
        yield from (event.shape for event in namespace.emitted.values())
        for asked in namespace.asked.values():
            yield from (asked.shape, asked.answer)


def added(
    namespaces: Sequence[SocketIoNamespace],
    schemas: dict[str, Schema],
    of: Mapping[int, Schema],
    refusal: Schema,
) -> Made:
    """The namespaces' channels, operations and messages; their payloads are put into `schemas`. `of`: the schema of each type."""
    made = Made()
    if not namespaces:
        return made
    schemas["SocketIoErrorAck"] = _ack_of("error", "error", refusal, "Why it was refused")
    made.messages["SocketIoErrorAck"] = ("error", "The acknowledgement of what was refused")
    failed = dict(resolved(refusal, schemas))
    of_event = {
        "type": "string",
        "description": "What was refused; missing if the session ends",
        "examples": ["conversation:join"],
    }
    code = {key: value for key, value in failed["properties"]["code"].items() if key != "enum"}
    schemas["SocketIoError"] = {
        **failed,
        "title": "SocketIoError",
        "properties": {"event": of_event, **failed["properties"], "code": code},
    }
    made.messages["SocketIoError"] = ("error", "What a client sent was refused, or why its session ends")
    for namespace in namespaces:
        _add(made, namespace, schemas, of)
    return made


def _add(
    made: Made, namespace: SocketIoNamespace, schemas: dict[str, Schema], of: Mapping[int, Schema]
) -> None:
    key, channel = namespace.key, f"socketIo{namespace.key}"
    sent = ["SocketIoError"]
    for name, event in namespace.emitted.items():
        message = key + component_name(name, "Payload")
        schemas[message] = _payload(message, event, of[id(event.shape)], schemas)
        made.messages[message] = (name, event.summary)
        sent.append(message)
    taken, answers = [], ["SocketIoErrorAck"]
    for name, asked in namespace.asked.items():
        message, ack = key + component_name(name, "Request"), _ack_name(of[id(asked.answer)])
        schemas[message] = _request(message, of[id(asked.shape)], schemas)
        made.messages[message] = (name, asked.summary)
        if ack not in schemas:
            schemas[ack] = _ack_of("ack", "data", of[id(asked.answer)], "What was done")
            made.messages[ack] = ("ack", "The acknowledgement of what was done")
        taken.append(message)
        answers += [ack] if ack not in answers else []
        made.operations["take" + message] = {
            "action": "receive",
            "channel": {"$ref": f"#/channels/{channel}"},
            "summary": asked.summary,
            "messages": _refs(channel, [message]),
            "reply": {
                "channel": {"$ref": f"#/channels/{channel}"},
                "messages": _refs(channel, [ack, "SocketIoErrorAck"]),
            },
        }
    _close(made, namespace, channel, sent, [*taken, *answers])


def _close(made: Made, namespace: SocketIoNamespace, channel: str, sent: list[str], other: list[str]) -> None:
    """The channel itself, and the operation that sends its events."""
    made.operations["sendOver" + channel[0].upper() + channel[1:]] = {
        "action": "send",
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": f"Events of the namespace `{namespace.path}`; the second argument of most is the event's id",
        "messages": _refs(channel, sent),
    }
    made.channels[channel] = {
        "address": namespace.path,
        "title": f"Socket.IO, namespace {namespace.path}",
        "description": f"{namespace.title}. Join with `auth: {{token, since?}}`.",
        "servers": [{"$ref": f"#/servers/{SERVER}"}],
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in (*sent, *other)},
    }


def _payload(name: str, event: Emitted, data: Schema, schemas: dict[str, Schema]) -> Schema:
    """An event's data, whole or as far as it is shown, and its conversation."""
    whole = resolved(data, schemas) if "$ref" in data else data
    shown = whole["properties"].keys() if event.shown is None else event.shown
    properties = {field: schema for field, schema in whole["properties"].items() if field in shown}
    required = [field for field in whole.get("required", ()) if field in shown]
    if event.in_room and "conversation_id" not in properties:
        properties["conversation_id"] = _ROOM
        required.append("conversation_id")
    schema = {"title": name, "type": "object", "description": event.summary + ".", "properties": properties}
    return schema | ({"required": required} if required else {})


def _request(name: str, shape: Schema, schemas: dict[str, Schema]) -> Schema:
    """The payload of a client's event: its message on a WebSocket without the frame."""
    whole = resolved(shape, schemas)
    properties = {field: schema for field, schema in whole["properties"].items() if field not in _FRAME}
    required = [field for field in whole.get("required", ()) if field not in _FRAME]
    rest = {key: value for key, value in whole.items() if key not in ("properties", "required")}
    return {**rest, "title": name, "properties": properties} | ({"required": required} if required else {})


def _ack_name(answer: Schema) -> str:
    return "SocketIo" + answer["$ref"].removeprefix(REFERENCE).removesuffix("Answer") + "Ack"


def _ack_of(type: str, field: str, data: Schema, description: str) -> Schema:
    kind = {"type": "string", "const": type, "description": "What kind of answer", "examples": [type]}
    return {
        "title": "An acknowledgement",
        "type": "object",
        "properties": {"type": kind, field: {**data, "description": description}},
        "required": ["type", field],
    }


def _refs(channel: str, names: Sequence[str]) -> list[Schema]:
    return [{"$ref": f"#/channels/{channel}/messages/{name}"} for name in names]

"""The AsyncAPI document: whole, by the code's tables. Payloads of a real server: tests/acceptance/test_asyncapi_payloads.py."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest
from jsonschema import Draft7Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

from tertulia.core.views.event_shapes import EVENTS
from tertulia.http.documents.asyncapi import document
from tertulia.http.routes import ALL
from tertulia.http.routes.streams.messages import ANY_ERRORS, MESSAGES, Refusal
from tertulia.http.routes.streams.opening import StreamQuery
from tertulia.http.socketio.shapes import NAMESPACES


def made(public_url: str | None = None) -> dict[str, Any]:
    return json.loads(
        msgspec.json.encode(document(ALL, MESSAGES, Refusal, ANY_ERRORS, "1.2.3", public_url, NAMESPACES))
    )


@pytest.fixture(scope="module")
def doc() -> dict[str, Any]:
    return made()


def types(doc: dict[str, Any], channel: str) -> set[str]:
    known = doc["components"]["messages"]
    return {known[name]["name"] for name in doc["channels"][channel]["messages"]}


def test_every_event_and_message_is_in_it(doc: dict[str, Any]) -> None:
    assert types(doc, "eventStream") == set(EVENTS)
    assert types(doc, "webSocket") == (set(EVENTS) - {"close"}) | set(MESSAGES) | {"ack", "error"}
    taken = [
        o
        for o in doc["operations"].values()
        if o["action"] == "receive" and o["channel"]["$ref"].endswith("/webSocket")
    ]
    assert [o["summary"] for o in taken] == [row.summary for row in MESSAGES.values()]
    codes = set(doc["components"]["schemas"]["Refusal"]["properties"]["code"]["enum"])
    assert codes >= set(ANY_ERRORS) | {code for row in MESSAGES.values() for code in row.errors}
    query = doc["channels"]["webSocket"]["bindings"]["ws"]["query"]
    assert query["properties"].keys() == set(StreamQuery.__struct_fields__)


def test_references_lead_somewhere(doc: dict[str, Any]) -> None:
    for reference in re.findall(r'"\$ref": ?"#/([^"]+)"', json.dumps(doc)):
        place: Any = doc
        for part in reference.split("/"):
            place = place[part]


def test_examples_fit_and_everything_is_described(doc: dict[str, Any]) -> None:
    registry = Registry().with_resource("urn:doc", Resource(doc, DRAFT7))
    for name, message in doc["components"]["messages"].items():
        validator = Draft7Validator({"$ref": f"urn:doc#/components/schemas/{name}"}, registry=registry)
        (example,) = message["examples"]
        assert [e.message for e in validator.iter_errors(example["payload"])] == [], name
        assert message["summary"]
    for name, schema in doc["components"]["schemas"].items():
        Draft7Validator.check_schema(schema)
        assert all(field.get("description") for field in schema.get("properties", {}).values()), name


def test_what_never_is_null_cannot_be(doc: dict[str, Any]) -> None:
    schemas = doc["components"]["schemas"]
    assert schemas["ConversationMessageEvent"]["properties"]["conversation_id"]["type"] == "string"
    assert schemas["ConversationTypingEvent"]["properties"]["seq"]["type"] == "null"
    assert schemas["AgentPresenceEvent"]["properties"]["conversation_id"]["type"] == "null"


@pytest.mark.parametrize(
    ("public_url", "host", "path", "protocols"),
    [
        (None, "localhost:8080", None, ["http", "ws", "ws"]),
        ("https://chat.example", "chat.example", None, ["https", "wss", "wss"]),
        ("http://chat.example:81/desk/", "chat.example:81", "/desk", ["http", "ws", "ws"]),
    ],
)
def test_servers_are_where_the_public_url_says(
    public_url: str | None, host: str, path: str | None, protocols: list[str]
) -> None:
    servers = made(public_url)["servers"].values()
    assert [server["protocol"] for server in servers] == protocols
    assert {server["host"] for server in servers} == {host}
    assert [server.get("pathname") for server in servers] == [path, path, f"{path or ''}/socket.io/"]

"""The generated parts of the clients: as the OpenAPI document is now, and whole."""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from tertulia.client import AsyncClient, Client, Event
from tertulia.client.generated import models
from tertulia.core.views.event_shapes import EVENTS

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "client"))

import generate  # noqa: E402
from generator.operations import calls  # noqa: E402
from generator.schemas import argument, python_type, snake  # noqa: E402


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return generate.document()


def test_generated_files_are_what_the_document_gives_now(document: dict[str, Any]) -> None:
    stale = [str(path.relative_to(ROOT)) for path in generate.stale_files(document)]
    assert stale == [], "run `make clients`"


def test_every_operation_is_a_method_of_both_clients(document: dict[str, Any]) -> None:
    ids = {snake(o["operationId"]) for methods in document["paths"].values() for o in methods.values()}
    without = {name for name in ids if not hasattr(Client, name)}
    streams = {
        snake(o["operationId"])
        for path in ("/v1/stream", "/v1/ws", "/desk/ws", "/assistant/api/v1/ws/conversations/{id}")
        for o in document["paths"][path].values()
    }
    assert without == streams and {name for name in ids if not hasattr(AsyncClient, name)} == streams
    assert hasattr(Client, "events") and hasattr(AsyncClient, "events")


def test_both_clients_have_the_same_methods_with_the_same_arguments() -> None:
    def signatures(client: type[Any]) -> dict[str, list[str]]:
        return {
            name: [str(parameter) for parameter in inspect.signature(member).parameters.values()]
            for name, member in inspect.getmembers(client, inspect.isfunction)
            if not name.startswith("_") and name not in ("close", "aclose", "as_user", "stream")
        }

    assert signatures(Client) == signatures(AsyncClient)


def test_every_model_resolves() -> None:
    found = [model for model in vars(models).values() if hasattr(model, "__required_keys__")]
    assert len(found) > 50
    for model in found:
        assert get_type_hints(model) is not None


def test_calls_with_a_key_are_the_same_in_both_languages(document: dict[str, Any]) -> None:
    keyed = {call.path for call in calls(document) if call.keyed}
    script = (ROOT / "client/npm/index.js").read_text()
    (line,) = re.findall(r"KEYED = new Set\(\[(.*)\]\)", script)
    assert set(re.findall(r'"([^"]+)"', line)) == keyed


def test_both_languages_know_every_event() -> None:
    arms = get_args(Event)
    python = {get_args(get_type_hints(arm)["type"])[0] for arm in arms}
    assert python == set(EVENTS) - {"ready", "close"} and len(arms) == len(python)
    typescript = (ROOT / "client/npm/events.d.ts").read_text()
    assert set(re.findall(r'Schemas\["(\w+)"\]', typescript)) == {arm.__name__ for arm in arms}
    listened = re.findall(r'^  "([a-z:]+)",$', (ROOT / "client/npm/event_types.js").read_text(), re.M)
    assert listened == list(EVENTS)


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"type": "string"}, "str"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "int | None"),
        ({"type": ["string", "null"]}, "str | None"),
        ({"enum": ["a", "b"]}, "Literal['a', 'b']"),
        ({"const": "a"}, "Literal['a']"),
        ({"type": "array", "items": {"$ref": "#/components/schemas/Message"}}, "list[Message]"),
        ({"type": "object", "additionalProperties": {"type": "number"}}, "dict[str, float]"),
        ({"type": "object"}, "dict[str, Any]"),
        ({}, "Any"),
    ],
)
def test_types_of_schemas(schema: dict[str, Any], kind: str) -> None:
    assert python_type(schema) == kind


def test_names_that_python_keeps_for_itself() -> None:
    assert argument("from") == "from_" and snake("getAPIClient") == "get_apiclient"
    assert argument("If-None-Match") == "if_none_match"

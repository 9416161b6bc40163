"""The OpenAPI document: true to the specification, and to the table of routes."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from tertulia.core.accounts.principal import PERMISSIONS
from tertulia.core.errors import Conflict, Overloaded
from tertulia.core.views.conversations import MessageView
from tertulia.core.views.event_shapes import ENTRIES, EVENTS
from tertulia.core.webhooks.events import EventType
from tertulia.http.documents.openapi import Document, Problem, document
from tertulia.http.documents.operations import plain_path
from tertulia.http.documents.schemas import schemas_of
from tertulia.http.framework.problems import problem_response
from tertulia.http.pages.files import names
from tertulia.http.routes import ALL
from tertulia.http.routes.docs import PAGE_POLICY, STATIC

VENDOR = STATIC / "vendor"


@pytest.fixture(scope="module")
def doc() -> dict[str, Any]:
    return json.loads(Document(lambda: document(ALL, "1.2.3")).encoded()[0])


def operations(doc: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for methods in doc["paths"].values() for operation in methods.values()]


@pytest.mark.slow
def test_it_keeps_the_specification(doc: dict[str, Any]) -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(doc).iter_errors()] == []
    assert doc["openapi"].startswith("3.1.") and doc["info"]["version"] == "1.2.3"


def test_every_route_is_in_it_and_nothing_else(doc: dict[str, Any]) -> None:
    written = {(m.upper(), path) for path, methods in doc["paths"].items() for m in methods}
    assert written == {(r.method, plain_path(r.path)) for r in ALL}
    assert len(written) == len(ALL)


def test_operations_have_distinct_ids_and_say_what_they_answer(doc: dict[str, Any]) -> None:
    ids = [o["operationId"] for o in operations(doc)]
    assert len(set(ids)) == len(ids) and all(re.fullmatch(r"[a-z]+[A-Za-z]*", name) for name in ids)
    for operation in operations(doc):
        assert any(status.startswith(("1", "2")) for status in operation["responses"]), operation[
            "operationId"
        ]
        assert operation["tags"] and operation["summary"]


def test_schemas_have_names_for_clients(doc: dict[str, Any]) -> None:
    schemas = doc["components"]["schemas"]
    assert {"Conversation", "Message", "Contact", "Problem"} <= schemas.keys()
    for name, schema in schemas.items():
        assert re.fullmatch(r"[A-Z][A-Za-z]+", name) and not name.endswith("View") and schema["title"] == name


def test_two_types_of_one_name_would_be_seen() -> None:
    with pytest.raises(ValueError, match="share a name"):
        schemas_of([MessageView, msgspec.defstruct("Message", [])])


def test_everything_is_described(doc: dict[str, Any]) -> None:
    for name, schema in doc["components"]["schemas"].items():
        if re.search(r"Assistant|Crm|Sync|Desk", name):
            continue  # older services' contracts, described by their own documents
        for field, value in schema.get("properties", {}).items():
            assert value.get("description"), f"{name}.{field}"
            free_form = value.get("type") == "object" and "properties" not in value
            mapped = isinstance(value.get("additionalProperties"), dict)
            assert not free_form or mapped or value["description"].startswith("Free-form"), f"{name}.{field}"
    for operation in operations(doc):
        assert operation["description"]
        for parameter in operation["parameters"]:
            older = operation["tags"][0] in ("assistant", "crm", "desk", "sync")
            assert older or "$ref" in parameter or parameter["description"], operation["operationId"]
    assert all(tag["description"] for tag in doc["tags"])


def values_of(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every schema of the document with an example of it."""
    if isinstance(node, dict):
        if isinstance(node.get("schema"), dict):
            for example in [
                *([node["example"]] if "example" in node else []),
                *(each["value"] for each in node.get("examples", {}).values()),
            ]:
                yield node["schema"], example
        if isinstance(node.get("examples"), list) and ("type" in node or "anyOf" in node or "$ref" in node):
            yield from ((node, example) for example in node["examples"])
    for each in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from values_of(each)


def test_examples_fit_their_schemas(doc: dict[str, Any]) -> None:
    text = json.dumps(doc).replace('"#/components', '"urn:doc#/components')
    doc = json.loads(text)
    resources = Registry().with_resource("urn:doc", Resource(contents=doc, specification=DRAFT202012))
    checked = 0
    for schema, example in values_of({key: doc[key] for key in ("paths", "webhooks", "components")}):
        validator = Draft202012Validator(
            schema, registry=resources, format_checker=Draft202012Validator.FORMAT_CHECKER
        )
        assert [error.message for error in validator.iter_errors(example)] == [], (schema, example)
        checked += 1
    assert checked > 1000


def test_each_body_and_answer_has_an_example(doc: dict[str, Any]) -> None:
    for operation in operations(doc):
        contents = [operation.get("requestBody", {}), *operation["responses"].values()]
        for content in [c for each in contents for c in each.get("content", {}).values()]:
            plain = content["schema"].get("type") == "string" or "file" in content["schema"].get(
                "properties", {}
            )
            assert plain or "example" in content, operation["operationId"]


def test_answers_name_what_follows(doc: dict[str, Any]) -> None:
    conversations = doc["paths"]["/v1/conversations"]
    links = conversations["post"]["responses"]["201"]["links"]
    assert links["createMessage"]["parameters"] == {"id": "$response.body#/id"}
    assert {"getConversation", "listEntries", "closeConversation"} <= links.keys()
    first = conversations["get"]["responses"]["200"]["links"]["getConversation"]
    assert first["parameters"] == {"id": "$response.body#/items/0/id"}
    names = {operation["operationId"] for operation in operations(doc)}
    for operation in operations(doc):
        for response in operation["responses"].values():
            assert response.get("links", {}).keys() <= names


def test_entries_and_events_are_unions_by_kind(doc: dict[str, Any]) -> None:
    schemas = doc["components"]["schemas"]
    assert set(schemas["Entry"]["discriminator"]["mapping"]) == set(ENTRIES)
    assert set(schemas["Event"]["discriminator"]["mapping"]) == set(EVENTS)
    assert set(doc["webhooks"]) == {*get_args(EventType), "ping"}
    assert "enum" in schemas["Problem"]["properties"]["code"]


def test_references_lead_somewhere(doc: dict[str, Any]) -> None:
    for reference in re.findall(r'"\$ref": ?"#/([^"]+)"', json.dumps(doc)):
        place: Any = doc
        for part in reference.split("/"):
            place = place[part]


def test_security_follows_the_permissions(doc: dict[str, Any]) -> None:
    for route in ALL:
        operation = doc["paths"][plain_path(route.path)][route.method.lower()]
        if route.permission is None:
            assert {"bearer": []} not in operation["security"]
        else:
            assert {"bearer": []} in operation["security"] and {"401", "403"} <= operation["responses"].keys()
            may = {role.value for role, names in PERMISSIONS.items() if route.permission in names}
            assert all(role in operation["description"] for role in may)


def test_bodies_and_parameters_are_those_that_validate(doc: dict[str, Any]) -> None:
    contacts = doc["paths"]["/v1/contacts"]
    body = contacts["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"].split("/")[-1]
    schema = doc["components"]["schemas"][body]
    assert schema["additionalProperties"] is False and set(schema["properties"]) == {
        "name",
        "attributes",
        "identifiers",
    }
    limit = next(p for p in contacts["get"]["parameters"] if p.get("name") == "limit")
    assert limit["schema"] == {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}
    assert limit["description"]
    assert (
        "application/x-www-form-urlencoded"
        in doc["paths"]["/v1/auth/token"]["post"]["requestBody"]["content"]
    )
    settings = doc["components"]["schemas"]["AccountPatch"]["properties"]["settings"]
    assert settings["$ref"] == "#/components/schemas/AccountSettingsPatch"


@pytest.mark.parametrize("error", [Conflict("no", current={"a": 1}), Overloaded("later")])
def test_problems_are_as_described(error: Any) -> None:
    body = problem_response(error, "id").body
    assert isinstance(body, bytes)
    assert set(json.loads(body)) <= set(Problem.__struct_fields__)
    msgspec.json.decode(body, type=Problem)


def test_two_routes_of_one_path_and_method_would_be_seen() -> None:
    written = document([*ALL, ALL[0]], "1")["paths"]
    assert sum(map(len, written.values())) == len(ALL)


# -- the files of the pages


def test_vendored_files_are_those_of_their_packages() -> None:
    packages = json.loads((VENDOR / "MANIFEST.json").read_text())["packages"]
    listed = {name: sha for package in packages for name, sha in package["files"].items()}
    found = {
        p.relative_to(VENDOR).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in VENDOR.rglob("*")
        if p.is_file() and p.name != "MANIFEST.json"
    }
    assert found == listed and all(package["version"] for package in packages)


def test_only_listed_files_are_served() -> None:
    assert {"docs.js", "docs.css", "vendor/swagger-ui/swagger-ui-bundle.js"} <= names(STATIC)
    assert all((STATIC / name).is_relative_to(STATIC) for name in names(STATIC))
    assert not any(name.startswith(("/", ".")) or ".." in Path(name).parts for name in names(STATIC))


def test_the_page_obeys_its_policy() -> None:
    page = (STATIC / "docs.html").read_text()
    assert "unsafe" not in PAGE_POLICY
    assert not re.search(r"<script(?![^>]*\bsrc=)|\bstyle=|\bon\w+=|https?://", page)

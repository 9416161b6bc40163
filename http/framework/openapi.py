"""The OpenAPI 3.1 document, generated from the table of routes and their types, so that the two cannot differ."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from aiohttp import web

from ...core.accounts.principal import PERMISSIONS
from ...core.text.fields import about
from .endpoint import Route
from .problems import STATUS
from .schemas import REFERENCE, resolved, schemas_of

_PARAMETER = re.compile(r"\{(\w+)(?::[^}]*)?\}")
_DESCRIPTION = (
    "Customer conversations in realtime. Times are RFC 3339 in UTC with milliseconds, ids are UUIDs; fields that a request"
    " must not have are refused. Every error is application/problem+json."
)


class FieldError(msgspec.Struct, frozen=True):
    """`path` as in `content` or `attachments[0].url`."""

    path: Annotated[str, about("The field, as in `attachments[0].url`; empty for the whole body", "content")]
    message: Annotated[str, about("What is wrong with it, for people", "Expected `str` of length >= 1")]


class Problem(msgspec.Struct, frozen=True):
    """RFC 9457. `current` is the state that a conflict was refused for."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    errors: list[FieldError]
    request_id: str
    current: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET


class Document:
    """The document of a table of routes, made on first use."""

    def __init__(self, routes: Sequence[Route], version: str) -> None:
        self._routes = routes
        self._version = version
        self._made: tuple[bytes, str] | None = None

    def encoded(self) -> tuple[bytes, str]:
        """Its JSON, and an ETag."""
        if self._made is None:
            body = msgspec.json.encode(document(self._routes, self._version))
            self._made = body, hashlib.sha256(body).hexdigest()[:32]
        return self._made


DOCUMENT: web.AppKey[Document] = web.AppKey("openapi", Document)


def plain_path(path: str) -> str:
    """A route's path with parameters stripped of their patterns."""
    return _PARAMETER.sub(r"{\1}", path)


def document(routes: Sequence[Route], version: str) -> dict[str, Any]:
    """The whole document."""
    types = _types(routes)
    made, components = schemas_of(types)
    schemas = {id(t): s for t, s in zip(types, made, strict=True)}
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        operation = _operation(route, schemas, components)
        paths.setdefault(plain_path(route.path), {})[route.method.lower()] = operation
    for route in routes:
        for field, type_ in route.describes.items():
            resolved(schemas[id(route.body)], components)["properties"][field] = schemas[id(type_)]
    queries = {schemas[id(r.query)]["$ref"].removeprefix(REFERENCE) for r in routes if r.query is not None}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tertulia",
            "version": version,
            "description": _DESCRIPTION,
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(r.tag for r in routes if r.tag)],
        "paths": paths,
        "components": {
            "schemas": {name: schema for name, schema in components.items() if name not in queries},
            "responses": {str(status): _problem(status, title) for status, title in _titles().items()},
            "parameters": {"AccountId": _ACCOUNT},
            "securitySchemes": _SCHEMES,
        },
    }


_FILE = {"type": "string", "contentMediaType": "application/octet-stream"}
_ACCOUNT = {
    "name": "X-Account-Id",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "format": "uuid"},
    "description": "Which account is meant, where the token holds several",
}
_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "client": {"type": "http", "scheme": "basic", "description": "An api client's id and secret"},
    "ticket": {
        "type": "apiKey",
        "in": "query",
        "name": "ticket",
        "description": "A single-use stream ticket from POST /v1/auth/ticket",
    },
    "cookie": {"type": "apiKey", "in": "cookie", "name": "tertulia_token"},
    "link": {
        "type": "apiKey",
        "in": "query",
        "name": "signature",
        "description": "A signed link from GET /v1/attachments/{id}/link",
    },
}


def _types(routes: Sequence[Route]) -> list[Any]:
    """Every type that the routes use, once."""
    found: dict[int, Any] = {id(Problem): Problem}
    for route in routes:
        for type_ in (route.body, route.query, *route.answers.values(), *route.describes.values()):
            if type_ is not None and type_ is not bytes:
                found[id(type_)] = type_
    return list(found.values())


def _titles() -> dict[int, str]:
    return dict(reversed(STATUS.values()))


def _problem(status: int, title: str) -> dict[str, Any]:
    response: dict[str, Any] = {
        "description": title,
        "content": {"application/problem+json": {"schema": {"$ref": REFERENCE + "Problem"}}},
    }
    if status in (429, 503):
        seconds = {"description": "Seconds to wait", "schema": {"type": "integer"}, "required": True}
        response["headers"] = {"Retry-After": seconds}
    return response


def _operation(route: Route, schemas: dict[int, Any], components: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "tags": [route.tag] if route.tag else [],
        "parameters": _parameters(route, schemas, components),
        "responses": _responses(route, schemas),
        "security": _security(route),
    }
    if route.permission is not None:
        roles = [role.value for role, permissions in PERMISSIONS.items() if route.permission in permissions]
        operation["description"] = f"Permission `{route.permission}`: {', '.join(roles)}."
    if route.body is not None:
        schema = schemas[id(route.body)]
        kinds = ["application/json"]
        if route.form:
            kinds.append("application/x-www-form-urlencoded")
        content = {kind: {"schema": schema} for kind in kinds}
        operation["requestBody"] = {"required": not route.body_optional, "content": content}
    if route.upload:
        operation["requestBody"] = {"required": True, "content": {t: _upload(t) for t in route.upload}}
    return operation


def _upload(media: str) -> dict[str, Any]:
    """The body of an upload; in a form the field is `file`."""
    if not media.startswith("multipart/"):
        return {"schema": _FILE}
    return {"schema": {"type": "object", "required": ["file"], "properties": {"file": _FILE}}}


def _security(route: Route) -> list[dict[str, list[str]]]:
    if route.form:
        return [{}, {"client": []}]
    if route.permission is None:
        return []
    if route.signed:
        return [{"bearer": []}, {"link": []}]
    return [{name: []} for name in (("bearer", "ticket", "cookie") if route.stream else ("bearer",))]


def _parameters(route: Route, schemas: dict[int, Any], components: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": _path_schema(name)}
        for name in _PARAMETER.findall(route.path)
    ]
    if route.query is not None:
        struct = resolved(schemas[id(route.query)], components)
        required = struct.get("required", [])
        found += [
            _query_parameter(name, schema, name in required) for name, schema in struct["properties"].items()
        ]
    if route.permission is not None:
        found.append({"$ref": "#/components/parameters/AccountId"})
    return found


def _path_schema(name: str) -> dict[str, Any]:
    is_id = name == "id" or (name.endswith("_id") and name != "user_id")
    return {"type": "string", "format": "uuid"} if is_id else {"type": "string"}


def _query_parameter(name: str, schema: dict[str, Any], required: bool) -> dict[str, Any]:
    """Queries have no null: optional parameters are marked by `required`."""
    schema = dict(schema)
    arms = [a for a in schema.get("anyOf", []) if a.get("type") != "null"]
    if "anyOf" in schema:
        del schema["anyOf"]
        schema = {**arms[0], **schema} if len(arms) == 1 else {**schema, "anyOf": arms}
    if schema.get("default", ...) is None:
        del schema["default"]
    parameter: dict[str, Any] = {"name": name, "in": "query", "required": required, "schema": schema}
    if "description" in schema:
        parameter["description"] = schema.pop("description")
    return parameter


def _responses(route: Route, schemas: dict[int, Any]) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, type_ in sorted(route.answers.items()):
        response: dict[str, Any] = {"description": HTTPStatus(status).phrase}
        if type_ is not None:
            schema = _FILE if type_ is bytes else schemas[id(type_)]
            response["content"] = {route.media: {"schema": schema}}
        responses[str(status)] = response
    for status in _refusals(route):
        responses.setdefault(str(status), {"$ref": f"#/components/responses/{status}"})
    return responses


def _refusals(route: Route) -> list[int]:
    """The statuses of problems that a route of this shape can answer with."""
    found = [400, 429, 500, 503]
    if route.permission is not None or route.form:
        found += [401]
    if route.permission is not None:
        found += [403]
    if "{" in route.path:
        found += [404]
    if route.method != "GET":
        found += [409]
    if route.body is not None or route.upload:
        found += [413, 415]
    if route.body is not None or route.query is not None:
        found += [422]
    if route.upload:
        found += [408]
    found += route.refuses
    return sorted(found)

"""One operation of the OpenAPI document: what a route takes, how it answers, and who may call it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

from ...core.accounts.principal import PERMISSIONS
from ..framework.endpoint import Route
from .examples import example_of
from .schemas import REFERENCE, Schema, resolved

_PARAMETER: Final = re.compile(r"\{(\w+)(?::[^}]*)?\}")
FILE: Final[Schema] = {"type": "string", "contentMediaType": "application/octet-stream"}
UPLOAD: Final[Schema] = {**FILE, "minLength": 1}
TEXT: Final[Schema] = {"type": "string"}
HEADERS: Final[dict[str, tuple[str, Any]]] = {
    "Idempotency-Key": (
        "The same as the body's `client_message_id`, which counts first: a repetition returns the first result",
        "m-1",
    ),
    "Last-Event-ID": ("The id of the last event seen: the events after it are replayed first", "1f.42.0"),
    "If-None-Match": ("The `ETag` of the copy that the client has: 304 if it is the same", '"5f2c9a1e"'),
    "Range": ("The part of the file that is wanted", "bytes=0-1023"),
    "If-Range": ("The `ETag` to which `Range` refers: another file is sent whole", '"5f2c9a1e"'),
}
"""Headers that routes read, besides those of every request: name → description, example."""
ACCOUNT_HEADERS: Final = {"X-Tenant-Id": "TenantId"}
"""Headers by which dialects name the account: name → component of the document."""
_PATH: Final[dict[str, tuple[str, Any]]] = {
    "user_id": ("The agent: the `sub` of their tokens", "00000000-0000-0000-0000-000000000021"),
    "channel_type": ("The channel's type", "telegram"),
    "path": ("The file", "docs.css"),
    "phoneNumber": ("A phone number with its country code", "+251911223344"),
    "sessionId": ("The session's id", "wa-0190a5f0"),
}
_EXAMPLE_ID: Final = "0190a5f0-7c1e-7d3a-9b52-3f6f0c1e5a07"
SCHEMES: Final[dict[str, Schema]] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token; its claim `accounts` names the roles: `x-roles` of an operation says which may call it",
    },
    "client": {"type": "http", "scheme": "basic", "description": "An API client's id and secret"},
    "tenant": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Tenant-Id",
        "description": "The tenant alone, where the operator trusts who names it (TERTULIA_TRUST_TENANT_HEADER)",
    },
    "key": {"type": "http", "scheme": "bearer", "description": "An API client's secret"},
    "ticket": {
        "type": "apiKey",
        "in": "query",
        "name": "ticket",
        "description": "A single-use stream ticket from POST /v1/auth/ticket",
    },
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "tertulia_token",
        "description": "A token in a cookie, for streams that a browser opens",
    },
    "link": {
        "type": "apiKey",
        "in": "query",
        "name": "signature",
        "description": "A signed link from GET /v1/attachments/{id}/link",
    },
}


def plain_path(path: str) -> str:
    """A route's path with parameters stripped of their patterns."""
    return _PARAMETER.sub(r"{\1}", path)


class Operations:
    """Makes the operations of a table of routes, whose types have these schemas."""

    def __init__(
        self, routes: Sequence[Route], schemas: dict[int, Schema], components: dict[str, Schema]
    ) -> None:
        self._schemas = schemas
        self._components = components
        self._below: dict[str, list[Route]] = {}
        for route in routes:
            self._below.setdefault(plain_path(route.path).partition("/{")[0], []).append(route)

    def of(self, route: Route) -> Schema:
        roles = _roles(route)
        operation: Schema = {
            "operationId": route.name,
            "summary": route.summary,
            "description": _description(route, roles),
            "tags": [route.tag],
            "parameters": self._parameters(route),
            "responses": self._responses(route),
            "security": _security(route),
        }
        if roles:
            operation |= {"x-permission": route.permission, "x-roles": roles}
        if (body := self._body(route)) is not None:
            operation["requestBody"] = body
        return operation

    def _body(self, route: Route) -> Schema | None:
        if route.upload:
            return {"required": True, "content": {media: _upload(media) for media in route.upload}}
        if route.body is None:
            return None
        schema = self._schemas[id(route.body)]
        example = route.example or example_of(schema, self._components, request=True)
        kinds = ["application/json", *(["application/x-www-form-urlencoded"] if route.form else [])]
        content = {kind: {"schema": schema, "example": example} for kind in kinds}
        return {"required": not route.body_optional, "content": content}

    def _parameters(self, route: Route) -> list[Schema]:
        found = [_path_parameter(name) for name in _PARAMETER.findall(route.path)]
        if route.query is not None:
            struct = resolved(self._schemas[id(route.query)], self._components)
            required = struct.get("required", [])
            signs = {scheme["name"] for scheme in SCHEMES.values() if scheme.get("in") == "query"}
            found += [
                _query_parameter(name, schema, name in required)
                for name, schema in struct["properties"].items()
                if name not in signs
            ]
        found += [_header_parameter(name) for name in route.reads]
        if route.gate is not None and route.gate.header is not None:
            found.append({"$ref": f"#/components/parameters/{ACCOUNT_HEADERS[route.gate.header]}"})
        elif route.permission is not None:
            found.append({"$ref": "#/components/parameters/AccountId"})
        return found

    def _responses(self, route: Route) -> Schema:
        responses: Schema = {}
        for status, type_ in sorted(route.answers.items()):
            names = ["X-Request-Id", *route.sends, *(["Location"] if status == 201 and route.locates else [])]
            response: Schema = {
                "description": HTTPStatus(status).phrase,
                "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names},
            }
            if type_ is not None:
                response["content"] = {media: self._content(type_) for media in route.media.split(", ")}
            if links := self._links(route, status):
                response["links"] = links
            responses[str(status)] = response
        for status in refusals(route):
            responses.setdefault(str(status), self._refusal(route, status))
        return responses

    def _refusal(self, route: Route, status: int) -> Schema:
        """The response of a refusal: as everywhere, or in a dialect's own form, if the request got as far as its route."""
        reference = {"$ref": f"#/components/responses/{status}"}
        if route.error is None:
            return reference
        schema = {"$ref": REFERENCE + "Problem"}
        problem = {"schema": schema, "example": example_of(schema, self._components)}
        content = {"application/json": self._content(route.error), "application/problem+json": problem}
        return {"description": HTTPStatus(status).phrase, "content": content}

    def _content(self, type_: Any) -> Schema:
        if type_ in (bytes, str):
            return {"schema": FILE if type_ is bytes else TEXT}
        schema = self._schemas[id(type_)]
        return {"schema": schema, "example": example_of(schema, self._components)}

    def _links(self, route: Route, status: int) -> Schema:
        """The operations on what a response names: an object that was created or found, and the first of a list."""
        type_ = route.answers.get(status)
        found = self._schemas.get(id(type_), {})
        if not (200 <= status < 300) or "$ref" not in found or "{" in route.path:
            return {}
        schema = resolved(found, self._components)
        place = _place_of(schema, self._components)
        base = route.path.removesuffix("/find-or-create")
        if place is None or base.endswith("/me"):
            return {}
        return {
            other.name: {
                "operationId": other.name,
                "parameters": {name: f"$response.body#/{place[0]}"},
                "description": f"{other.summary}: this one",
            }
            for other in self._below.get(base, ())
            for name in _PARAMETER.findall(other.path)[:1]
            if _PARAMETER.findall(other.path) == [name] and name in place[1]
        }


_IDS: Final = {"id": ("id",), "client_id": ("id",), "message_id": ("message_id",), "user_id": ("user_id",)}
"""Field of an object → the path parameters that take it."""


def _place_of(schema: Schema, components: dict[str, Schema]) -> tuple[str, tuple[str, ...]] | None:
    """The field in which a response holds an object's id, and the path parameters that take it."""
    properties = schema.get("properties", {})
    prefix = ""
    if set(properties) >= {"items", "next_cursor"} and "$ref" in properties["items"]["items"]:
        properties = resolved(properties["items"]["items"], components).get("properties", {})
        prefix = "items/0/"
    for name, parameters in _IDS.items():
        if name in properties:
            return prefix + name, parameters
    return None


def _roles(route: Route) -> list[str]:
    if route.permission is None:
        return []
    return [role.value for role, permissions in PERMISSIONS.items() if route.permission in permissions]


def _description(route: Route, roles: list[str]) -> str:
    who = f"Permission `{route.permission}`: {', '.join(roles)}." if roles else "No token is needed."
    return f"{route.details} {who}" if route.details else who


def _upload(media: str) -> Schema:
    """The body of an upload; in a form the field is `file`."""
    if not media.startswith("multipart/"):
        return {"schema": UPLOAD}
    file = {**UPLOAD, "description": "The file"}
    form = {
        "type": "object",
        "required": ["file"],
        "properties": {"file": file},
        "additionalProperties": False,
    }
    return {"schema": form}


def _security(route: Route) -> list[dict[str, list[str]]]:
    if route.form:
        return [{}, {"client": []}]
    if route.permission is None:
        return []
    if route.gate is not None:
        return [{name: []} for name in route.gate.schemes]
    if route.signed:
        return [{"bearer": []}, {"link": []}]
    return [{name: []} for name in (("bearer", "ticket", "cookie") if route.stream else ("bearer",))]


def _path_parameter(name: str) -> Schema:
    described, example = _PATH.get(name, ("Its id", _EXAMPLE_ID))
    schema = TEXT if name in _PATH else {**TEXT, "format": "uuid"}
    parameter = {"name": name, "in": "path", "required": True, "schema": schema}
    return {**parameter, "description": described, "example": example}


def _header_parameter(name: str) -> Schema:
    described, example = HEADERS[name]
    parameter = {"name": name, "in": "header", "required": False, "schema": TEXT}
    return {**parameter, "description": described, "example": example}


def _query_parameter(name: str, schema: Schema, required: bool) -> Schema:
    """Queries have no null: optional parameters are marked by `required`."""
    schema = dict(schema)
    arms = [a for a in schema.get("anyOf", []) if a.get("type") != "null"]
    if "anyOf" in schema:
        del schema["anyOf"]
        schema = {**arms[0], **schema} if len(arms) == 1 else {**schema, "anyOf": arms}
    if schema.get("default", ...) is None:
        del schema["default"]
    examples = [each for each in schema.pop("examples", []) if each is not None]
    parameter: Schema = {"name": name, "in": "query", "required": required, "schema": schema}
    if "description" in schema:
        parameter["description"] = schema.pop("description")
    if examples:
        parameter["example"] = examples[0]
    return parameter


def refusals(route: Route) -> list[int]:
    """The statuses of problems that a route of this shape can answer with."""
    found = {400, 414, 421, 429, 431, 500, 503, *route.refuses}
    if route.permission is not None or route.form:
        found.add(401)
    if route.permission is not None:
        found.add(403)
    if "{" in route.path:
        found.add(404)
    if route.method != "GET":
        found.add(409)
    if route.body is not None or route.upload:
        found |= {408, 413, 415}
    if route.body is not None or route.query is not None:
        found.add(422)
    return sorted(found)

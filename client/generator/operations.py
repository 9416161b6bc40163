"""The operations of the API as the Python clients' methods."""

from __future__ import annotations

import re

from .schemas import NOTE, Json, argument, described, docstring, model_name, or_omit, python_type, snake

OWN_HEADERS = {"x-account-id", "idempotency-key", "last-event-id", "if-none-match", "range", "if-range"}
"""Headers that the transport sets itself, or has no use for: it keeps no copies."""


class Call:
    """One operation: its method's signature and how its arguments travel."""

    def __init__(self, doc: Json, method: str, path: str, operation: Json) -> None:
        self._doc = doc
        self.method = method.upper()
        self.path = path
        self.operation = operation
        self.name = snake(operation["operationId"])
        self.constant = self.name.upper()
        found = [self._resolved(p, "parameters") for p in operation.get("parameters", [])]
        self.places = [p for p in found if p["in"] == "path"]
        self.query = [p for p in found if p["in"] == "query"]
        self.headers = [p for p in found if p["in"] == "header" and p["name"].lower() not in OWN_HEADERS]
        self.sends_key = any(p["name"].lower() == "idempotency-key" for p in found)
        content = operation.get("requestBody", {}).get("content", {})
        body = self._resolved(content.get("application/json", {}).get("schema", {}), "schemas")
        self.body: Json | None = body if "properties" in body else None
        self.uploads = bool(content) and self.body is None
        fields = self.body["properties"] if self.body else {}
        self.keyed = "client_message_id" in fields
        self.returns, self.answers = self._answer()

    def _resolved(self, thing: Json, kind: str) -> Json:
        if "$ref" not in thing:
            return thing
        return self._doc["components"][kind][thing["$ref"].rsplit("/", 1)[1]]

    def _answer(self) -> tuple[str, str]:
        """The type that the method returns, and how the transport reads it."""
        kinds: dict[str, None] = {}
        how = "json"
        for status, response in self.operation["responses"].items():
            if status[0] != "2":
                continue
            media, shown = next(iter(response.get("content", {}).items()), ("", {}))
            if media in ("", "application/json"):
                kinds[python_type(shown["schema"]) if media else "None"] = None
            else:
                how = "text" if media.startswith("text/") else "bytes"
                kinds["str" if how == "text" else "bytes"] = None
        return " | ".join(kinds) or "None", how

    @property
    def streams(self) -> bool:
        """Streams are written by hand."""
        responses = self.operation["responses"]
        return "101" in responses or any(
            "text/event-stream" in r.get("content", {}) for r in responses.values()
        )

    @property
    def pages(self) -> tuple[str, str] | None:
        """How a list is continued, `cursor` or `seq`, and the type of its items."""
        schema = self._doc["components"]["schemas"].get(
            next((key for key in self._doc["components"]["schemas"] if model_name(key) == self.returns), ""),
            {},
        )
        fields, names = schema.get("properties", {}), {p["name"] for p in self.query}
        if "items" not in fields:
            return None
        item = python_type(fields["items"].get("items", {}))
        if "next_cursor" in fields and "cursor" in names:
            return "cursor", item
        return ("seq", item) if "has_more" in fields and "after_seq" in names else None

    def signature(self, *, leave_out: frozenset[str] = frozenset()) -> str:
        """The parameters after `self`."""
        given = ["self", *(f"{argument(p['name'])}: str" for p in self.places)]
        required, optional = [], ["timeout: float | None = None"]
        if self.uploads:
            required += ["content: Upload", "content_type: str"]
        fields = [(p["name"], p["schema"], p.get("required", False)) for p in (*self.query, *self.headers)]
        if self.body is not None:
            needed = self.body.get("required", ())
            fields += [(name, schema, name in needed) for name, schema in self.body["properties"].items()]
        for name, schema, is_needed in fields:
            if name in leave_out:
                continue
            if is_needed:
                required.append(f"{argument(name)}: {python_type(schema)}")
            else:
                optional.insert(-1, f"{argument(name)}: {or_omit(python_type(schema))} = OMIT")
        return ", ".join([*given, "*", *required, *optional])

    def values(self, *, leave_out: frozenset[str] = frozenset(), query: str = "") -> str:
        """The arguments of `_call` after the operation."""
        parts = [f"({' '.join(argument(p['name']) + ',' for p in self.places)})"] if self.places else []
        named = [f"{p['name']!r}: {argument(p['name'])}" for p in self.query if p["name"] not in leave_out]
        if named or query:
            parts.append(f"query={{{', '.join([*named, *([query] if query else [])])}}}")
        if self.body is not None:
            parts.append(f"body={{{', '.join(self._field(name) for name in self.body['properties'])}}}")
        headers = [f"{p['name']!r}: {argument(p['name'])}" for p in self.headers]
        if self.sends_key and not self.keyed:
            headers.append('"Idempotency-Key": new_key()')
        if self.uploads:
            parts.append("upload=content")
            headers.insert(0, '"Content-Type": content_type')
        if headers:
            parts.append(f"headers={{{', '.join(headers)}}}")
        return ", ".join([f"operations.{self.constant}", *parts, "timeout=timeout"])

    def _field(self, name: str) -> str:
        value = argument(name)
        if name == "client_message_id":
            value = f"new_key() if {value} is OMIT or {value} is None else {value}"
        return f"{name!r}: {value}"

    def text(self) -> str:
        words = [str(self.operation.get("summary", "")).strip().rstrip("."), described(self.operation)]
        return docstring(".\n\n        ".join(w for w in words if w) + ("" if words[1] else "."), " " * 8)

    def constant_line(self) -> str:
        path = re.sub(r"\{\w+\}", "{}", self.path)
        more = ", repeatable=True" if self.keyed or self.sends_key else ""
        more += f", answers={self.answers!r}" if self.answers != "json" else ""
        return f"{self.constant} = Operation({self.method!r}, {path!r}{more})\n"

    def methods(self, asynchronous: bool) -> str:
        define, wait = ("async def", "await ") if asynchronous else ("def", "")
        found = (
            f"    {define} {self.name}({self.signature()}) -> {self.returns}:\n{self.text()}"
            f"        return {wait}self._call({self.values()})\n"
        )
        return found + ("\n" + self._iterator(asynchronous) if self.pages else "")

    def _iterator(self, asynchronous: bool) -> str:
        assert self.pages is not None
        how, item = self.pages
        prefix, suffix = ("Async", "_async") if asynchronous else ("", "")
        own = frozenset({"cursor"} if how == "cursor" else {"after_seq", "before_seq"})
        shown = own - {"after_seq"}
        fetch = f"lambda page: self._call({self.values(leave_out=own, query='**page')})"
        more = "" if how == "cursor" else ", after_seq"
        return (
            f"    def iter_{self.name.removeprefix('list_')}({self.signature(leave_out=shown)}) -> "
            f"{prefix}Iterator[{item}]:\n"
            + docstring(f"All items of `{self.name}`, page by page.", " " * 8)
            + f"        return by_{how}{suffix}({fetch}{more})\n"
        )


def calls(doc: Json) -> list[Call]:
    """All operations but streams."""
    found = [Call(doc, m, path, o) for path, methods in doc["paths"].items() for m, o in methods.items()]
    return sorted((call for call in found if not call.streams), key=lambda call: call.name)


def operations(found: list[Call]) -> str:
    head = f'"""The operations of the API. {NOTE}"""\n\nfrom ..transport.operations import Operation\n\n'
    return head + "".join(call.constant_line() for call in found)


def methods(found: list[Call], asynchronous: bool) -> str:
    """The class that clients inherit their methods from."""
    prefix, module, suffix = ("Async", "nonblocking", "_async") if asynchronous else ("", "blocking", "")
    body = "\n".join(call.methods(asynchronous) for call in found)
    names = sorted(
        set(re.findall(r"\b[A-Z]\w+", body)) & {model_name(k) for k in found[0]._doc["components"]["schemas"]}
    )
    return (
        f'"""A method for each operation of the API. {NOTE}"""\n\nfrom __future__ import annotations\n\n'
        f"from collections.abc import {prefix}Iterator\nfrom typing import Any, Literal\n\n"
        f"from ..transport.{module} import {prefix}Transport\n"
        f"from ..transport.operations import OMIT, Omit, new_key\n"
        f"from ..transport.pages import by_cursor{suffix}, by_seq{suffix}\n"
        "from ..transport.requests import Upload\n"
        f"from . import operations\nfrom .models import {', '.join(names)}\n\n\n"
        f'class {prefix}Methods({prefix}Transport):\n    """Fields that are left out are not sent; `None` sends null."""\n\n{body}'
    )

"""Writes the generated parts of the clients from the server's OpenAPI document; `make clients` runs it.

`tests/client/test_generated.py` holds them equal to what the document gives now.
"""

from __future__ import annotations

import hashlib
import json
import keyword
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).parents[1]
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from tertulia import __version__  # noqa: E402
from tertulia.http.documents import openapi  # noqa: E402
from tertulia.http.routes import ALL  # noqa: E402

PYTHON = ROOT / "client/python/tertulia/client/generated"
NPM = ROOT / "client/npm"
SCHEMAS = "#/components/schemas/"
NOTE = "Generated from the server's OpenAPI document by `make clients`; do not edit."
OWN_HEADERS = {"x-account-id", "idempotency-key", "last-event-id", "if-none-match", "range", "if-range"}
"""Headers that the transport sets itself, or has no use for: it keeps no copies."""
Json = dict[str, Any]


def document() -> Json:
    """The document as a server gives it."""
    return json.loads(msgspec.json.encode(openapi.document(ALL, __version__)))


# -- names


def snake(name: str) -> str:
    return re.sub(r"\W+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)).lower()


def argument(name: str) -> str:
    """A parameter's name as Python allows it."""
    name = snake(name)
    return name + "_" if keyword.iskeyword(name) else name


def model_name(schema: str) -> str:
    """A schema's name; of one that is qualified by its module, the last two words."""
    words = schema.split(".")[-2:]
    return "".join(word[:1].upper() + word[1:] for part in words for word in part.split("_"))


# -- types


def python_type(schema: Json) -> str:
    """The type of what a schema describes."""
    if "$ref" in schema:
        return model_name(schema["$ref"].removeprefix(SCHEMAS))
    if "const" in schema:
        return f"Literal[{schema['const']!r}]"
    if "enum" in schema:
        return f"Literal[{', '.join(map(repr, schema['enum']))}]"
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return " | ".join(dict.fromkeys(python_type(arm) for arm in schema[key]))
    if "allOf" in schema and len(schema["allOf"]) == 1:
        return python_type(schema["allOf"][0])
    kind = schema.get("type")
    if isinstance(kind, list):
        return " | ".join(python_type({**schema, "type": one}) for one in kind)
    if kind == "array":
        return f"list[{python_type(schema.get('items', {}))}]"
    if kind == "object":
        more = schema.get("additionalProperties")
        return f"dict[str, {python_type(more) if isinstance(more, dict) else 'Any'}]"
    names = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
    return names.get(str(kind), "Any")


def or_omit(kind: str) -> str:
    """The type of an optional argument; None stands last."""
    bare = kind.removesuffix(" | None")
    return f"{bare} | Omit | None" if bare != kind else f"{bare} | Omit"


def docstring(text: str, indent: str = "    ") -> str:
    text = text.strip().replace("\\", "\\\\").replace('"""', "'''")
    end = " " if text.endswith('"') else ""
    return f'{indent}"""{text}{end}"""\n' if text else ""


def models(doc: Json) -> str:
    """The module of TypedDicts, one for each schema."""
    parts = [
        f'"""The objects of the API. {NOTE}"""\n\nfrom __future__ import annotations\n\n'
        "from typing import Any, Literal, NotRequired, TypeAlias, TypedDict\n"
    ]
    aliases: list[str] = []
    for key, schema in sorted(doc["components"]["schemas"].items(), key=lambda item: model_name(item[0])):
        name = model_name(key)
        if "properties" not in schema:
            aliases.append(f"{name}: TypeAlias = {python_type(schema)}\n")
        elif all(field.isidentifier() and not keyword.iskeyword(field) for field in schema["properties"]):
            parts.append(class_of(name, schema))
        else:
            fields = "".join(f"    {field!r}: {kind!r},\n" for field, kind in fields_of(schema))
            parts.append(f"{name} = TypedDict({name!r}, {{\n{fields}}})\n" + docstring(described(schema), ""))
    return "\n\n".join([*parts, *aliases])


def described(schema: Json) -> str:
    return str(schema.get("description", ""))


def fields_of(schema: Json) -> Iterator[tuple[str, str]]:
    for field, kind in schema["properties"].items():
        optional = field not in schema.get("required", ())
        yield field, f"NotRequired[{python_type(kind)}]" if optional else python_type(kind)


def class_of(name: str, schema: Json) -> str:
    lines = [f"class {name}(TypedDict):\n", docstring(described(schema))]
    for field, kind in fields_of(schema):
        lines += [f"    {field}: {kind}\n", docstring(described(schema["properties"][field]))]
    return "".join(lines) + ("" if schema["properties"] else "    pass\n")


# -- events


INTERNAL = {"ready", "close"}
"""Events that the clients' streams take for themselves."""


def event_types(doc: Json) -> dict[str, str]:
    """Type of event → its schema's name."""
    mapping = doc["components"]["schemas"]["Event"]["discriminator"]["mapping"]
    return {type: reference.removeprefix(SCHEMAS) for type, reference in mapping.items()}


def python_events(doc: Json) -> str:
    """The module of the events that streams yield."""
    names = [name for type, name in event_types(doc).items() if type not in INTERNAL]
    return (
        f'"""The events that streams yield. `event["type"]` tells them apart for type checkers too. {NOTE}"""\n\n'
        f"from typing import TypeAlias\n\nfrom .models import {', '.join(names)}\n\nEvent: TypeAlias = {' | '.join(names)}\n"
    )


def npm_events(doc: Json) -> str:
    """The TypeScript types of the events that streams yield."""
    names = [name for type, name in event_types(doc).items() if type not in INTERNAL]
    arms = "\n".join(f'  | Schemas["{name}"]' for name in names)
    return (
        f"/** The events that streams yield; `event.type` tells them apart. {NOTE} */\n\n"
        'import type { components } from "./openapi.js";\n\ntype Schemas = components["schemas"];\n\n'
        f"export type Event =\n{arms};\n"
    )


def npm_event_names(doc: Json) -> str:
    """The types that an EventSource must listen for."""
    names = "\n".join(f'  "{type}",' for type in event_types(doc))
    return f"/** The types of events. {NOTE} */\n\nexport const TYPES = [\n{names}\n];\n"


# -- operations


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


# -- files


def formatted(source: str) -> str:
    """As ruff formats it, without imports that are not used."""
    name = "client/python/tertulia/client/generated/module.py"
    for command in (["check", "--quiet", "--fix", "--select", "F401,I"], ["format", "--quiet"]):
        ruff = [str(Path(sys.executable).with_name("ruff")), *command, "--stdin-filename", name, "-"]
        source = subprocess.run(
            ruff, input=source, capture_output=True, text=True, check=True, cwd=ROOT
        ).stdout
    return source


def files(doc: Json) -> dict[Path, str]:
    """Every file that is generated here, with its text."""
    found = calls(doc)
    return {
        PYTHON / "models.py": formatted(models(doc)),
        PYTHON / "events.py": formatted(python_events(doc)),
        NPM / "events.d.ts": npm_events(doc),
        NPM / "event_types.js": npm_event_names(doc),
        PYTHON / "operations.py": formatted(operations(found)),
        PYTHON / "blocking.py": formatted(methods(found, asynchronous=False)),
        PYTHON / "nonblocking.py": formatted(methods(found, asynchronous=True)),
    }


def stamp(doc: Json) -> str:
    """The first line of the TypeScript types: which document they were made from."""
    digest = hashlib.sha256(json.dumps(doc, sort_keys=True).encode()).hexdigest()
    return f"// {NOTE} sha256:{digest}\n"


def write_types(doc: Json) -> None:
    """Write the TypeScript types with openapi-typescript, which npm installs first."""
    if not (NPM / "node_modules/openapi-typescript").exists():
        subprocess.run(
            ["npm", "install", "--no-fund", "--no-audit", "--no-package-lock"], check=True, cwd=NPM
        )
    (NPM / "openapi.json").write_text(json.dumps(doc))
    subprocess.run(["npm", "run", "--silent", "types"], check=True, cwd=NPM, stdout=subprocess.DEVNULL)
    types = NPM / "openapi.d.ts"
    types.write_text(stamp(doc) + types.read_text())


def stale_files(doc: Json) -> list[Path]:
    """The generated files that are not what the document gives now."""
    found = [path for path, text in files(doc).items() if not path.exists() or path.read_text() != text]
    types = NPM / "openapi.d.ts"
    if not types.exists() or not types.read_text().startswith(stamp(doc)):
        found.append(types)
    return found


def main() -> None:
    doc = document()
    stale = stale_files(doc)
    for path, text in files(doc).items():
        path.write_text(text)
    if NPM / "openapi.d.ts" in stale:
        write_types(doc)


if __name__ == "__main__":
    main()

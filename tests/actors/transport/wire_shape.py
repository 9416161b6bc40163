"""The shape of what processes send each other and store, and whether two releases understand one another.

`python tests/actors/transport/wire_shape.py` writes this release's shape to `last_release.json`: at a release, and only then.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import inspect

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[3]))

from tertulia.actors.gateway.supervisor_client import Query, QueryResult
from tertulia.actors.transport.framing import Kind
from tertulia.actors.transport.handshake import VERSION
from tertulia.core.conversation.commands import Envelope, Outcome, Refused
from tertulia.core.conversation.entries import Entry, EntryData
from tertulia.core.conversation.state import Fired, RoutingState
from tertulia.core.routing.supervision_messages import AgentPresence, QueuePage, QueuePlace

LAST_RELEASE = Path(__file__).with_name("last_release.json")

ROOTS: dict[str, Any] = {
    "commands": list[Envelope],
    "outcomes": list[Outcome],
    "entries": list[Entry],
    "queries": Query,
    "agents": QueryResult[list[AgentPresence]] | Refused,
    "queue page": QueryResult[QueuePage] | Refused,
    "queue places": QueryResult[dict[str, QueuePlace]] | Refused,
    "nothing": QueryResult[None] | Refused,
    "stored entries": EntryData,
    "stored routing": RoutingState,
    "stored targets": Fired,
}
"""What travels between processes (msgpack), and what rows of Postgres hold (JSON). Not what a host sends to its dedicated actors, which
end with it."""

Shape = dict[str, Any]
"""`roots`: name → type; `structs`: name → its fields; `frames`, `handshake`: numbers of the protocol."""


class Shapes:
    """Collects the structs that types refer to, each once."""

    def __init__(self) -> None:
        self.structs: dict[str, Any] = {}
        self._names: dict[Any, str] = {}

    def of(self, roots: dict[str, Any]) -> Shape:
        infos = inspect.multi_type_info(roots.values())
        return {
            "roots": {name: self._type(info) for name, info in zip(roots, infos, strict=True)},
            "structs": self.structs,
        }

    def _struct(self, info: inspect.StructType) -> str:
        # one class may have several shapes: Found[…]
        key = (
            info.cls,
            tuple(repr(field.type)[:200] for field in info.fields) if info.cls is QueryResult else (),
        )
        if key not in self._names:
            name = info.cls.__qualname__
            same = sum(known.partition("#")[0] == name for known in self.structs)
            self._names[key] = name = f"{name}#{same + 1}" if same else name
            self.structs[name] = {}  # it may hold itself
            self.structs[name] = {
                "array": info.array_like,
                "tag": info.tag,
                "tag_field": info.tag_field,
                "closed": info.forbid_unknown_fields,
                "fields": [[f.encode_name, self._type(f.type), f.required] for f in info.fields],
            }
        return self._names[key]

    def _type(self, info: inspect.Type) -> Any:
        if isinstance(info, inspect.Metadata):
            return self._type(info.type)
        if isinstance(info, inspect.StructType):
            return {"struct": self._struct(info)}
        if isinstance(info, inspect.UnionType):
            return {"any_of": sorted((self._type(one) for one in info.types), key=_text)}
        if isinstance(info, inspect.LiteralType):
            return {"one_of": sorted(info.values, key=str)}
        if isinstance(info, inspect.EnumType):
            return {"one_of": sorted((member.value for member in info.cls), key=str)}
        if isinstance(info, inspect.DictType):
            return {"map": [self._type(info.key_type), self._type(info.value_type)]}
        if isinstance(info, inspect.TupleType):
            return {"items": [self._type(one) for one in info.item_types]}
        if isinstance(info, inspect.CollectionType):
            return {"list": self._type(info.item_type)}
        return type(info).__name__.removesuffix("Type").lower()


def shape() -> Shape:
    """This release's."""
    frames = {kind.name: kind.value for kind in Kind}
    return {**Shapes().of(ROOTS), "frames": frames, "handshake": VERSION}


def _text(type_: Any) -> str:
    return json.dumps(type_, sort_keys=True)


class Comparison:
    """Finds where one of two releases cannot read what the other one writes."""

    def __init__(self, last: Shape, this: Shape) -> None:
        self._last, self._this = last["structs"], this["structs"]
        self._compared: set[tuple[str, str]] = set()
        self._roots = last["roots"], this["roots"]

    def faults(self) -> list[str]:
        last, this = self._roots
        found = [f"{name}: gone" for name in last if name not in this]
        for name in sorted(last.keys() & this.keys()):
            found += self._compare(last[name], this[name], name)
        return sorted(found)

    def _compare(self, last: Any, this: Any, at: str) -> Iterator[str]:
        kinds = [next(iter(one)) if isinstance(one, dict) else one for one in (last, this)]
        if kinds == ["map", "struct"] and last["map"] == ["str", "any"] and self._is_map(this["struct"]):
            return
        if kinds[0] != kinds[1]:
            yield f"{at}: {kinds[0]} has become {kinds[1]}"
        elif kinds[0] == "struct":
            yield from self._structs(last["struct"], this["struct"], at)
        elif kinds[0] == "any_of":
            yield from self._unions(last["any_of"], this["any_of"], at)
        elif kinds[0] == "one_of":
            for value in set(last["one_of"]) ^ set(this["one_of"]):
                yield f"{at}: {value!r} is known to one of the two only"
        elif kinds[0] == "list":
            yield from self._compare(last["list"], this["list"], f"{at}[]")
        elif kinds[0] in ("map", "items"):
            if len(last[kinds[0]]) != len(this[kinds[0]]):
                yield f"{at}: {len(last[kinds[0]])} items have become {len(this[kinds[0]])}"
            else:
                for number, pair in enumerate(zip(last[kinds[0]], this[kinds[0]], strict=True)):
                    yield from self._compare(*pair, f"{at}[{number}]")

    def _is_map(self, name: str) -> bool:
        """Whether this release's struct travels as a map of the fields that are set, and reads any of them."""
        struct = self._this[name]
        needed = any(required for _, _, required in struct["fields"])
        return not (struct["array"] or struct["tag"] or struct["closed"] or needed)

    def _unions(self, last: list[Any], this: list[Any], at: str) -> Iterator[str]:
        members = [
            {self._member(one, structs): one for one in side}
            for side, structs in ((last, self._last), (this, self._this))
        ]
        if members[0].keys() ^ members[1].keys() == {"map", "struct"} and "map" in members[0]:
            yield from self._compare(members[0].pop("map"), members[1].pop("struct"), at)
        for name in members[0].keys() - members[1].keys():
            yield f"{at}: {name} cannot be read any more"
        for name in members[1].keys() - members[0].keys():
            yield f"{at}: the last release cannot read {name}"
        for name in members[0].keys() & members[1].keys():
            yield from self._compare(
                members[0][name], members[1][name], at if name == "struct" else f"{at}:{name}"
            )

    def _member(self, one: Any, structs: dict[str, Any]) -> str:
        """What tells it from the other members of a union on the wire."""
        if not isinstance(one, dict):
            return one
        if "struct" in one:
            return str(structs[one["struct"]]["tag"] or "struct")
        return next(iter(one))

    def _structs(self, last_name: str, this_name: str, at: str) -> Iterator[str]:
        if (last_name, this_name) in self._compared:
            return
        self._compared.add((last_name, this_name))
        last, this = self._last[last_name], self._this[this_name]
        at = f"{at}.{this_name.rpartition('.')[2].partition('{')[0]}"
        for what in ("array", "tag", "tag_field"):
            if last[what] != this[what]:
                yield f"{at}: {what} {last[what]!r} has become {this[what]!r}"
        yield from (self._by_place if this["array"] else self._by_name)(last, this, at)

    def _by_place(self, last: Any, this: Any, at: str) -> Iterator[str]:
        olds, news = last["fields"], this["fields"]
        if len(news) < len(olds):
            yield f"{at}: {len(olds)} places have become {len(news)}"
        for old, new in zip(olds, news, strict=False):
            yield from self._compare(old[1], new[1], f"{at}.{new[0]}")
        yield from self._added(last, news[len(olds) :], at)

    def _by_name(self, last: Any, this: Any, at: str) -> Iterator[str]:
        olds, news = ({field[0]: field for field in side["fields"]} for side in (last, this))
        for name, old in olds.items():
            if name not in news:
                if old[2]:
                    yield f"{at}.{name}: gone, but the last release needs it"
                elif this["closed"]:
                    yield f"{at}.{name}: gone, and refused when the last release sends it"
            else:
                if old[2] and not news[name][2]:
                    yield f"{at}.{name}: may be left out now, but the last release needs it"
                yield from self._compare(old[1], news[name][1], f"{at}.{name}")
        yield from self._added(last, [new for name, new in news.items() if name not in olds], at)

    def _added(self, last: Any, added: list[Any], at: str) -> Iterator[str]:
        for name, _, required in added:
            if required:
                yield f"{at}.{name}: needed, but the last release does not send it"
            elif last["closed"]:
                yield f"{at}.{name}: refused by the last release"


if __name__ == "__main__":
    made = shape()
    rows = [
        f"  {json.dumps(name)}: {json.dumps(fields)}" for name, fields in sorted(made.pop("structs").items())
    ]
    parts = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in made.items()]
    parts.append(' "structs": {\n' + ",\n".join(rows) + "\n }")
    LAST_RELEASE.write_text("{\n" + ",\n".join(parts) + "\n}\n")

"""Compares an older service's document with its tables in docs/contracts.md, rule by rule.

    PYTHONPATH=tests python tests/contract_documents.py FOLDER

prints what the documents in FOLDER (crm.md, omnichannel.md, sync.md) say of a field, endpoint, event, status or variable that no
row has. The documents are not part of the project; the table stands alone, and `test_contract_fields.py` carries it out.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

ROOT: Final = Path(__file__).parents[1]
SECTIONS: Final = {
    "crm.md": ("## CRM",),
    "omnichannel.md": ("## Omnichannel",),
    "sync.md": ("## Conversation sync",),
}
"""Document → the beginnings of the headings of its sections in docs/contracts.md."""
RENAMED: Final = {"metadata_": "metadata"}
NOT_OURS: Final = frozenset({"tenants", "outlets", "users", "channels"})
"""Tables that others refer to."""


class Rule(NamedTuple):
    """What a document says: `name` must be a row's field, or stand in the section if there is no row for it; `words` in its rule."""

    name: str
    words: frozenset[str] = frozenset()
    field: bool = True


class Row(NamedTuple):
    """A row of a table of fields: where it is sent or answered, and what holds of it."""

    place: str
    name: str
    rule: str
    tests: tuple[str, ...]


def rows(section: str) -> list[Row]:
    """The rows of a section's tables of fields, whose first column is `of`."""
    found, inside = [], False
    for line in section.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
        inside = line.startswith("|") and (inside or cells[:2] == ["of", "field"])
        if inside and len(cells) == 4 and (name := re.fullmatch(r"`([^`]+)`", cells[1])):
            found.append(Row(cells[0], name[1], cells[2], tuple(re.findall(r"`(test_\w+)`", cells[3]))))
    return found


def section(page: str, document: str) -> str:
    """All that docs/contracts.md says of a document."""
    parts = re.split(r"^(?=## )", page, flags=re.MULTILINE)
    return "".join(part for part in parts if part.startswith(SECTIONS[document]))


def missing(document: str, text: str, page: str) -> list[Rule]:
    """The rules of a document that no row of the page has."""
    said = section(page, document)
    known = rows(said)
    return [rule for rule in dict.fromkeys(rules(text)) if not _has(rule, known, said)]


def _has(rule: Rule, known: list[Row], said: str) -> bool:
    if not rule.field:
        return rule.name in said or rule.name in placed(said)
    fields = [row for row in known if row.name.rpartition(".")[2] == rule.name]
    return any(all(word in row.rule for word in rule.words) for row in fields)


_COLUMN: Final = r"\n\s+([a-z_]+) (UUID|VARCHAR|TEXT|BOOLEAN|TIMESTAMP|JSONB)(?:\((\d+)\))?(.*)"


def rules(text: str) -> Iterator[Rule]:
    yield from _tables(text)
    yield from _trees(text)
    yield from _samples(text)
    yield from _parameters(text)
    yield from _others(text)


def _rule(name: str, *words: str | None) -> Rule:
    return Rule(RENAMED.get(name, name), frozenset(filter(None, words)))


_TYPES: Final = {
    "uuid": "UUID", "varchar": "text", "text": "text", "string": "text", "boolean": "flag", "timestamp": "time", "datetime": "time",
    "integer": "whole number", "jsonb": None, "enum": "one of",
}  # fmt: skip


def _tables(text: str) -> Iterator[Rule]:
    """The columns of `CREATE TABLE`: type, length, NOT NULL, DEFAULT, and CHECK (… IN (…)), which makes a length pointless."""
    for body in re.findall(r"CREATE TABLE \w+ \((.*?)\n\);", text, re.DOTALL):
        listed = dict(re.findall(r"CHECK \((\w+) IN \(([^)]*)\)", body))
        for column, values in listed.items():
            yield _rule(column, *(f"`{value}`" for value in re.findall(r"'(\w+)'", values)))
        for name, type_, longest, more in re.findall(_COLUMN, body):
            default = re.search(r"DEFAULT '?(\w+)'?(?![\w(])", more)
            yield _rule(
                name,
                _TYPES[type_.lower()],
                f"at most {longest} characters" if longest and name not in listed else None,
                "required" if "NOT NULL" in more else None,
                f"default `{default[1].lower()}`" if default else None,
            )


def _trees(text: str) -> Iterator[Rule]:
    """The fields of models drawn as trees: type, nullable, default, and the values of an Enum."""
    for line in text.splitlines():
        field = re.match(
            r"[├└]── ([a-z_]+)\s+(UUID|String|Text|Enum|JSONB|DateTime|Integer|Boolean)\b(.*)", line
        )
        if field is None or field[1] in NOT_OURS:
            continue
        name, type_, more = field.groups()
        default = re.search(r"default:? (\w+)", more)
        values = re.findall(r"\w+", re.split(r"[(\n]", more.partition(":")[2])[0]) if type_ == "Enum" else []
        user = name in ("assignee_id", "sender_id", "created_by", "user_id")
        yield _rule(
            name,
            "user's id" if user else _TYPES[type_.lower()],
            "or null" if "nullable" in more else None,
            f"default `{default[1].lower()}`" if default else None,
            "unique" if "UNIQUE" in more or "(unique" in more else None,
            *(f"`{value}`" for value in values),
        )
    for name in re.findall(r"^│ .*?\"(\w+)\":", text, re.MULTILINE):
        yield _rule(name)
    for columns in re.findall(r"UNIQUE\((?:account_id|channel_id), ([a-z_, ]+)", text):
        yield _rule(columns.split(",")[0].strip() if "type" not in columns else "identifier", "unique")


def _samples(text: str) -> Iterator[Rule]:
    """The fields of JSON and of objects in programs, with the type that the sample's value has."""
    for language, block in re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        if language not in ("", "json", "javascript", "python", "bash"):
            continue
        for source in _objects(block):
            try:
                yield from _keys(json.loads(source))
            except ValueError:
                for name in re.findall(r"^\s*\"?([a-zA-Z_]\w*)\"?: ", source, re.MULTILINE):
                    yield _rule(name)
    for name, values in re.findall(r"\"(\w+)\": \"\w+\",\s+-- (\w+(?: \| \w+)+)", text):
        yield _rule(name, *(f"`{value}`" for value in values.split(" | ")))


def _objects(block: str) -> Iterator[str]:
    """The JSON objects in a block, what is left out (`…`) written as nothing."""
    block = block.replace("[...]", "[]").replace("{...}", "{}")
    decoder = json.JSONDecoder()
    at = block.find("{")
    while at >= 0:
        try:
            _, end = decoder.raw_decode(block, at)
            yield block[at:end]
        except ValueError:
            end = at + 1
        at = block.find("{", end)
    yield from re.findall(r"emit\('[a-z:]+', (\{.*?\})\)", block, re.DOTALL)


def _keys(value: Any) -> Iterator[Rule]:
    if isinstance(value, list):
        for one in value:
            yield from _keys(one)
    elif isinstance(value, dict):
        for name, one in value.items():
            yield _rule(name, _kind(name, one))
            yield from _keys(one)


def _kind(name: str, value: Any) -> str | None:
    """The word for a sample's type; None where it says nothing of it."""
    if value is None:
        return "or null"
    if isinstance(value, bool):
        return "flag"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, dict):
        return "object"
    if isinstance(value, list):
        return "list"
    if value == "uuid":
        return "UUID"
    return "time" if re.match(r"\d{4}-\d\d-\d\dT", value) else None


def _parameters(text: str) -> Iterator[Rule]:
    """The parameters of queries."""
    for name, more in re.findall(r"^- `(\w+)` \(([^)]*)\)", text, re.MULTILINE):
        default = re.fullmatch(r"default: (\w+)", more)
        yield _rule(name, f"default `{default[1]}`" if default else more)


def _others(text: str) -> Iterator[Rule]:
    """Names that stand anywhere in the section: endpoints, events, statuses, headers, values, variables."""
    for method, path in re.findall(r"\b(GET|POST|PUT|PATCH|DELETE)\s+(/[a-z0-9/{}-]++)(?!\*)", placed(text)):
        yield Rule(f"{method} {path.rstrip('/')}", field=False)
    for event in re.findall(r"['`]((?:conversation|agent|tenant|notification|queue):[a-z:]+)['`]", text):
        yield Rule(f"`{event}`", field=False)
    for event in re.findall(r"(?:Emit|Event): ((?:conversation)(?:\.[a-z]+)+)", text):
        yield Rule(event, field=False)
    for status in re.findall(r"\b([1-5]\d\d) [A-Z]\w+", text):
        yield Rule(status, field=False)
    for header in re.findall(r"`(X-[A-Za-z-]+)`", text):
        yield Rule(header, field=False)
    for values in re.findall(r"\*\*(?:Valid statuses|Sender Types)\*\*: (.*)", text):
        for value in re.findall(r"`\w+`", values):
            yield Rule(value, field=False)
    for name in re.findall(r"^(?: +- )?([A-Z][A-Z0-9_]{3,})=", text, re.MULTILINE):
        yield Rule(f"`{name}`", field=False)
    for name, default in re.findall(r"^ +([A-Z][A-Z0-9_]+): [\w |.]+ = (\S+)", text, re.MULTILINE):
        yield Rule(f"`{name}`", field=False)
        if default not in ("None",) and not default.startswith('"'):
            yield Rule(f"`{default.lower()}`", field=False)


def placed(text: str) -> str:
    """`text` with all paths' parameters called alike: page and documents name them differently."""
    return re.sub(r"\{[a-z_]+\}|:[a-zA-Z]+|(?<=/webhooks/)whatsapp", "{}", text)


def main(folder: Path) -> int:
    page = (ROOT / "docs/contracts.md").read_text("utf-8")
    found = 0
    for name in SECTIONS:
        for rule in missing(name, (folder / name).read_text("utf-8"), page):
            found += 1
            print(f"{name}: {rule.name}" + (f": {', '.join(sorted(rule.words))}" if rule.words else ""))
    print(f"{found} rules are in no row")
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

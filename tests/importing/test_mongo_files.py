"""Files of mongoexport and mongodump, in every form that these write, whole and damaged."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import bson
import pytest
from bson import json_util
from fuzzing import searched
from hypothesis import given
from hypothesis import strategies as st

from tertulia.core.text.json_checks import open_brackets
from tertulia.importing.mongo_files import documents
from tertulia.importing.source import SourceError

DOCUMENTS: list[dict[str, Any]] = [
    {"_id": bson.ObjectId("65a000000000000000000001"), "at": datetime(2025, 12, 29, 10, tzinfo=UTC), "n": 1},
    {"_id": "b", "text": '}{][ "quoted" \\', "deep": [{"a": [[], {}]}], "total": 50.5},
    {"_id": bson.Int64(2**40), "text": "¡Perfecto! 🍕\u2028", "none": None},
]
CANONICAL, RELAXED = json_util.CANONICAL_JSON_OPTIONS, json_util.RELAXED_JSON_OPTIONS


def lines(options: json_util.JSONOptions = CANONICAL) -> list[str]:
    return [json_util.dumps(d, json_options=options) for d in DOCUMENTS]


def pretty(options: json_util.JSONOptions = CANONICAL) -> list[str]:
    return [json.dumps(json.loads(line), indent="\t") for line in lines(options)]


RAW = b"".join(map(bson.encode, DOCUMENTS))
FORMS: dict[str, bytes] = {
    "canonical.json": "\n".join(lines()).encode(),
    "relaxed.json": ("\n".join(lines(RELAXED)) + "\n").encode(),
    "windows.json": b"\xef\xbb\xbf" + "\r\n".join(lines()).encode(),
    "blank-lines.json": ("\n\n" + "\n\n".join(lines())).encode(),
    "array.json": ("[" + ",\n".join(lines()) + "]\n").encode(),
    "array-in-one-line.json": ("[" + ",".join(lines()) + "]").encode(),
    "array-with-its-brackets-apart.json": ("[\n" + ",\n".join(lines()) + "\n]\n").encode(),
    "pretty.json": "\n".join(pretty()).encode(),
    "pretty-array.json": ("[" + ",\n".join(pretty(RELAXED)) + "]\n").encode(),
    "indented.json": json.dumps([json.loads(line) for line in lines()], indent=2).encode(),
    "dump.bson": RAW,
    "dump.bson.gz": gzip.compress(RAW),
    "dump": RAW,
    "bson-under-another-name.json": RAW,
    "compressed-under-another-name.json": gzip.compress("\n".join(lines()).encode()),
}


@pytest.mark.parametrize("name", FORMS)
def test_documents_are_the_same_in_every_form(tmp_path: Path, name: str) -> None:
    (path := tmp_path / name).write_bytes(FORMS[name])
    read = list(documents(path))
    assert [one.fault for one in read] == [None] * 3
    assert [one.document for one in read] == DOCUMENTS
    assert len({one.place for one in read}) == 3, "each is found in the file"


@pytest.mark.parametrize("content", [b"", b"\n\n", b"[]", b"[\n]\n"])
def test_a_file_without_documents_has_none(tmp_path: Path, content: bytes) -> None:
    (path := tmp_path / "empty.json").write_bytes(content)
    assert list(documents(path)) == []


@pytest.mark.parametrize(
    ("content", "places"),
    [
        (b'{broken\n{"a": 1}\n', ["line 1"]),
        (b'{"a": 1}\n{"a": \n{"a": 2}\n', ["line 2"]),
        (b'{"a": {"$date": "yesterday"}}\n{"a": {"$oid": "short"}}\n', ["line 1", "line 2"]),
        (b'{"a": "\xff"}\n{"a": 1}\n', ["line 1"]),
        (b'[{"a": 1},\n{"a": 1e},\n{"a": 2}]\n', ["line 2"]),
        (b'{\n"a": 1\n}\n{\n"a": ?\n}\n{\n"a": 2\n}\n', ["line 4"]),
        (b"[" * 100_000 + b"]" * 100_000, ["line 1"]),
    ],
)
def test_a_broken_document_costs_itself_alone(tmp_path: Path, content: bytes, places: list[str]) -> None:
    (path := tmp_path / "broken.json").write_bytes(content)
    read = list(documents(path))
    assert [one.place for one in read if one.fault] == places
    assert all(isinstance(one.document, dict) for one in read if not one.fault)


@pytest.mark.parametrize(("ms", "year"), [("99999999999999999", 9999), ("-99999999999999999", 1)])
def test_a_date_beyond_the_calendar_costs_no_document(tmp_path: Path, ms: str, year: int) -> None:
    """Whoever reads it judges it, as in BSON: one message's date is no reason to lose the conversation."""
    (path := tmp_path / "dates.json").write_text(f'{{"a": {{"$date": {{"$numberLong": "{ms}"}}}}}}\n')
    (read,) = documents(path)
    assert read.fault is None and read.document["a"].year == year


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("cut.bson", RAW[:-2], "the file ends within document 3"),
        ("wild.bson", b"\xff\xff\xff\x7f", "document 1 is damaged"),
        ("cut.json", b'[{"a": 1},\n{"a": 2}\n', "the file ends within the document or array of line 2"),
        ("cut-pretty.json", b'{\n"a": 1\n', "the file ends within the document or array of line 1"),
        ("cut.json.gz", gzip.compress(RAW)[:-9], "cannot be read"),
        ("not.gz", b"no", "cannot be read"),
    ],
)
def test_a_damaged_file_is_refused_with_a_reason(
    tmp_path: Path, name: str, content: bytes, sentence: str
) -> None:
    (path := tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=sentence):
        list(documents(path))


@given(
    st.recursive(st.none() | st.text() | st.integers(), lambda x: st.lists(x) | st.dictionaries(st.text(), x))
)
@searched(60)
def test_brackets_within_strings_open_nothing(value: Any) -> None:
    text = json.dumps(value)
    assert open_brackets(text.encode()) == 0
    assert open_brackets(f"[{{{text}".encode()) == 2
    assert open_brackets(f"{text}]".encode()) == -1

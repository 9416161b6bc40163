"""Checks of JSON by its bytes: what they find, and that finding it costs time and memory linear in the body."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from growth import assert_linear
from hypothesis import given
from hypothesis import strategies as st

from tertulia.core.errors import TertuliaError
from tertulia.core.text import json_checks
from tertulia.http.framework import bodies

TOO_LONG = b"99999999999999999999"


class Body(msgspec.Struct, forbid_unknown_fields=True):
    content: str = ""
    metadata: dict[str, Any] = {}
    number: float = 0


def in_metadata(inner: bytes) -> bytes:
    return b'{"content":"a","metadata":{"x":[' + inner + b"]}}"


@pytest.fixture(autouse=True)
def _collector() -> Iterator[None]:
    """No collection in the middle of a measurement; a gateway's are rare as well."""
    gc.disable()
    yield
    gc.enable()


DEAR: dict[str, Callable[[int], bytes]] = {
    "a key as long as the body, above many values, the last one wrong": lambda n: (
        b'{"content":"a","metadata":{"' + b"k" * (n // 2) + b'":[' + b"0," * (n // 4) + TOO_LONG + b"]}}"
    ),
    "lists, the last value wrong": lambda n: in_metadata(b"[]," * (n // 3) + TOO_LONG),
    "objects, the last value wrong": lambda n: in_metadata(b'{"":0},' * (n // 7) + TOO_LONG),
    "numbers, the last one wrong": lambda n: in_metadata(b"0," * (n // 2) + TOO_LONG),
    "NUL at the end": lambda n: in_metadata(b'"ab",' * (n // 5) + rb'"\u0000"'),
    "NUL and nothing else": lambda n: in_metadata(b'"' + rb"\u0000" * (n // 6) + b'"'),
    "what only looks like NUL": lambda n: in_metadata(b'"' + rb"\\u0000" * (n // 7) + b'"'),
    "numbers as large as may be": lambda n: in_metadata(b",".join([b"9223372036854775807"] * (n // 20))),
    "numbers as small as may be": lambda n: in_metadata(b",".join([b"-9223372036854775808"] * (n // 21))),
    "floats with many digits": lambda n: in_metadata(b",".join([b"0.1234567890123456789"] * (n // 22))),
    "a number as long as the body": lambda n: b'{"number":' + b"1" * n + b"}",
    "as deep as may be, many times": lambda n: in_metadata(b",".join([b"[" * 60 + b"]" * 60] * (n // 121))),
    "too deep": lambda n: b"[" * (n // 2) + b"]" * (n // 2),
    "never closed": lambda n: b'{"content":"a","metadata":{"x":' + b"[" * n,
    "a string never closed": lambda n: b'{"a":[' + b"[" * 65 + rb'"' + rb"\"" * (n // 2),
    "brackets in strings": lambda n: in_metadata(b'"[[",' * (n // 5) + b"[]"),
    "many unknown fields": lambda n: b"{" + b",".join(b'"k%d":1' % i for i in range(n // 11)) + b"}",
    "many keys": lambda n: b'{"metadata":{' + b",".join(b'"%d":1' % i for i in range(n // 9)) + b"}}",
    "one key again and again": lambda n: b'{"metadata":{' + b",".join([b'"k":1'] * (n // 6)) + b"}}",
    "one field again and again": lambda n: b"{" + b",".join([b'"content":"a"'] * (n // 14)) + b"}",
    "a long unknown field": lambda n: b'{"' + b"x" * n + b'":1}',
    "an unknown field that looks like a path": lambda n: b'{"' + b" - at `$" * (n // 8) + b'":1}',
    "cut short": lambda n: b'{"content":"' + b"x" * n,
    "cut short within half a pair": lambda n: b'{"content":"' + rb"\ud83d\ude00" * (n // 12) + rb"\ud8",
}


@pytest.mark.slow
@pytest.mark.parametrize("what", DEAR)
def test_a_body_costs_no_more_than_it_is_long(what: str) -> None:
    # 44 bytes of memory a byte is what Python's objects for `[]` take, once
    assert_linear(
        lambda body: bodies.decode(body, Body), DEAR[what], 100_000, memory=48, refuses=TertuliaError
    )


@pytest.mark.slow
@pytest.mark.parametrize("what", DEAR)
def test_the_checks_alone_cost_no_more(what: str) -> None:
    def check(body: bytes) -> None:
        json_checks.is_plain(body)
        json_checks.nests_deeper(body, 64)
        json_checks.seems_unstorable(body)
        json_checks.oversized(body, Body)

    # brackets are counted by the piece, at up to 2 MB however long the body is
    assert_linear(check, DEAR[what], 100_000, memory=8, base=2_000_000)


VALUES = st.recursive(
    st.none()
    | st.integers(-(2**63) - 3, 2**63 + 3)
    | st.sampled_from([2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 10**18, 10**19, 2**64, 999])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.sampled_from('a\0\\"u0[]{},:1é')),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.sampled_from('k\0\\"')), inner, max_size=4)
    ),
    max_leaves=12,
)


def wrong(value: Any) -> bool:
    """Whether a value may not be stored, told by looking at all of it."""
    if isinstance(value, dict):
        return any("\0" in key or wrong(inner) for key, inner in value.items())
    if isinstance(value, list):
        return any(map(wrong, value))
    if isinstance(value, str):
        return "\0" in value
    return isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**63


def depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


@given(VALUES, st.booleans())
def test_what_cannot_be_stored_is_found_and_nothing_else(value: Any, ascii_only: bool) -> None:
    body = json.dumps(value, ensure_ascii=ascii_only).encode()
    assert (json_checks.unstorable(body) is not None) == wrong(value)


@given(VALUES, st.booleans())
def test_what_is_plain_passes_the_other_checks(value: Any, ascii_only: bool) -> None:
    body = json.dumps(value, ensure_ascii=ascii_only).encode()
    if json_checks.is_plain(body):
        assert depth(value) <= 1 and not wrong(value)


@pytest.mark.parametrize("value", [{}, {"content": "hello 1800000000000", "n": 2**53}, "a", 1, None])
def test_most_bodies_are_plain(value: Any) -> None:
    assert json_checks.is_plain(json.dumps(value).encode())


@given(VALUES, st.integers(0, 6))
def test_depth_is_counted(value: Any, most: int) -> None:
    body = json.dumps(value).encode()
    assert json_checks.nests_deeper(body, most) == (depth(value) > most)


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (2**63, ""),
        ("\0", ""),
        ([1, 2**63], "[1]"),
        ({"a": {"b": [0, {"c": -(2**63) - 1}]}}, "a.b[1].c"),
        ({"a": [[], {}, "", [1]], "b": ["\0"]}, "b[0]"),
        ({"a": {"k" * 100_000: [0] * 1000 + [2**63]}}, "a." + "k" * 40 + "…[1000]"),
    ],
)
def test_the_path_is_that_of_the_value_and_is_short(document: Any, path: str) -> None:
    found = json_checks.unstorable(json.dumps(document).encode())
    assert found is not None and found[0] == path
    deep = {"k" * 1000: document}
    for _ in range(60):
        deep = {"k" * 1000: deep}
    found = json_checks.unstorable(json.dumps(deep).encode())
    assert found is not None and len(found[0]) <= 101


def test_of_a_key_given_twice_the_last_counts() -> None:
    assert json_checks.unstorable(b'{"a":' + TOO_LONG + b',"a":1}') is None
    assert json_checks.unstorable(b'{"a":1,"a":' + TOO_LONG + b"}") == ("a", "must fit 64 bits")


@pytest.mark.parametrize("digits", [19, 4300, 4301, 100_000])
def test_numbers_of_any_length_are_refused_wherever_they_are(digits: int) -> None:
    endless = b"9" * digits
    for document, path in (
        (b"%s", ""),
        (b'{"a":{"b":[1,-%s]}}', "a.b[1]"),
        (b'{"a":1e%s,"b":9999999999999999999}', ""),
        (b'{"a":%se5,"b":9999999999999999999}', "b" if digits < 308 else ""),
    ):
        found = json_checks.unstorable(document % endless)
        assert found is not None and found[0] == path, document
    assert json_checks.unstorable(b'{"a":"%s"}' % endless) is None


class Patch(msgspec.Struct):
    name: str = ""
    settings: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    counts: dict[str, int] = {}


def test_a_large_free_form_object_is_found_without_being_decoded() -> None:
    large = json.dumps({"name": "x" * 100, "settings": {"a": "x" * 1000}}).encode()
    assert json_checks.oversized(large, Patch, 1000) == "settings"
    assert json_checks.oversized(large, Patch, 1100) is None
    assert (
        json_checks.oversized(json.dumps({"name": "x" * 2000, "settings": {}}).encode(), Patch, 1000) is None
    )
    assert (
        json_checks.oversized(json.dumps({"counts": {str(n): n for n in range(900)}}).encode(), Patch, 99)
        is None
    )
    assert json_checks.oversized(b"[" * 2000, Patch, 1000) is None
    assert json_checks.oversized(b'"' + b"x" * 2000 + b'"', str, 1000) is None

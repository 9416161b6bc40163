from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import example, given
from hypothesis import strategies as st
from multidict import MultiDict

from tertulia.core.errors import Invalid, Malformed, TertuliaError, UnsupportedMedia
from tertulia.http.framework import bodies


class Attachment(msgspec.Struct, forbid_unknown_fields=True):
    url: str


class Body(msgspec.Struct, forbid_unknown_fields=True):
    content: Annotated[str, msgspec.Meta(min_length=1)]
    attachments: list[Attachment] = []
    metadata: dict[str, Any] = {}
    counts: dict[str, int] = {}
    kind: Literal["text", "image"] = "text"
    number: float = 0


def refusal(body: bytes) -> TertuliaError:
    with pytest.raises(TertuliaError) as caught:
        bodies.decode(body, Body)
    return caught.value


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b"{}", "content"),
        (b'{"content":7}', "content"),
        (b'{"content":""}', "content"),
        (b'{"content":"a","foo":1}', "foo"),
        (b'{"content":"a","fo\\n`o":1}', "fo\n`o"),
        (b'{"content":"a","x - at `$.y`":1}', "x - at `$.y`"),
        (b'{"content":"a","attachments":[{"url":"u"},{"url":1}]}', "attachments[1].url"),
        (b'{"content":"a","attachments":[{"ur":"u"}]}', "attachments[0].ur"),
        (b'{"content":"a","attachments":[{}]}', "attachments[0].url"),
        (b'{"content":"a","counts":{"k":"x"}}', "counts[...]"),
        (b'{"content":"a","kind":"video"}', "kind"),
        (b'{"content":"a","number":1e999}', "number"),
        (b'{"content":"a","metadata":{"x":[-1e999]}}', "metadata[...][0]"),
        (b"[]", ""),
        (b"null", ""),
        (b'{"content":"a\\u0000"}', "content"),
        (b'{"content":"a","metadata":{"x":["",{"y":"\\u0000"}]}}', "metadata.x[1].y"),
        (b'{"content":"a","metadata":{"k\\u0000":1}}', "metadata.k\0"),
        (b'{"content":"a","metadata":{"x":99999999999999999999}}', "metadata.x"),
        (b'{"content":"a","metadata":{"x":[-9223372036854775809]}}', "metadata.x[0]"),
    ],
)
def test_a_wrong_field_is_named(body: bytes, path: str) -> None:
    error = refusal(body)
    assert isinstance(error, Invalid)
    assert [p for p, _ in error.errors] == [path]
    assert error.errors[0][1]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b'{"content":"a"',
        b'{"content":"a"} x',
        b'{"content":"a",}',
        b"{'content':'a'}",
        b'{"content":"a","number":NaN}',
        b'{"content":"a","number":Infinity}',
        b'{"content":"a","metadata":{"x":-Infinity}}',
        b'\xef\xbb\xbf{"content":"a"}',
        b'{"content":"\xff"}',
        b'{"content":"\xed\xa0\x80"}',
        b'{"content":"a\x00"}',
        b'{"content":"a\nb"}',
        b'{"content":"\\ud800"}',
        b'{"content":"\\ud800x"}',
        b'{"content":"a","metadata":{"\\udc00":1}}',
        '{"content":"a"}'.encode("utf-16"),
    ],
)
def test_what_is_no_json_is_malformed(body: bytes) -> None:
    error = refusal(body)
    assert isinstance(error, Malformed) and error.detail


def test_an_empty_body_and_a_half_pair_are_explained() -> None:
    assert "no body" in refusal(b"").detail
    assert "surrogate" in refusal(b'{"content":"\\ud800"}').detail


@pytest.mark.parametrize("bracket", [b"[]", b"{}"])
@pytest.mark.parametrize("depth", [63, 64, 300, 900, 100_000, 500_000])
def test_depth_is_bounded_and_costs_little(depth: int, bracket: bytes) -> None:
    opening, closing = (b"[", b"]") if bracket == b"[]" else (b'{"a":', b"}")
    body = b'{"content":"a","metadata":{"x":' + opening * depth + b"1" + closing * depth + b"}}"
    start = time.perf_counter()
    error = refusal(body)
    assert time.perf_counter() - start < 10
    assert isinstance(error, Malformed) and "deep" in error.detail


def test_depth_counts_brackets_not_those_in_strings() -> None:
    inner = b"[" * 62 + b"]" * 62
    assert bodies.decode(b'{"content":"' + b'[{\\"' * 900 + b'","metadata":{"x":' + inner + b"}}", Body)
    wide = b'{"content":"a","metadata":{"x":[' + b",".join([b"[{}]"] * 50_000) + b"]}}"
    start = time.perf_counter()
    assert bodies.decode(wide, Body)
    assert time.perf_counter() - start < 10


def test_what_only_looks_like_nul_or_a_long_number_passes() -> None:
    assert bodies.decode(b'{"content":"\\\\u0000 12345678901234567890123"}', Body).content.startswith(
        "\\u0000"
    )
    assert bodies.decode(b'{"content":"a","metadata":{"x":9223372036854775807}}', Body)
    assert bodies.decode(b'{"content":"a","number":0.1234567890123456789012}', Body)


def test_of_a_key_given_twice_the_last_counts() -> None:
    assert bodies.decode(b'{"content":"a","content":"b"}', Body).content == "b"


def test_a_long_name_is_not_repeated_whole() -> None:
    error = refusal(b'{"content":"a","' + b"x" * 100_000 + b'":1}')
    assert len(error.errors[0][0]) < 200 and len(error.detail) < 200


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(JSON, st.booleans())
@example("\\u0000", False)
def test_what_passes_can_be_stored_and_written_again(value: Any, ascii_only: bool) -> None:
    body = json.dumps({"content": "a", "metadata": {"x": value}}, ensure_ascii=ascii_only).encode()
    try:
        decoded = bodies.decode(body, Body)
    except Invalid as error:
        text = json.dumps(value)
        assert "\\u0000" in text or any(c.isdigit() for c in text)
        assert error.errors[0][0].startswith("metadata.x")
    else:
        written = orjson.dumps(decoded.metadata)
        assert b"\\u0000" not in written.replace(b"\\\\", b"")
        assert json.loads(written) == {"x": value}


@given(st.binary())
def test_no_bytes_raise_anything_else(body: bytes) -> None:
    for candidate in (body, b'{"content":"' + body, b'{"content":"a","metadata":{' + body):
        try:
            bodies.decode(candidate, Body)
        except (Malformed, Invalid):
            pass


# --- query strings --------------------------------------------------------------------------------------------------


class Query(msgspec.Struct, rename={"from_": "from"}, forbid_unknown_fields=True):
    status: list[Literal["open", "closed"]] = []
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    archived: bool | None = None
    label: tuple[str, ...] | None = None
    channel_id: UUID | None = None
    from_: str = ""


def asked(*pairs: tuple[str, str]) -> Query:
    return bodies.query(MultiDict(pairs), Query)


class Wanted(msgspec.Struct, forbid_unknown_fields=True):
    limit: int = 20
    before: Annotated[int, msgspec.Meta(ge=0)] | None = None
    shown: bool | None = None
    q: str | None = None


@pytest.mark.parametrize("name", ["limit", "before", "shown"])
@pytest.mark.parametrize(
    "text", ["null", "NULL", "Null", "1e3", "1.0", "1_0", "+5", " 5", "\u0661", "1" * 20, "", "NaN"]
)
def test_a_number_is_nothing_else(name: str, text: str) -> None:
    with pytest.raises(Invalid) as caught:
        bodies.query({name: text}, Wanted)
    assert [path for path, _ in caught.value.errors] == [name]
    assert bodies.query({"q": text}, Wanted).q == text


def test_many_wrong_parameters_are_not_all_named() -> None:
    wrong = MultiDict((f"x{n}", "1") for n in range(4_000))
    with pytest.raises(Invalid) as caught:
        bodies.query(wrong, Wanted)
    assert len(caught.value.errors) == bodies.MAX_ERRORS


def test_a_query_is_typed() -> None:
    got = asked(
        ("status", "open"),
        ("status", "closed"),
        ("limit", "7"),
        ("archived", "true"),
        ("label", "a"),
        ("from", "x"),
    )
    assert got == Query(status=["open", "closed"], limit=7, archived=True, label=("a",), from_="x")
    assert asked() == Query()
    assert asked(("channel_id", str(UUID(int=1)))).channel_id == UUID(int=1)


@pytest.mark.parametrize(
    ("pairs", "paths"),
    [
        ([("foo", "1"), ("bar", "2"), ("bar", "3")], ["foo", "bar"]),
        ([("from_", "1")], ["from_"]),
        ([("limit", "0")], ["limit"]),
        ([("limit", "x")], ["limit"]),
        ([("limit", "9" * 400)], ["limit"]),
        ([("limit", "1"), ("limit", "2")], ["limit"]),
        ([("status", "open"), ("status", "gone")], ["status[1]"]),
        ([("archived", "maybe")], ["archived"]),
        ([("label", "a\0")], ["label"]),
        ([("from", "\ud800")], ["from"]),
        ([("channel_id", "7")], ["channel_id"]),
    ],
)
def test_a_wrong_parameter_is_named(pairs: list[tuple[str, str]], paths: list[str]) -> None:
    with pytest.raises(Invalid) as caught:
        asked(*pairs)
    assert [p for p, _ in caught.value.errors] == paths


def test_a_struct_may_leave_unknown_parameters_alone() -> None:
    class Tolerant(msgspec.Struct):
        limit: int = 20

    pairs = MultiDict([("foo", "1"), ("foo", "\0"), ("bar", "null"), ("limit", "5")])
    assert bodies.query(pairs, Tolerant) == Tolerant(5)
    with pytest.raises(Invalid):
        bodies.query(MultiDict([("foo", "1"), ("limit", "x")]), Tolerant)


# --- content types --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content_type", "good"),
    [
        ("application/json", True),
        ("Application/JSON; charset=UTF-8", True),
        ("application/vnd.api+json", True),
        ('application/json; charset="utf-8"', True),
        ("application/json; charset=latin-1", False),
        ("text/json", False),
        ("text/plain", False),
        ("application/x-www-form-urlencoded", False),
        ("application/jsonp", False),
        ("json", False),
    ],
)
async def test_a_body_must_say_that_it_is_json(content_type: str, good: bool) -> None:
    seen: list[object] = []

    async def handle(request: web.Request) -> web.Response:
        try:
            seen.append(await bodies.read(request, Body))
        except TertuliaError as error:
            seen.append(error)
        return web.Response()

    app = web.Application()
    app.router.add_post("/", handle)
    async with TestClient(TestServer(app)) as client:
        await client.post("/", data=b'{"content":"a"}', headers={"Content-Type": content_type})
        await client.post("/", skip_auto_headers=["Content-Type"])
    assert isinstance(seen[0], Body if good else UnsupportedMedia)
    assert isinstance(seen[1], Malformed)


class Options(msgspec.Struct, forbid_unknown_fields=True):
    content: str = "none"


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({}, Options()),
        ({"data": b""}, Options()),
        ({"data": chunks()}, Options()),  # nobody knows before the end that there is none
        ({"data": b'{"content":"a"}', "headers": {"Content-Type": "application/json"}}, Options("a")),
        ({"data": chunks(b'{"conte', b'nt":"a"}'), "headers": {"Content-Type": "application/json"}}, Options("a")),
        ({"data": b"{}", "headers": {"Content-Type": "text/plain"}}, UnsupportedMedia),
        ({"data": b"x" * 2000, "headers": {"Content-Type": "application/json"}}, web.HTTPRequestEntityTooLarge),
    ],
)  # fmt: skip
async def test_a_body_may_be_left_out_where_it_is_optional(sent: dict[str, Any], expected: object) -> None:
    seen: list[object] = []

    async def handle(request: web.Request) -> web.Response:
        try:
            seen.append(await bodies.read(request, Options, optional=True))
        except (TertuliaError, web.HTTPException) as error:
            seen.append(error)
        return web.Response()

    app = web.Application(client_max_size=1000)
    app.router.add_post("/", handle)
    async with TestClient(TestServer(app)) as client:
        await client.post("/", **sent)
    assert seen == [expected] if isinstance(expected, Options) else isinstance(seen[0], expected)  # type: ignore[arg-type]

"""Bad input: refused with the field named, and nothing lost or half written by it."""

from __future__ import annotations

import json
import socket

import pytest
from desks import Desk, fresh, ok, problem
from serving import OwnServer

JSON = {"Content-Type": "application/json"}


def deep(levels: int) -> str:
    return '{"content":"x","metadata":{"a":' + "[" * levels + "]" * levels + "}}"


REFUSED: dict[str, tuple[bytes | str, dict[str, str], int, str, str | None]] = {
    # what → body, headers, status, code, path of the field
    "nothing": ("", JSON, 400, "malformed", None),
    "no JSON": ("hello", JSON, 400, "malformed", None),
    "cut short": ('{"content":"x"', JSON, 400, "malformed", None),
    "more after it": ('{"content":"x"} x', JSON, 400, "malformed", None),
    "not UTF-8": (b'{"content":"\xff"}', JSON, 400, "malformed", None),
    "half a pair": ('{"content":"\\ud800"}', JSON, 400, "malformed", None),
    "deep": (deep(200), JSON, 400, "malformed", None),
    "100,000 deep": (deep(100_000), JSON, 400, "malformed", None),
    "NaN": ('{"content":"x","metadata":{"a":NaN}}', JSON, 400, "malformed", None),
    "a list": ("[]", JSON, 422, "invalid", ""),
    "null": ("null", JSON, 422, "invalid", ""),
    "no content": ("{}", JSON, 422, "invalid", "content"),
    "empty content": ('{"content":""}', JSON, 422, "invalid", "content"),
    "content of 65,537": (json.dumps({"content": "x" * 65_537}), JSON, 422, "invalid", "content"),
    "content no text": ('{"content":1}', JSON, 422, "invalid", "content"),
    "NUL": ('{"content":"a\\u0000b"}', JSON, 422, "invalid", "content"),
    "NUL in metadata": ('{"content":"x","metadata":{"a":["\\u0000"]}}', JSON, 422, "invalid", "metadata.a[0]"),
    "unknown field": ('{"content":"x","typo":1}', JSON, 422, "invalid", "typo"),
    "unknown inner field": ('{"content":"x","attachments":[{"url":"u","typo":1}]}', JSON, 422, "invalid",
                            "attachments[0].typo"),
    "unknown sender": ('{"content":"x","sender_type":"boss"}', JSON, 422, "invalid", "sender_type"),
    "too many attachments": (json.dumps({"content": "x", "attachments": [{"url": "u"}] * 31}), JSON, 422, "invalid",
                             "attachments"),
    "big metadata": (json.dumps({"content": "x", "metadata": {"a": "x" * 20_000}}), JSON, 422, "invalid", "metadata"),
    "a number of 30 digits": ('{"content":"x","metadata":{"a":123456789012345678901234567890}}', JSON, 422,
                              "invalid", "metadata.a"),
    "reply to no id": ('{"content":"x","reply_to":"x"}', JSON, 422, "invalid", "reply_to"),
    "empty key": ('{"content":"x","client_message_id":""}', JSON, 422, "invalid", "client_message_id"),
    "key of 256": (json.dumps({"content": "x", "client_message_id": "k" * 256}), JSON, 422, "invalid",
                   "client_message_id"),
    "combining marks, 1 MB": (json.dumps({"content": "e" + "\u0301" * 500_000}, ensure_ascii=False), JSON, 422,
                              "invalid", "content"),
    "over a megabyte": (b'{"content":"' + b"x" * 1_100_000 + b'"}', JSON, 413, "too_large", None),
    "form": ("content=x", {"Content-Type": "application/x-www-form-urlencoded"}, 415, "unsupported_media_type", None),
    "no type": (b'{"content":"x"}', {}, 415, "unsupported_media_type", None),
    "other charset": ('{"content":"x"}', {"Content-Type": "application/json; charset=utf-16"}, 415,
                      "unsupported_media_type", None),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
async def test_a_bad_message_is_refused_and_leaves_nothing(agent: Desk, what: str) -> None:
    body, headers, status, code, path = REFUSED[what]
    i = (await agent.open())["id"]
    ok(await agent.say(i, "before"), 201)
    content = body.encode() if isinstance(body, str) else body
    answer = await agent.http.post(f"/v1/conversations/{i}/messages", content=content, headers=headers)
    found = problem(answer, status, code)
    if path is not None:
        assert [e["path"] for e in found["errors"]] == [path]
    assert ok(await agent.say(i, "after"), 201)["seq"] == 2
    assert [(m["seq"], m["content"]) for m in await agent.messages(i)] == [(1, "before"), (2, "after")]


GOOD = {
    "65,536 letters": "x" * 65_536,
    "combining marks": "e" + "\u0301" * 65_000,
    "emoji": "👩‍👩‍👧‍👦" * 5_000,
    "right to left": "\u202e\u05d0\u05d1\u061c\u2066",
    "control characters": "\x01\x02\x7f\u0085\u2028\u2029\ufeff\ufffe\uffff",
    "quotes and brackets": "'\"\\;--{}[]%s%(x)s${x}{{x}}<script>\n\r\t",
    "a long word of digits": "9" * 30_000,
    "spaces": "   ",
}


@pytest.mark.parametrize("what", GOOD)
async def test_odd_text_comes_back_as_it_went(agent: Desk, what: str) -> None:
    i = (await agent.open(fresh("ünïcode 👋\u202e")))["id"]
    text = GOOD[what]
    meta = {text[:50]: [text[:500], None, True, 1.5, -(2**63), {}]}
    sent = ok(await agent.say(i, text, metadata=meta, client_message_id="k"), 201)
    assert (sent["content"], sent["metadata"]) == (text, meta)
    assert await agent.messages(i) == [sent]
    for n in range(9):
        ok(await agent.say(i, f"{n}"), 201)
    assert ok(await agent.say(i, text, metadata=meta, client_message_id="k"), 200) == sent


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"status": "nonsense"}, "status"),
        ({"priority": "top"}, "priority"),
        ({"labels": "x"}, "labels"),
        ({"labels": [""]}, "labels[0]"),
        ({"labels": ["x"] * 51}, "labels"),
        ({"metadata": []}, "metadata"),
        ({"metadata": None}, "metadata"),
        ({"subject": "x" * 999}, "subject"),
        ({"snoozed_until": "tomorrow"}, "snoozed_until"),
        ({"snoozed_until": "2031-01-01T00:00:00"}, "snoozed_until"),
        ({"team_id": "x"}, "team_id"),
        ({"assignee_id": ""}, "assignee_id"),
        ({"seq": 4}, "seq"),
        ({"archived": "yes"}, "archived"),
        ({}, ""),
    ],
    ids=lambda v: json.dumps(v)[:40] if isinstance(v, dict) else "",
)
async def test_a_bad_patch_changes_nothing(agent: Desk, fields: dict, path: str) -> None:
    c = await agent.open()
    body = problem(await agent.http.patch(f"/v1/conversations/{c['id']}", json=fields), 422, "invalid")
    assert [e["path"] for e in body["errors"]] == [path]
    assert await agent.stored(c["id"]) == c


@pytest.mark.parametrize("year", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z", "1969-12-31T23:59:59Z"])
async def test_times_at_the_edge_are_kept_or_refused(agent: Desk, year: str) -> None:
    c = await agent.open()
    answer = await agent.patch(c["id"], snoozed_until=year)
    assert answer.status_code in (200, 422), answer.text
    after = await agent.get(c["id"])
    assert after["seq"] == (1 if answer.status_code == 200 else 0)
    assert (await agent.http.get(f"/v1/conversations/{c['id']}/entries")).status_code == 200


async def test_ids_that_are_none(agent: Desk) -> None:
    for wrong in ("nonsense", "0", "%00", "..%2f..", "00000000-0000-7000-8000-000000000000", "x" * 3000):
        for path in ("", "/messages", "/entries"):
            answer = await agent.http.get(f"/v1/conversations/{wrong}{path}")
            assert answer.status_code == 404, (wrong[:40], path, answer.text[:200])
    c = await agent.open()
    assert (await agent.get(c["id"].upper()))["id"] == c["id"]


async def test_methods_and_paths_that_are_none(agent: Desk) -> None:
    assert (await agent.http.get("/v1/nothing")).json()["code"] == "not_found"
    answer = await agent.http.put("/v1/conversations/" + "0" * 8)
    assert answer.status_code == 405 and "GET" in answer.headers["Allow"]


async def test_bytes_that_are_no_http(server: OwnServer, agent: Desk) -> None:
    for sent, status in (
        (b"\x16\x03\x01\x02\x00\x01", b"400"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20_000 + b"\r\n\r\n", b"431"),
        (
            b"POST /v1/conversations HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
            b"400",
        ),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", b"400"),
    ):
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as sock:
            sock.sendall(sent)
            first = sock.recv(65536)
            assert first.startswith((b"HTTP/1.1 " + status, b"HTTP/1.0 " + status)), first[:200]
            assert b"problem+json" in first and b"Traceback" not in first and b"aaaa" not in first
    ok(await agent.http.get("/health"), 200)

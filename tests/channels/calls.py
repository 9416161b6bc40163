"""Providers' calls for the tests: signed as they sign them, and payloads that went wrong on the way."""

from __future__ import annotations

import copy
import hashlib
import hmac
import json
from typing import Any
from urllib.parse import urlencode

import msgspec
import orjson
from fuzzing import searched
from hypothesis import strategies as st

from tertulia.core.channels.messages import Faulty, Inbound, InboundEdit, Receipt, WebhookCall
from tertulia.core.ports.channels import ChannelKind

URL = "https://desk.example.com/v1/webhooks/x/00000000-0000-0000-0000-000000000011"
ID = "0190a5f3-1111-7222-8333-444455556666"

unhurried = searched(50)
"""For property tests: the machine may be busy, and no time is measured."""


def call(body: Any = b"", headers: dict[str, str] | None = None, **fields: Any) -> WebhookCall:
    """A POST; `body` as bytes, or what is written as JSON with Unicode escaped, as Meta does."""
    raw = body if isinstance(body, bytes) else json.dumps(body, separators=(",", ":")).encode()
    given: dict[str, Any] = {"method": "POST", "url": URL, "query": {}, **fields}
    return WebhookCall(headers=headers or {}, body=raw, **given)


def form(fields: Any, **more: Any) -> WebhookCall:
    return call(urlencode(fields).encode(), **more)


def meta_signature(secret: str, body: bytes) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def only(events: list[Any]) -> Any:
    (event,) = events
    return event


def wrecked(good: Any) -> st.SearchStrategy[Any]:
    """`good`, with something else in some places of it, or without them."""
    return st.lists(st.tuples(st.randoms(use_true_random=False), junk), min_size=1, max_size=4).map(
        lambda changes: _wreck(good, changes)
    )


def _wreck(good: Any, changes: list[Any]) -> Any:
    found = copy.deepcopy(good)
    for random, value in changes:
        holders = [part for part in _parts(found) if part]
        if not holders:
            break
        holder = random.choice(holders)
        key = random.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
        if random.random() < 0.25:
            del holder[key]
        else:
            holder[key] = value
    return found


def _parts(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [value, *(part for child in value.values() for part in _parts(child))]
    if isinstance(value, list):
        return [value, *(part for child in value for part in _parts(child))]
    return []


any_text = st.text(max_size=20) | st.sampled_from(["\0", "\ud800", "a\udfff\0b", "9" * 400, "x" * 70_000])
"""Any text: NUL, halves of surrogate pairs, very long."""
junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
    max_leaves=5,
)


def must_hold(kind: ChannelKind, called: WebhookCall) -> list[Any]:
    """Parse; whatever the call, there are events that can be stored, or a ValueError."""
    try:
        events = kind.parse(called, {})
    except ValueError:
        return []
    for event in events:
        stored = msgspec.json.encode(event)
        assert b"\\u0000" not in stored.replace(rb"\\", b"")
        assert orjson.loads(stored)
        match event:
            case Inbound():
                _check(event)
            case InboundEdit(inbound, edited_at):
                _check(inbound)
                assert 0 < edited_at < 2**48
            case Receipt():
                assert event.provider_ids or event.message_id or (event.recipient and event.watermark)
                assert (event.error is not None) == (event.status == "failed")
            case Faulty(reason):
                assert reason
    return events


def _check(message: Inbound) -> None:
    assert 0 < len(message.provider_id) <= 2000
    assert 0 < len(message.sender.identifier) <= 255
    assert all(0 < len(alias) <= 255 for alias in message.sender.aliases)
    assert message.sender.name is None or 0 < len(message.sender.name) <= 255
    assert (message.content or message.media) and len(message.content) <= 65_536
    assert 0 < len(message.content_type) <= 100
    assert message.at is None or 0 < message.at < 2**48
    for file in message.media:
        assert [file.id, file.url, file.data].count(None) == 2

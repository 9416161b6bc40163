"""What else reads a stranger's JSON, forms and parameters: time and memory linear from n to 4 n."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import pytest
from growth import assert_linear
from multidict import MultiDict

from tertulia.channels.shared import payloads, provider_answers
from tertulia.core.errors import TertuliaError
from tertulia.core.text.field_errors import field_error
from tertulia.http.auth import jwks
from tertulia.http.framework import bodies
from tertulia.http.routes.conversation.inbox import InboxQuery
from tertulia.http.routes.streams.messages import MESSAGES, _Head

TEXTS: dict[str, Callable[[int], bytes]] = {
    "newlines, and one NUL": lambda n: rb"\n" * (n // 2) + rb"\u0000",
    "NUL": lambda n: rb"\u0000" * (n // 6),
    "NUL between letters": lambda n: rb"a\u0000" * (n // 7),
    "halves of pairs": lambda n: rb"\ud83d" * (n // 6),
    "pairs": lambda n: rb"\ud83d\ude00" * (n // 12),
    "backslashes": lambda n: rb"\\" * (n // 2) + rb"\ud83d",
    "a backslash at the end": lambda n: rb"\n" * (n // 2) + rb"\ud8" + b"\\",
}


@pytest.mark.parametrize("what", TEXTS)
def test_a_providers_texts(what: str) -> None:
    def make(n: int) -> bytes:
        return b'{"a":"' + TEXTS[what](n) + b'"}'

    assert_linear(payloads.document, make, 100_000, memory=70, refuses=ValueError)


@pytest.mark.parametrize("inner", [b"[]", b'{"":0}', b"0", b'"ab"', b"[" * 50 + b"]" * 50, b"0.5", b"9" * 19])
def test_a_providers_document(inner: bytes) -> None:
    def make(n: int) -> bytes:
        return b'{"a":[' + b",".join([inner] * (n // len(inner))) + b"]}"

    # just below MAX_VALUES for the shortest ones: to refuse costs more than to take, by a constant factor
    n = min(100_000, payloads.MAX_VALUES * len(inner) // 5)
    assert_linear(payloads.document, make, n, memory=70, refuses=ValueError)
    try:
        assert_linear(provider_answers.answer_of, make, 240_000, memory=70)
    except AssertionError:  # a cache that only the smaller one fits; growth would show at every size
        assert_linear(provider_answers.answer_of, make, 1_920_000, memory=70)


FRAMES: dict[str, Callable[[int], bytes]] = {
    "topics": lambda n: b'{"type":"subscribe","topics":[' + b",".join([b'"account"'] * (n // 10)) + b"]}",
    "topics, the last one wrong": lambda n: b'{"type":"subscribe","topics":[' + b'"",' * (n // 3) + b"1]}",
    "unknown fields": lambda n: b'{"type":"ping",' + b",".join(b'"k%d":1' % i for i in range(n // 10)) + b"}",
    "deep": lambda n: b'{"type":"ping","x":' + b"[" * (n // 2) + b"]" * (n // 2) + b"}",
    "a long ref": lambda n: b'{"type":"ping","ref":"' + b"r" * n + b'"}',
    "NUL": lambda n: b'{"type":"ping","x":"' + rb"\u0000" * (n // 6) + b'"}',
    "long numbers": lambda n: b'{"type":"ping","x":[' + b"9" * 20 + b",0" * (n // 2) + b"]}",
}


@pytest.mark.parametrize("what", FRAMES)
def test_a_clients_frame(what: str) -> None:
    def understand(frame: bytes) -> Any:
        head = bodies.decode_head(frame, _Head)
        return bodies.decode(frame, MESSAGES[head.type].shape)

    assert_linear(understand, FRAMES[what], 130_000, memory=48, refuses=TertuliaError)


def test_many_query_parameters() -> None:
    for name in ("x%d", "status", "cursor", "limit"):
        assert_linear(
            lambda query: bodies.query(query, InboxQuery),
            lambda n, name=name: MultiDict((name % i if "%" in name else name, "1") for i in range(n)),
            2_000,
            memory=1_000,
            refuses=TertuliaError,
        )


@pytest.mark.parametrize(
    "piece", [" - at `$", "`", "Object contains unknown field `", " ", "x", "\n", " - at `key` in `$"]
)
def test_a_message_of_the_decoder(piece: str) -> None:
    assert_linear(field_error, lambda n: piece * (n // len(piece)), 200_000)
    assert_linear(
        field_error,
        lambda n: f"Object contains unknown field `{piece * (n // len(piece))}` - at `$.a`",
        200_000,
    )


def test_a_key_set() -> None:
    def make(n: int) -> bytes:
        return json.dumps(
            {"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": str(i)} for i in range(n)]}
        ).encode()

    assert_linear(jwks.parse, make, 500, refuses=ValueError)


def test_a_form() -> None:
    def read(body: bytes) -> Any:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, strict_parsing=True, max_num_fields=bodies.MAX_FORM_FIELDS
        )
        return msgspec.json.encode(dict(pairs))

    for piece in (b"a=b&", b"%41", b"%", b"a=%00"):
        assert_linear(
            read, lambda n, piece=piece: piece * (n // len(piece)), 200_000, memory=64, refuses=ValueError
        )

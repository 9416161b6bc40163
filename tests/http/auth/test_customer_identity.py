"""Proofs of who a customer is: what a channel's secret has signed, for this channel, and not for ever."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import jwt
import pytest

from tertulia.core.errors import Forbidden
from tertulia.http.auth import customer_identity

SECRET = "s" * 32
CHANNEL = "00000000-0000-0000-0000-000000000011"
NOW = 1_796_000_000


def signed(secret: str = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    given = {"sub": "marta-1", "exp": NOW + 60} | claims
    return jwt.encode({k: v for k, v in given.items() if v is not None}, secret, algorithm)


def proved(token: str, secret: str | None = SECRET) -> customer_identity.Proved:
    return customer_identity.of_token(secret, token, CHANNEL, NOW, leeway=30)


def test_a_token_says_who_it_is() -> None:
    assert proved(signed()) == ("marta-1", None)
    assert proved(signed(name="Marta\u202e", aud=CHANNEL, iat=NOW)) == ("marta-1", "Marta")
    assert proved(signed(exp=NOW - 20, aud=["other", CHANNEL])).identifier == "marta-1"


def unsigned(header: dict[str, str]) -> str:
    parts = (header, {"sub": "marta-1", "exp": NOW + 60})
    return (
        ".".join(base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts) + "."
    )


@pytest.mark.parametrize(
    "token",
    [
        signed(exp=NOW - 31),
        signed(exp=None),
        signed(exp="tomorrow"),
        signed(exp=True),
        signed(nbf=NOW + 31),
        signed(iat=NOW + 31),
        signed(sub=None),
        signed(sub=""),
        signed(sub="x" * 256),
        signed(aud="00000000-0000-0000-0000-000000000099"),
        signed(secret="t" * 32),
        signed(secret=SECRET * 2, algorithm="HS512"),
        unsigned({"alg": "none"}),
        "",
        "a.b.c",
        "x" * 5000,
    ],
)
def test_what_proves_nothing(token: str) -> None:
    with pytest.raises(Forbidden):
        proved(token)


@pytest.mark.parametrize("secret", [None, "", "short"])
def test_a_short_secret_signs_no_token(secret: str | None) -> None:
    with pytest.raises(Forbidden, match="32 bytes"):
        proved(signed(), secret)


def test_a_hash_is_of_its_identifier() -> None:
    made = hmac.new(SECRET.encode(), b"marta-1", hashlib.sha256).hexdigest()
    assert customer_identity.is_hash(SECRET, "marta-1", made.upper())
    for secret, identifier, given in (
        (SECRET, "marta-2", made),
        ("other", "marta-1", made),
        (None, "marta-1", made),
        (SECRET, "marta-1", ""),
    ):
        assert not customer_identity.is_hash(secret, identifier, given)

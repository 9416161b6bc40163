from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import jwt
import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer, make_mocked_request
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tertulia.core.accounts.principal import Role
from tertulia.core.errors import Forbidden, Malformed, StorageUnavailable, Unauthenticated
from tertulia.http.auth.jwks import KeySet, http_fetch
from tertulia.http.auth.tokens import SELF_ISSUER, TokenSigner, TokenVerifier, credential
from tertulia.settings import Settings

A, B, CHANNEL = (str(UUID(int=n)) for n in (0xA, 0xB, 0xC))
SECRET = "s" * 32
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def signer(clock: Clock) -> TokenSigner:
    return TokenSigner(SECRET, issuer="tertulia", audience="tertulia", clock=clock)


@pytest.fixture
def verifier(signer: TokenSigner) -> TokenVerifier:
    return TokenVerifier(signer, leeway=30)


def claims(clock: Clock, **changes: Any) -> dict[str, Any]:
    all_claims = {
        "iss": "tertulia",
        "aud": "tertulia",
        "sub": "user-1",
        "iat": int(clock.now),
        "exp": int(clock.now) + 600,
        "accounts": {A: "agent"},
    } | changes
    return {k: v for k, v in all_claims.items() if v is not ...}


def hs256(payload: dict[str, Any], secret: str = SECRET, **headers: Any) -> str:
    return jwt.encode(payload, secret, algorithm="HS256", headers=headers or None)


def by_hand(header: dict[str, Any], payload: dict[str, Any], key: bytes | None) -> str:
    def part(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    signed = f"{part(json.dumps(header).encode())}.{part(json.dumps(payload).encode())}"
    signature = b"" if key is None else hmac.digest(key, signed.encode(), hashlib.sha256)
    return f"{signed}.{part(signature)}"


async def test_an_issued_token_becomes_its_principal(
    signer: TokenSigner, verifier: TokenVerifier, clock: Clock
) -> None:
    token = signer.issue("u1", {A: Role.LEAD}, lifetime=60, token_id="t1")
    assert verifier.cached(token) is None
    who = await verifier.verify(token)
    assert (who.account_id, who.role, who.user_id, who.token_id) == (A, Role.LEAD, "u1", "t1")
    assert who.expires_at == clock.now + 60
    assert verifier.cached(token) is who


async def test_a_customers_token_is_bound_to_its_thread(
    signer: TokenSigner, verifier: TokenVerifier, clock: Clock
) -> None:
    token = signer.issue(
        "s", {A: Role.CUSTOMER}, lifetime=60, channel_id=CHANNEL, contact_identifier="visitor"
    )
    who = await verifier.verify(token)
    assert (who.role, who.channel_id, who.contact_identifier) == (Role.CUSTOMER, CHANNEL, "visitor")
    for missing in (
        {"channel_id": CHANNEL},
        {"contact_identifier": "x"},
        {"channel_id": 7, "contact_identifier": "x"},
    ):
        with pytest.raises(Unauthenticated):
            await verifier.verify(hs256(claims(clock, accounts={A: "customer"}, **missing)))
    # a binding means nothing for staff
    staff = await verifier.verify(hs256(claims(clock, channel_id=CHANNEL, contact_identifier="x")))
    assert staff.channel_id is None


def customer(clock: Clock, **changes: Any) -> dict[str, Any]:
    bound = {"accounts": {A: "customer"}, "channel_id": CHANNEL, "contact_identifier": "kim"}
    return claims(clock, **(bound | changes))


async def test_what_is_verified_at_once_is_what_is_verified(signer: TokenSigner, clock: Clock) -> None:
    whole = customer(clock)
    good = hs256(whole)
    head, body, signature = good.split(".")
    key = SECRET.encode()
    plain = {"alg": "HS256", "typ": "JWT"}
    tokens = [
        *(hs256(customer(clock, **{name: ...})) for name in whole),
        *(hs256(customer(clock, exp=value)) for value in (0, int(clock.now) - 31, True, "1", 1e300)),
        *(hs256(customer(clock, iat=int(clock.now) + after)) for after in (29, 31)),
        *(by_hand(plain, customer(clock, **{name: 7}), key) for name in ("sub", "iss", "aud", "jti", "channel_id")),
        *(hs256(customer(clock, accounts=held)) for held in ({}, {A: "customer", B: "agent"}, {A: "x"}, 1)),
        *(by_hand(plain | more, whole, key) for more in ({}, {"typ": "at+jwt"}, {"crit": ["b64"], "b64": False})),
        *(by_hand(plain | {"alg": name}, whole, key) for name in ("none", "HS384", "RS256", 7)),
        *(f"{head}.{body}.{s}" for s in ("", signature[:-1], signature + "A", signature + "=", "A" * 43)),
        *(good[:at] + "A" + good[at + 1 :] for at in range(0, len(good), 7)),
        by_hand(plain, whole, None), hs256(whole, "x" * 32), f"{good}.x", f"x.{good}", f"{head}.{body}", "", ".", "..", "\ud800.é.x",
        hs256(claims(clock)), hs256(claims(clock, accounts={A: "service"})), "A" * 9000,
    ]  # fmt: skip
    accepted = 0
    for token in [good, *tokens]:
        try:
            expected = await TokenVerifier(signer, leeway=30).verify(token)
        except (Unauthenticated, Malformed, Forbidden):
            expected = None
        try:
            found = TokenVerifier(signer, leeway=30).at_once(token)
        except (Unauthenticated, Malformed, Forbidden):
            assert expected is None
            continue
        assert found is None or found == expected
        accepted += found is not None
    verifier = TokenVerifier(signer, leeway=30)
    assert verifier.at_once(good) is verifier.cached(good) is not None
    assert accepted > 2


async def test_times_count_with_leeway_only(verifier: TokenVerifier, clock: Clock) -> None:
    token = hs256(claims(clock))
    await verifier.verify(token)
    clock.now += 629
    assert verifier.cached(token) is not None
    clock.now += 1
    assert verifier.cached(token) is None
    with pytest.raises(Unauthenticated, match="expired"):
        await verifier.verify(token)
    for early in ("nbf", "iat"):
        await verifier.verify(hs256(claims(clock, **{early: clock.now + 29})))
        with pytest.raises(Unauthenticated, match="not valid yet"):
            await verifier.verify(hs256(claims(clock, **{early: clock.now + 31})))


BAD: dict[str, dict[str, Any]] = {
    **{f"{name} missing": {name: ...} for name in ("exp", "iat", "iss", "sub", "aud", "accounts")},
    "wrong issuer": {"iss": "somebody"},
    "issuer as list": {"iss": ["tertulia"]},
    "self issuer without key set": {"iss": SELF_ISSUER},
    "wrong audience": {"aud": "tertulia2"},
    "wrong audiences": {"aud": ["a", "b"]},
    "audience as object": {"aud": {"tertulia": 1}},
    "id token": {"token_use": "id"},
    "odd use": {"token_use": ["access"]},
    "client id without access": {"aud": ..., "client_id": "tertulia"},
    "client id of another": {"aud": ..., "client_id": "other", "token_use": "access"},
    "client id does not mend aud": {"aud": "other", "client_id": "tertulia", "token_use": "access"},
    "exp as text": {"exp": "9999999999"},
    "exp true": {"exp": True},
    "exp infinite": {"exp": float("inf")},
    "iat not a number": {"iat": float("nan")},
    "nbf null": {"nbf": None},
    "sub empty": {"sub": ""},
    "sub a number": {"sub": 7},
    "sub with a newline": {"sub": "a\nb"},
    "sub with NUL": {"sub": "a\0"},
    "sub long": {"sub": "x" * 256},
    "jti a number": {"jti": 7},
    "account no uuid": {"accounts": {"1": "agent"}},
    "account braces": {"accounts": {"{" + A + "}": "agent"}},
    "account twice": {"accounts": {A: "agent", A.upper(): "admin"}},
    "role unknown": {"accounts": {A: "root"}},
    "role a list": {"accounts": {A: ["agent"]}},
    "accounts a list": {"accounts": [A]},
    "accounts bad json": {"accounts": "{"},
    "accounts half a surrogate pair": {"accounts": "\ud800"},
}


@pytest.mark.parametrize("changes", BAD.values(), ids=BAD.keys())
async def test_bad_claims_are_refused(verifier: TokenVerifier, clock: Clock, changes: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated):
        await verifier.verify(by_hand({"alg": "HS256"}, claims(clock, **changes), SECRET.encode()))


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": ["x", "tertulia"]},
        {"aud": ..., "client_id": "tertulia", "token_use": "access"},
        {"accounts": json.dumps({A: "agent"})},
        {"accounts": {A.upper(): "agent"}},
    ],
)
async def test_what_else_is_accepted(verifier: TokenVerifier, clock: Clock, changes: dict[str, Any]) -> None:
    assert (await verifier.verify(hs256(claims(clock, **changes)))).account_id == A


@pytest.mark.parametrize(
    "token",
    ["", "x", "..", "a.b.c", "é.é.é", "\ud800", "eyJ.eyJ.", "a" * 9000, "e30.e30.", "bnVsbA.bnVsbA.bnVsbA"],
)
async def test_rubbish_is_refused(verifier: TokenVerifier, token: str) -> None:
    with pytest.raises(Unauthenticated):
        await verifier.verify(token)


async def test_forged_signatures_are_refused(verifier: TokenVerifier, clock: Clock) -> None:
    payload = claims(clock)
    for token in (
        by_hand({"alg": "none"}, payload, None),
        by_hand({"alg": "None", "typ": "JWT"}, payload, None),
        by_hand({"alg": "HS256"}, payload, b""),
        by_hand({"alg": ["HS256"]}, payload, SECRET.encode()),
        by_hand({"alg": "HS256", "crit": ["x"], "x": 1}, payload, SECRET.encode()),
        hs256(payload, "t" * 32),
        jwt.encode(payload, SECRET * 2, algorithm="HS512"),
        jwt.encode(payload, RSA, algorithm="RS256"),
        by_hand({"alg": "HS256"}, {"z": [[]] * 400} | payload, SECRET.encode())[:-2],
    ):
        with pytest.raises(Unauthenticated):
            await verifier.verify(token)


async def test_several_accounts_need_a_choice(verifier: TokenVerifier, clock: Clock) -> None:
    token = hs256(claims(clock, accounts={A: "agent", B: "admin"}))
    for _ in ("first", "cached"):
        with pytest.raises(Malformed):
            await verifier.verify(token)
        with pytest.raises(Malformed):
            await verifier.verify(token, "7")
        with pytest.raises(Forbidden):
            await verifier.verify(token, CHANNEL)
        assert (await verifier.verify(token, A)).role is Role.AGENT
        assert (await verifier.verify(token, B.upper())).role is Role.ADMIN


async def test_one_account_is_the_account_and_none_is_forbidden(
    verifier: TokenVerifier, clock: Clock
) -> None:
    token = hs256(claims(clock))
    assert (await verifier.verify(token, A)).account_id == A
    with pytest.raises(Forbidden):
        await verifier.verify(token, B)
    with pytest.raises(Forbidden):
        await verifier.verify(hs256(claims(clock, accounts={})))


async def test_the_cache_is_bounded(signer: TokenSigner) -> None:
    verifier = TokenVerifier(signer, cached_tokens=2)
    first, second, third = (signer.issue(f"u{n}", {A: Role.AGENT}, lifetime=60) for n in range(3))
    await verifier.verify(first)
    await verifier.verify(second)
    assert verifier.cached(first) is not None
    await verifier.verify(third)
    assert verifier.cached(second) is None
    assert verifier.cached(first) is not None


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="32"):
        TokenSigner("s" * 31, issuer="tertulia", audience="tertulia")


@pytest.mark.parametrize(
    ("headers", "path", "stream", "expected"),
    [
        ({"Authorization": "Bearer abc"}, "/", False, ("bearer", "abc")),
        ({"Authorization": "bEARER  abc "}, "/?ticket=t", True, ("bearer", "abc")),
        ({"Cookie": "tertulia_token=c"}, "/?ticket=t", True, ("ticket", "t")),
        ({"Cookie": "tertulia_token=c"}, "/", True, ("cookie", "c")),
        ({"Cookie": "tertulia_token=c"}, "/?ticket=t", False, None),
        ({}, "/", True, None),
    ],
)
def test_where_a_token_may_come_from(headers: dict[str, str], path: str, stream: bool, expected: Any) -> None:
    assert credential(make_mocked_request("GET", path, headers=headers), stream=stream) == expected


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer ", "Basic abc", "abc"])
def test_another_authorization_scheme_is_refused(value: str) -> None:
    with pytest.raises(Unauthenticated):
        credential(
            make_mocked_request("GET", "/", headers={"Authorization": value, "Cookie": "tertulia_token=c"})
        )


# --- with a key set ---------------------------------------------------------------------------------------------


class Provider:
    """An identity provider: signs with what it publishes, counts the fetches, can fail or hang."""

    def __init__(self) -> None:
        self.keys: list[dict[str, Any]] = [
            json.loads(RSAAlgorithm.to_jwk(RSA.public_key())) | {"kid": "r", "use": "sig", "alg": "RS256"},
            json.loads(ECAlgorithm.to_jwk(EC.public_key())) | {"kid": "e"},
        ]
        self.fetches = 0
        self.status = 200
        self.body: bytes | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def serve(self, _request: web.Request) -> web.Response:
        self.fetches += 1
        await self.gate.wait()
        body = self.body if self.body is not None else json.dumps({"keys": self.keys}).encode()
        return web.Response(status=self.status, body=body, content_type="application/json")


@pytest.fixture
async def provider() -> Provider:
    return Provider()


@pytest.fixture
async def key_set(provider: Provider, clock: Clock) -> AsyncIterator[KeySet]:
    app = web.Application()
    app.router.add_get("/jwks", provider.serve)
    async with TestServer(app) as server, ClientSession() as session:
        fetch = http_fetch(session, str(server.make_url("/jwks")))
        keys = KeySet(fetch, ttl=600, stale_for=3600, cooldown=30, deadline=5, clock=clock)
        yield keys
        provider.gate.set()
        await keys.close()


@pytest.fixture
def federated(key_set: KeySet, clock: Clock) -> TokenVerifier:
    settings = Settings(jwks_url="http://provider/jwks")
    return TokenVerifier.from_settings(
        settings, TokenSigner.from_settings(settings, SECRET, clock=clock), key_set
    )


def rs256(payload: dict[str, Any], kid: str | None = "r", key: Any = RSA) -> str:
    return jwt.encode(payload, key, algorithm="RS256", headers={"kid": kid} if kid else None)


async def test_rs256_and_es256_by_key_set(federated: TokenVerifier, provider: Provider, clock: Clock) -> None:
    assert (await federated.verify(rs256(claims(clock)))).user_id == "user-1"
    es256 = jwt.encode(claims(clock, sub="user-2"), EC, algorithm="ES256", headers={"kid": "e"})
    assert (await federated.verify(es256)).user_id == "user-2"
    assert (await federated.verify(rs256(claims(clock), kid=None))).user_id == "user-1"
    assert provider.fetches == 1


async def test_each_issuer_has_one_family(federated: TokenVerifier, clock: Clock) -> None:
    own = TokenSigner.from_settings(Settings(jwks_url="http://p"), SECRET, clock=clock)
    assert own.issuer == SELF_ISSUER
    assert (await federated.verify(own.issue("svc", {A: Role.SERVICE}, lifetime=60))).role is Role.SERVICE
    public = RSA.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    for token in (
        hs256(claims(clock)),  # an HS256 user token
        by_hand({"alg": "HS256", "kid": "r"}, claims(clock), public),
        by_hand({"alg": "HS256", "kid": "r"}, claims(clock), public.strip()),
        by_hand({"alg": "HS256", "kid": "r"}, claims(clock, iss=SELF_ISSUER), public),
        rs256(claims(clock, iss=SELF_ISSUER)),  # the provider does not speak for the server
        rs256(claims(clock), kid="e"),
        jwt.encode(claims(clock), RSA, algorithm="RS512", headers={"kid": "r"}),
        by_hand({"alg": "none", "kid": "r"}, claims(clock), None),
        rs256(claims(clock), key=rsa.generate_private_key(public_exponent=65537, key_size=2048)),
        rs256(claims(clock, token_use="id")),
    ):
        with pytest.raises(Unauthenticated):
            await federated.verify(token)


def _attackers(clock: Clock, **header: Any) -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = json.loads(RSAAlgorithm.to_jwk(key.public_key())) | {"kid": "mine", "alg": "RS256", "use": "sig"}
    named = {k: public if v == "JWK" else v for k, v in header.items()}
    return jwt.encode(claims(clock), key, algorithm="RS256", headers={"kid": "r"} | named)


@pytest.mark.parametrize(
    "header",
    [
        {"jwk": "JWK"}, {"jwk": "JWK", "kid": "mine"}, {"jku": "https://evil.example/jwks"}, {"x5u": "https://evil.example/x"},
        {"x5c": ["MIIB"]}, {"x5t": "AAAA"}, {"crit": ["exp"]}, {"kid": "../../../dev/null"}, {"kid": "r' OR '1'='1"},
        {"kid": "r\0"}, {"kid": ""}, {"typ": "JWE"}, {"cty": "JWT"}, {"b64": False, "crit": ["b64"]},
    ],
    ids=str,
)  # fmt: skip
async def test_a_token_does_not_say_by_which_key_it_is_verified(
    federated: TokenVerifier, provider: Provider, clock: Clock, header: dict[str, Any]
) -> None:
    with pytest.raises(Unauthenticated):
        await federated.verify(_attackers(clock, **header))
    assert provider.fetches <= 1, "the provider's own set, and no other address"


@pytest.mark.parametrize("kid", [7, None, ["r"], {"a": 1}, True])
async def test_a_kid_that_is_no_text_names_no_key(federated: TokenVerifier, clock: Clock, kid: Any) -> None:
    with pytest.raises(Unauthenticated):
        await federated.verify(by_hand({"alg": "RS256", "kid": kid}, claims(clock), SECRET.encode()))


DEAR = {
    "a megabyte": lambda clock: hs256(claims(clock, x="y" * 1_000_000)),
    "100,000 accounts": lambda clock: hs256(
        claims(clock, accounts={str(UUID(int=n)): "agent" for n in range(100_000)})
    ),
    "100,000 accounts as text": lambda clock: hs256(
        claims(clock, accounts=json.dumps({str(UUID(int=n)): "agent" for n in range(100_000)}))
    ),
    "deep": lambda clock: by_hand_text('{"alg":"HS256"}', '{"a":' * 1000 + "1" + "}" * 1000),
    "deep lists": lambda clock: by_hand_text('{"alg":"HS256"}', "[" * 2900 + "]" * 2900),
    "a deep header": lambda clock: by_hand_text('{"alg":' + "[" * 2800 + "]" * 2800 + "}", "{}"),
    "deep accounts as text": lambda clock: hs256(claims(clock, accounts="[" * 2500 + "]" * 2500)),
    "a long number": lambda clock: by_hand_text(
        '{"alg":"HS256"}', '{"iss":"tertulia","exp":' + "9" * 5500 + "}"
    ),
    "dots": lambda clock: "." * 8000,
}


def by_hand_text(header: str, payload: str) -> str:
    """A well-signed token of any JSON."""
    parts = [base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode() for text in (header, payload)]
    signature = hmac.digest(SECRET.encode(), ".".join(parts).encode(), hashlib.sha256)
    return ".".join([*parts, base64.urlsafe_b64encode(signature).rstrip(b"=").decode()])


@pytest.mark.parametrize("make", DEAR.values(), ids=DEAR.keys())
async def test_what_is_dear_to_read_is_refused(verifier: TokenVerifier, clock: Clock, make: Any) -> None:
    with pytest.raises(Unauthenticated):
        await verifier.verify(make(clock))


async def test_a_token_holds_as_many_accounts_as_fit_and_no_more(
    verifier: TokenVerifier, clock: Clock
) -> None:
    """The length of a token is what bounds its accounts."""
    few, many = ({str(UUID(int=n)): "agent" for n in range(count)} for count in (100, 130))
    assert (await verifier.verify(hs256(claims(clock, accounts=few)), str(UUID(int=99)))).account_id == str(
        UUID(int=99)
    )
    with pytest.raises(Unauthenticated, match="too long"):
        await verifier.verify(hs256(claims(clock, accounts=many)))


async def test_a_flood_of_unknown_kids_is_one_fetch(
    federated: TokenVerifier, provider: Provider, clock: Clock
) -> None:
    async def flood() -> None:
        tokens = [rs256(claims(clock), kid=f"unknown-{n}") for n in range(200)]
        answers = await asyncio.gather(*(federated.verify(t) for t in tokens), return_exceptions=True)
        assert all(isinstance(a, Unauthenticated) for a in answers)

    await flood()
    assert provider.fetches == 1  # cold: the first fetch answered them all
    await flood()
    await flood()
    assert provider.fetches == 2
    clock.now += 31
    await flood()
    assert provider.fetches == 3


async def test_a_rotated_key_is_found_at_once(
    federated: TokenVerifier, provider: Provider, clock: Clock
) -> None:
    await federated.verify(rs256(claims(clock)))
    provider.keys[0]["kid"] = "new"
    assert await federated.verify(rs256(claims(clock), kid="new"))
    with pytest.raises(Unauthenticated):
        await federated.verify(rs256(claims(clock, sub="other"), kid="r"))


async def test_who_waits_shares_a_fetch_and_may_give_up(
    federated: TokenVerifier, provider: Provider, clock: Clock
) -> None:
    provider.gate.clear()
    waiting = [asyncio.create_task(federated.verify(rs256(claims(clock, sub=f"u{n}")))) for n in range(20)]
    while not provider.fetches:
        await asyncio.sleep(0)
    waiting[0].cancel()
    provider.gate.set()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert [a.user_id for a in answers[1:] if not isinstance(a, BaseException)] == [
        f"u{n}" for n in range(1, 20)
    ]
    assert provider.fetches == 1


async def test_old_keys_serve_while_the_provider_is_down(
    federated: TokenVerifier, provider: Provider, clock: Clock
) -> None:
    await federated.verify(rs256(claims(clock)))
    provider.status = 500
    clock.now += 601
    for n in range(5):
        assert await federated.verify(rs256(claims(clock, sub=f"u{n}")))
    assert provider.fetches == 2
    clock.now += 3600
    with pytest.raises(StorageUnavailable) as down:
        await federated.verify(rs256(claims(clock)))
    assert down.value.retry_after
    provider.status = 200
    clock.now += 31
    assert await federated.verify(rs256(claims(clock)))


async def test_a_provider_down_from_the_start_is_503_not_401(
    federated: TokenVerifier, provider: Provider, clock: Clock
) -> None:
    oct_key = {"kty": "oct", "kid": "r", "k": "c2VjcmV0"}
    for body in (
        b"",
        b"<html>",
        b'{"keys":[]}',
        json.dumps({"keys": [oct_key, {"kty": "RSA"}, {}]}).encode(),
    ):
        provider.body = body
        clock.now += 31
        with pytest.raises(StorageUnavailable):
            await federated.verify(rs256(claims(clock)))
    provider.body, provider.status = None, 302
    clock.now += 31
    with pytest.raises(StorageUnavailable):
        await federated.verify(rs256(claims(clock)))


async def test_a_fetch_has_a_deadline(clock: Clock) -> None:
    async def never() -> bytes:
        await asyncio.Event().wait()
        return b""

    keys = KeySet(never, deadline=0.01, clock=clock)
    with pytest.raises(StorageUnavailable):
        await keys.key("r", "RS256")


async def test_a_deleted_clients_tokens_are_refused_and_no_others(
    signer: TokenSigner, verifier: TokenVerifier, clock: Clock
) -> None:
    client, other = (str(UUID(int=n)) for n in (0x1C, 0x2C))
    known, fresh = (signer.issue(client, {A: Role.SERVICE}, lifetime=60, token_id=i) for i in "12")
    others = [
        signer.issue(other, {A: Role.SERVICE}, lifetime=60),
        signer.issue(client, {A: Role.AGENT}, lifetime=60),  # a person who happens to be called so
    ]
    for token in (known, *others):
        await verifier.verify(token)
    verifier.revoke([client])
    assert verifier.cached(known) is None
    for token in (known, fresh):
        with pytest.raises(Unauthenticated, match="deleted"):
            await verifier.verify(token)
    for token in others:
        principal = verifier.cached(token)
        assert principal is not None
        verifier.check_revoked(principal)
    clock.now += 7_201  # its tokens have ended by themselves
    verifier.revoke([other])
    assert list(verifier._revoked) == [other]


@pytest.mark.parametrize("sub", ["<b>x</b>", "a\u202eb", "a\u200bb", " x", "x\n", ""])
async def test_an_id_that_cannot_be_read_is_nobodys(verifier: TokenVerifier, clock: Clock, sub: str) -> None:
    with pytest.raises(Unauthenticated, match="sub"):
        await verifier.verify(jwt.encode(claims(clock, sub=sub), SECRET, algorithm="HS256"))


async def test_names_in_tokens_do_not_turn_the_text_around_them(
    verifier: TokenVerifier, clock: Clock
) -> None:
    customer = claims(
        clock,
        accounts={A: "customer"},
        channel_id=CHANNEL,
        contact_identifier="c",
        contact_name="ana\u202ecod.exe",
    )
    principal = await verifier.verify(jwt.encode(customer, SECRET, algorithm="HS256"))
    assert principal.contact_name == "anacod.exe"

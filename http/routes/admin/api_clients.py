"""`/v1/api-clients`, and the tokens that clients obtain with their secrets.

A deleted client gets no more tokens, and its current one is revoked: at once at this gateway, at others within a second
(`http/auth/revocations.py`).
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import secrets
from base64 import b64decode
from typing import Annotated, Literal
from urllib.parse import unquote_plus

import msgspec
from aiohttp import web

from ....actors.clock import fresh_id
from ....core.accounts.principal import Role
from ....core.errors import Malformed, NotFound, Unauthenticated
from ....core.ids import is_uuid
from ....core.text.fields import Count, NextCursor, about
from ....core.times import rfc3339
from ....core.views.resources import ApiClientView, ApiClientWithSecret, client_view
from ...framework.endpoint import Call, Route, answer, no_content
from ...framework.pagination import PageQuery, author, cursor, place

TAG = "api clients"
TOKEN_LIFE = 3600
"""Lifetime of a service token in seconds. Deleted clients are remembered for longer (migration 0019)."""
Secret = Annotated[str, msgspec.Meta(max_length=255)]


class NewApiClient(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=255), about("Its purpose", "CRM")]


class ApiClientsPage(msgspec.Struct, frozen=True):
    items: Annotated[list[ApiClientView], about("The clients")]
    next_cursor: NextCursor


class TokenRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """RFC 6749 section 4.4. Id and secret may be sent by HTTP Basic instead; `scope` is accepted and ignored."""

    grant_type: Annotated[Literal["client_credentials"], about("The only supported grant")]
    client_id: Annotated[
        Secret | None,
        about("The client's id, unless HTTP Basic carries it", "0190a5f0-7c1e-7000-8000-0000000c11e7"),
    ] = None
    client_secret: Annotated[
        Secret | None, about("Its secret, unless HTTP Basic carries it", "3q2-7wqU9nX0m1c5")
    ] = None
    scope: Annotated[str | None, about("Accepted and ignored")] = None


class TokenView(msgspec.Struct, frozen=True):
    access_token: Annotated[str, about("The service token, a JWT", "eyJhbGciOiJIUzI1NiJ9.e30.c2ln")]
    token_type: Annotated[Literal["Bearer"], about("How to send it")]
    expires_in: Annotated[Count, about("Seconds for which it is valid", 3600)]


def hashed(secret: str) -> bytes:
    """The stored form of a secret. It has 256 random bits, so a slow hash would add nothing."""
    return hashlib.sha256(secret.encode()).digest()


async def create(call: Call[NewApiClient]) -> web.Response:
    client_id, secret = fresh_id(), secrets.token_urlsafe(32)
    client = await call.services.stores.clients.create(
        call.account_id, client_id, call.body.name, hashed(secret), author(call)
    )
    view = ApiClientWithSecret(client.id, secret, client.name, rfc3339(client.created_at))
    return answer(view, 201, {"Cache-Control": "no-store"})


async def index(call: Call[None]) -> web.Response:
    query: PageQuery = call.query
    page = await call.services.stores.clients.page(call.account_id, place(query.cursor), query.limit)
    return answer(ApiClientsPage([client_view(c) for c in page.items], cursor(page.next)))


async def delete(call: Call[None]) -> web.Response:
    if not await call.services.stores.clients.delete(call.account_id, call.id(), author(call)):
        raise NotFound("no such api client")
    call.services.revocations.revoke([call.id()])
    return no_content()


def _credentials(call: Call[TokenRequest]) -> tuple[str, str]:
    body, header = call.body, call.request.headers.get("Authorization")
    if header is None or not header.lower().startswith("basic "):
        return body.client_id or "", body.client_secret or ""
    if body.client_id is not None or body.client_secret is not None:
        raise Malformed("the client's id and secret come either by HTTP Basic or in the body")
    scheme, _, value = header.partition(" ")
    try:
        text = b64decode(value.strip(), validate=True).decode() if scheme.lower() == "basic" else ""
    except (binascii.Error, ValueError):
        text = ""
    client_id, colon, secret = text.partition(":")
    if not colon:
        raise Unauthenticated("the Authorization header must be: Basic <client id:secret>")
    return unquote_plus(client_id), unquote_plus(secret)


async def token(call: Call[TokenRequest]) -> web.Response:
    client_id, secret = _credentials(call)
    client_id, clients = client_id.lower(), call.services.stores.clients
    found = await clients.secret(client_id) if is_uuid(client_id) else None
    account_id, expected = found or ("", bytes(32))
    given = hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
    if not hmac.compare_digest(given, expected) or found is None:
        raise Unauthenticated("the client's id or secret is wrong")
    if not await clients.used(client_id):
        raise Unauthenticated("the client's id or secret is wrong")
    issued = call.services.signer.issue(
        client_id, {account_id: Role.SERVICE}, lifetime=TOKEN_LIFE, token_id=fresh_id()
    )
    return answer(TokenView(issued, "Bearer", TOKEN_LIFE), headers={"Cache-Control": "no-store"})


BASE = "/v1/api-clients"
MANAGE = "clients.manage"
ROUTES = [
    Route("GET", BASE, index, MANAGE, {200: ApiClientsPage}, "listApiClients", "API clients, oldest first", query=PageQuery, tag=TAG),
    Route("POST", BASE, create, MANAGE, {201: ApiClientWithSecret}, "createApiClient", "Create an API client; its secret is shown once",
          body=NewApiClient, tag=TAG),
    Route("DELETE", BASE + "/{id}", delete, MANAGE, {204: None}, "deleteApiClient", "Delete an API client", tag=TAG),
    Route("POST", "/v1/auth/token", token, None, {200: TokenView}, "createToken", "Issue a service token to an API client",
          body=TokenRequest, form=True, tag=TAG, cross_origin=False),
]  # fmt: skip

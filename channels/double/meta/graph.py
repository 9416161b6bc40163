"""Shared by Meta's two products: finding a request's channel, errors, and webhook signatures.

https://developers.facebook.com/docs/graph-api/guides/error-handling,
https://developers.facebook.com/docs/graph-api/webhooks/getting-started#validate-payloads
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from typing import Any, Final

import msgspec

from ..model import Channel, Fault, State, Webhook
from ..provider import Call, Refusal, object_of, retry_header

PATHS: Final = (
    ("POST", "/{account:[0-9A-Za-z_-]+}/messages"),
    ("POST", r"/{version:v\d+\.\d+}/{account:[0-9A-Za-z_-]+}/messages"),
)


def refused(
    status: int, code: int, message: str, details: str | None = None, headers: dict[str, str] | None = None
) -> Refusal:
    """An error of the Graph API."""
    error: dict[str, Any] = {"message": f"(#{code}) {message}", "type": "OAuthException", "code": code}
    if details:
        error["error_data"] = {"messaging_product": "whatsapp", "details": details}
    return Refusal(status, {"error": error | {"fbtrace_id": secrets.token_urlsafe(8)}}, headers)


def invalid(details: str) -> Refusal:
    return refused(400, 100, "Invalid parameter", details)


def account_of(state: State, call: Call) -> Channel:
    """The WhatsApp number or the page that the path names, if the request has its token; `me` is whose token it is."""
    account = call.path["account"]
    if account == "me":
        return _owner(state, call)
    channel = state.find("whatsapp", "phone_number_id", account) or state.find(
        "messenger", "page_id", account
    )
    if channel is None:
        raise refused(400, 100, f"Unsupported post request. Object with ID '{account}' does not exist")
    check_token(channel, call)
    return channel


def _owner(state: State, call: Call) -> Channel:
    channel = state.find("messenger", "page_access_token", token_of(call) or "")
    if channel is None:
        raise bad_token()
    return channel


def token_of(call: Call) -> str | None:
    """The token of a request: in its header, its URL or its form."""
    header = call.headers.get("authorization", "").removeprefix("Bearer ")
    return header or call.query.get("access_token") or call.form.get("access_token")


def bad_token() -> Refusal:
    return refused(401, 190, "Invalid OAuth access token - Cannot parse access token")


def check_token(channel: Channel, call: Call) -> None:
    expected = channel.credentials["access_token" if channel.type == "whatsapp" else "page_access_token"]
    if token_of(call) != expected:
        raise bad_token()


def document(call: Call) -> dict[str, Any]:
    """The parameters of a request: a JSON object, or a form whose values are JSON where they are not plain text."""
    if call.content_type in ("application/x-www-form-urlencoded", "multipart/form-data"):
        return {name: _parsed(value) for name, value in call.form.items() if name != "access_token"}
    found = object_of(call.body)
    if found is None or call.content_type != "application/json":
        raise invalid("the body is not a JSON object")
    return found


def _parsed(value: str) -> Any:
    try:
        return msgspec.json.decode(value) if value[:1] in ("{", "[") else value
    except (msgspec.DecodeError, RecursionError):
        return value


def fault_refusal(fault: Fault, too_fast: int, final: Refusal) -> Refusal:
    if fault.kind == "429":
        return refused(429, too_fast, "Rate limit hit", "too many messages", retry_header(fault))
    if fault.kind == "500":
        return refused(500, 131000, "Something went wrong", "an unknown error", retry_header(fault))
    return final


def signed(channel: Channel, kind: str, entry: dict[str, Any], provider_id: str) -> Webhook:
    """A webhook as Meta sends it: Unicode and slashes escaped, and exactly these bytes signed."""
    body = json.dumps({"object": kind, "entry": [entry]}, separators=(",", ":")).replace("/", "\\/").encode()
    digest = hmac.new(channel.credentials["app_secret"].encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "facebookexternalua",
        "X-Hub-Signature-256": f"sha256={digest}",
    }
    return Webhook(body, headers, provider_id)

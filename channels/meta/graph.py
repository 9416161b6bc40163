"""Shared by Meta's WhatsApp and Messenger: subscription challenge, signature, envelope, answers.

https://developers.facebook.com/docs/graph-api/webhooks/getting-started
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from ...core.channels.messages import Credentials, NotSent, ProviderRequest, WebhookAnswer, WebhookCall
from ..shared import signing
from ..shared.payloads import document
from ..shared.provider_answers import refused

BASE_URL: Final = "https://graph.facebook.com/v23.0"

# https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes
# https://developers.facebook.com/docs/messenger-platform/error-codes
TOO_FAST: Final = frozenset({"4", "17", "32", "613", "80001", "80002", "80006", "80007", "80008", "130429"})
"""Limits of the app, the page, the number or the business account (80001 pages, 80002 Instagram, 80006 Messenger, 80007 and
80008 WhatsApp): everything must wait. https://developers.facebook.com/docs/graph-api/overview/rate-limiting"""
MAY_PASS: Final = frozenset({"1", "2", "1200", "131000", "131016", "131056", "131057", "133004", "2494100"})
"""Faults of theirs, and an account or a number in maintenance (131057, 2494100); 131056 is too many messages to one customer,
which nobody else need wait for."""


def challenge(call: WebhookCall, credentials: Credentials) -> WebhookAnswer | None:
    echo = call.query.get("hub.challenge")
    if not echo or call.query.get("hub.mode") != "subscribe":
        return None
    if not signing.same(call.query.get("hub.verify_token"), credentials.get("verify_token")):
        return None
    return WebhookAnswer(body=echo.encode("utf-8", "replace"))


def verify(call: WebhookCall, credentials: Credentials) -> bool:
    """Over the body as it came: Meta escapes Unicode, so that JSON written again has other bytes. SHA-1 is not taken."""
    secret = credentials.get("app_secret")
    if not secret:
        return False
    return signing.same(
        call.headers.get("x-hub-signature-256"), f"sha256={signing.sha256_hex(secret, call.body)}"
    )


def entries(body: bytes, *kinds: str) -> tuple[str, list[Any]]:
    """What a payload is about, one of `kinds`, which it need not name (the channel's address says it too), and its entries.
    Raises ValueError."""
    payload = document(body)
    kind = payload.get("object", kinds[0])
    if kind not in kinds:
        raise ValueError(f"the payload's object is not {' or '.join(kinds)}")
    found = payload.get("entry")
    if not isinstance(found, list):
        raise ValueError("the payload has no entry")
    return kind, found


def post(url: str, token: str, body: Any) -> ProviderRequest:
    """The token goes in a header: addresses end up in logs."""
    return ProviderRequest("POST", url, headers=bearer(token), json=body)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def not_sent(status: int, headers: dict[str, str], answer: dict[str, Any]) -> NotSent:
    error = answer.get("error")
    error = error if isinstance(error, dict) else {}
    more = error.get("error_data")
    details = more.get("details") if isinstance(more, dict) else None
    again = MAY_PASS | {str(error.get("code"))} if error.get("is_transient") is True else MAY_PASS
    again = again - TOO_FAST
    return refused(
        status, headers, error.get("code"), details or error.get("message"), slow=TOO_FAST, again=again
    )


def numbered(requests: Iterable[dict[str, Any]], first: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The requests of one message; `first` is what only the first of them says."""
    for n, request in enumerate(requests):
        yield {**request, **first} if n == 0 else request

"""Verifying event webhooks: as the standard's own library signs them."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from standardwebhooks.webhooks import Webhook as Signer

from tertulia.client import Webhook, WebhookRefused

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
AT = 1_780_000_000
BODY = json.dumps({"type": "ping", "timestamp": "…", "data": {}})


def headers(body: str = BODY, secret: str = SECRET, at: int = AT) -> dict[str, str]:
    signature = Signer(secret).sign("msg_1", datetime.fromtimestamp(at, UTC), body)
    return {"Webhook-Id": "msg_1", "Webhook-Timestamp": str(at), "WEBHOOK-SIGNATURE": signature}


def test_a_call_is_verified_as_text_and_as_bytes() -> None:
    assert Webhook(SECRET).verify(BODY, headers(), now=AT)["type"] == "ping"
    assert Webhook(SECRET).verify(BODY.encode(), headers(), now=AT + 299)["type"] == "ping"


def test_either_secret_and_either_signature_will_do_while_secrets_rotate() -> None:
    assert Webhook(OTHER, SECRET).verify(BODY, headers(), now=AT)
    both = headers() | {"WEBHOOK-SIGNATURE": f"v1,AAAA {headers()['WEBHOOK-SIGNATURE']}"}
    assert Webhook(SECRET).verify(BODY, both, now=AT)


@pytest.mark.parametrize(
    ("body", "changed", "late"),
    [
        (BODY + " ", {}, 0),
        (BODY, {}, 301),
        (BODY, {}, -301),
        (BODY, {"Webhook-Id": "msg_2"}, 0),
        (BODY, {"Webhook-Timestamp": str(AT + 1)}, 0),
        (BODY, {"Webhook-Timestamp": "now"}, 0),
        (BODY, {"WEBHOOK-SIGNATURE": "v1,ä"}, 0),
        (BODY, {"WEBHOOK-SIGNATURE": ""}, 0),
        (BODY, headers(secret=OTHER), 0),
    ],
)
def test_what_does_not_hold_is_refused(body: str, changed: dict[str, str], late: int) -> None:
    with pytest.raises(WebhookRefused):
        Webhook(SECRET).verify(body, headers() | changed, now=AT + late)


def test_missing_headers_and_odd_bodies_are_refused() -> None:
    with pytest.raises(WebhookRefused):
        Webhook(SECRET).verify(BODY, {}, now=AT)
    with pytest.raises(WebhookRefused):
        Webhook(SECRET).verify("[]", headers("[]"), now=AT)
    with pytest.raises(ValueError, match="whsec_"):
        Webhook("whsec_!")
    with pytest.raises(ValueError, match="secret"):
        Webhook()

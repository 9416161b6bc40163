"""Verifies event webhooks (https://www.standardwebhooks.com, version 1)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

from .errors import TertuliaError

TOLERANCE = 300
"""Seconds that a call's time may differ from ours."""
MAX_SIGNATURES = 16


class WebhookRefused(TertuliaError):
    """A call does not come from the server, or is too old."""


class Webhook:
    """Verifies the calls of one webhook. While its secret is rotated, give both secrets."""

    def __init__(self, *secrets: str, tolerance: float = TOLERANCE) -> None:
        if not secrets:
            raise ValueError("a webhook has a secret")
        self._keys = [_key(secret) for secret in secrets]
        self._tolerance = tolerance

    def verify(
        self, body: bytes | str, headers: Mapping[str, str], *, now: float | None = None
    ) -> dict[str, Any]:
        """The call's body `{"type", "timestamp", "data"}`, where `data` is the event. Give the bytes as received.

        `now` is in seconds since 1970. Raises WebhookRefused.
        """
        raw = body.encode() if isinstance(body, str) else body
        named = {name.lower(): value for name, value in headers.items()}
        try:
            id, sent, signatures = (named[f"webhook-{n}"] for n in ("id", "timestamp", "signature"))
            at = int(sent)
        except (KeyError, ValueError):
            raise WebhookRefused("the headers of a webhook are missing or broken") from None
        if abs((time.time() if now is None else now) - at) > self._tolerance:
            raise WebhookRefused("the call is too old, or the clocks differ")
        signed = f"{id}.{at}.".encode() + raw
        wanted = [hmac.digest(key, signed, hashlib.sha256) for key in self._keys]
        for signature in signatures.split(" ")[:MAX_SIGNATURES]:
            version, _, text = signature.partition(",")
            if version == "v1" and any(hmac.compare_digest(_decoded(text), one) for one in wanted):
                return _event(raw)
        raise WebhookRefused("no signature matches")


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        raise ValueError("a webhook's secret is whsec_ and base64") from None


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _event(raw: bytes) -> dict[str, Any]:
    try:
        event = json.loads(raw)
    except ValueError:
        event = None
    if not isinstance(event, dict):
        raise WebhookRefused("the body is not an event")
    return event

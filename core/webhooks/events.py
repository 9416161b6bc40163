"""Events for integrators, by webhook, Redis stream or RabbitMQ: their types, which webhook gets which, and their JSON.

The event is the same as on the streams (`views/stream_events.py`), bound to one topic; a webhook's body wraps it as Standard
Webhooks recommends (https://www.standardwebhooks.com). Hints (typing, presence, receipts) are in no feed and are not included.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from ..conversation.entries import Entry
from ..errors import Invalid
from ..times import rfc3339
from ..url_policy import HTTPS, AddressRules, is_numeric_host
from ..views.stream_events import encode_event, events_of
from .domain_events import DomainEvent, domain_event

EventType = Literal[
    "conversation:new",
    "conversation:updated",
    "conversation:status",
    "conversation:message",
    "conversation:handoff",
    "agent:assigned",
    "notification:assignment",
    "notification:offer",
    "notification:mention",
    "notification:sla",
    "notification:queue",
]
ON_REQUEST = "notification:"
"""Types with this prefix are sent only to webhooks that name them: each repeats, for one user, what another event says."""
PING = "ping"
MAX_URL = 2048


class OutgoingEvent(msgspec.Struct, frozen=True):
    """`id` is the same for every delivery of the event, and contains no full stop, which delimits it in the signed text. `event` is
    JSON; `at` in ms; `name` as message brokers know it."""

    id: str
    type: str
    name: DomainEvent
    account_id: str
    conversation_id: str | None
    at: int
    event: bytes


class _Body(msgspec.Struct, frozen=True):
    type: str
    timestamp: str
    data: Any


_encode = msgspec.json.Encoder().encode


def outgoing(entry: Entry, generation: str) -> list[OutgoingEvent]:
    """The events of an entry, in order, each once: under the account's topic, or that of the user it is for."""
    return [
        OutgoingEvent(
            f"evt_{generation}_{entry.position}_{event.index}",
            event.type,
            domain_event(entry, event.type),
            entry.account_id,
            entry.conversation_id,
            entry.at,
            encode_event(entry, event, event.topics[0], generation),
        )
        for event in events_of(entry)
    ]


def wanted(event_types: Sequence[str], type: str) -> bool:
    """Whether a webhook for these types gets an event of this type. No types: all except those on request."""
    return type in event_types if event_types else not type.startswith(ON_REQUEST)


def body_of(event: OutgoingEvent) -> bytes:
    """The request body for a webhook's receiver."""
    return _encode(_Body(event.type, rfc3339(event.at), msgspec.Raw(event.event)))


def ping_body(webhook_id: str, now: int) -> bytes:
    """The request body of a test."""
    return _encode(_Body(PING, rfc3339(now), {"webhook_id": webhook_id}))


def check_url(url: str, *, private: bool, networks: tuple[str, ...] = ()) -> None:
    """Raises Invalid if a webhook may not have this URL. `private`: http and any address are allowed; `networks`: private networks
    that the operator allows.

    Host names are resolved and checked at every delivery, not here.
    """
    if fault := _url_fault(url, private, AddressRules(networks)):
        raise Invalid("the URL is not usable", errors=(("url", fault),))


def _url_fault(url: str, private: bool, rules: AddressRules) -> str | None:
    if len(url) > MAX_URL or not url.isprintable() or " " in url:
        return f"at most {MAX_URL} printable characters without spaces"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "is not a URL"
    if parts.scheme != "https" and not (private and parts.scheme == "http"):
        return "must begin with https://"
    if not host or parts.username is not None or parts.fragment:
        return "must name a host, and neither a user nor a fragment"
    return None if private else _place_fault(host, port, rules)


def _place_fault(host: str, port: int | None, rules: AddressRules) -> str | None:
    if port not in (None, HTTPS):
        return f"the port must be {HTTPS}"
    if is_numeric_host(host) or "%" in host:
        return "the host is not a plain name or address"
    if ":" in host or host.replace(".", "").isdigit():
        reason = rules.refusal(host)
        return f"the host is {reason}" if reason else None
    return "the host is this machine" if host == "localhost" or host.endswith(".localhost") else None

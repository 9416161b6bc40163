"""Event webhooks: which events are sent to whom, how they are signed, and when they are retried."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import entries

from tertulia.core.conversation.entries import Entry, LeadsNotified, Offered, OfferEnded
from tertulia.core.errors import Invalid
from tertulia.core.times import rfc3339
from tertulia.core.webhooks.delivery import (
    JITTER,
    MAX_EXCERPT,
    MAX_RETRY_AFTER,
    RETRIES,
    Attempt,
    excerpt_of,
    headers_of,
    judge,
    new_secret,
    signature,
    wait_before_retry,
)
from tertulia.core.webhooks.events import EventType, body_of, check_url, outgoing, wanted


@given(entries())
def test_every_event_of_an_entry_is_told_once_and_is_the_streams_own(entry: Entry) -> None:
    events = outgoing(entry, "cafe0123")
    assert bool(events) == (not isinstance(entry.data, OfferEnded)) and [e.id for e in events] == [
        f"evt_cafe0123_{entry.position}_{n}" for n in range(len(events))
    ]
    for event in events:
        assert event.type in get_args(EventType) and "." not in event.id
        told = msgspec.json.decode(event.event)
        assert told["type"] == event.type and told["topic"].startswith(("account:", "user:"))
        body = msgspec.json.decode(body_of(event))
        assert body == {"type": event.type, "timestamp": rfc3339(entry.at), "data": told}
    told_on_request = sum(e.type.startswith("notification:") for e in events)
    assert told_on_request == (
        len(events) if isinstance(entry.data, (Offered, OfferEnded, LeadsNotified)) else len(events) - 1
    )


def test_notifications_go_only_where_they_are_named() -> None:
    notified = [
        "notification:assignment",
        "notification:offer",
        "notification:mention",
        "notification:sla",
        "notification:queue",
    ]
    assert [t for t in get_args(EventType) if not wanted((), t)] == notified
    assert wanted(("notification:assignment",), "notification:assignment")
    assert not wanted(("conversation:message",), "conversation:status")


def test_the_signature_is_the_standards() -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == expected
    other = new_secret(bytes(range(32)))
    assert other.startswith("whsec_")
    headers = headers_of([other, secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    first, second = headers["webhook-signature"].split(" ")
    assert second == expected and first == signature(other, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    with pytest.raises(ValueError, match="secret"):
        signature("whsec_not base64", "a", 1, b"")


def test_what_answers_mean() -> None:
    assert {judge(Attempt(s)) for s in (200, 201, 202, 204, 299)} == {"delivered"}
    assert judge(Attempt(410)) == "gone"
    failures = (None, 100, 301, 302, 304, 307, 400, 401, 404, 408, 409, 429, 500, 503)
    assert {judge(Attempt(s)) for s in failures} == {"failed"}


def test_the_waits_between_attempts() -> None:
    assert [wait_before_retry(n + 1, Attempt(500), 0, 0) for n in range(len(RETRIES))] == list(RETRIES)
    assert RETRIES[:3] == (5, 300, 1800) and sorted(RETRIES) == list(RETRIES)
    assert wait_before_retry(len(RETRIES) + 1, Attempt(500), 0, 0) is None
    assert wait_before_retry(2, Attempt(500), 0, 1) == 300 * (1 + JITTER)


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("120", 120),
        ("1", 5),  # never sooner than the schedule
        ("999999999999999", MAX_RETRY_AFTER),
        ("Thu, 01 Jan 1970 00:03:20 GMT", 100),
        ("Thu, 01 Jan 1970 00:00:10 GMT", 5),
        ("soon", 5),
        ("-5", 5),
        ("", 5),
        ("²", 5),
    ],
)
def test_a_receiver_may_ask_for_more_time(header: str, wait: float) -> None:
    assert wait_before_retry(1, Attempt(503, retry_after=header), 100, 0) == wait


@given(st.binary(max_size=20_000))
def test_an_excerpt_can_be_stored(body: bytes) -> None:
    excerpt = excerpt_of(body)
    assert len(excerpt) <= MAX_EXCERPT and "\0" not in excerpt
    excerpt.encode()


GOOD = [
    "https://example.com/in",
    "https://example.com:443/in?x=1",
    "https://93.184.216.34/",
    "https://a.b.c./x",
]
BAD = [
    "",
    "example.com",
    "http://example.com/",
    "ftp://example.com/",
    "https://",
    "https:///in",
    "https://user@example.com/",
    "https://user:secret@example.com/",
    "https://example.com/#part",
    "https://example.com:8443/",
    "https://example.com:99999/",
    "https://example.com/a b",
    "https://example.com/\n",
    "https://localhost/",
    "https://a.localhost/",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f.1/",
    "https://10.0.0.1/",
    "https://169.254.169.254/latest/meta-data",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fd00::1]/",
    "https://[::1",
    "https://example.com/" + "x" * 2048,
]


@pytest.mark.parametrize("url", GOOD)
def test_a_url_that_may_be_called(url: str) -> None:
    check_url(url, private=False)


@pytest.mark.parametrize("url", BAD)
def test_a_url_that_may_not(url: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_url(url, private=False)
    assert [path for path, _ in caught.value.errors] == ["url"]


def test_private_urls_where_they_are_allowed() -> None:
    for url in ("http://127.0.0.1:9000/in", "https://localhost:8443/", "http://receiver/in"):
        check_url(url, private=True)
    for url in ("ftp://localhost/", "http://user@localhost/", "http://", "localhost"):
        with pytest.raises(Invalid):
            check_url(url, private=True)

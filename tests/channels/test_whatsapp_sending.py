"""WhatsApp: what is sent, what the answers mean, and how files are fetched."""

from __future__ import annotations

import json
from typing import Any

import pytest
from calls import ID, junk, unhurried
from hypothesis import given
from hypothesis import strategies as st

from tertulia.channels.meta import whatsapp
from tertulia.core.channels.messages import Media, NotSent, Outbound, OutboundFile, Sent

CREDENTIALS = {"app_secret": "s3cret", "access_token": "EAAG", "phone_number_id": "106540352242922"}
WAMID = "wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQ0RgA="
QUOTED = "wamid.HBgLMTQxMjU1NTA4MjkVAgASGBQzQUNCNjk5RDUwNUZGMUZEM0VBRAA="
BSUID = "US.13491208655302741918"


def sends(**fields: Any) -> list[Any]:
    given = {"to": "+16505551234", "content": "Hello", **fields}
    message = Outbound(ID, "c", **given)
    found = whatsapp.requests(message, CREDENTIALS, "http://double", "http://status")
    for request in found:
        assert (request.method, request.url) == ("POST", "http://double/106540352242922/messages")
        assert request.headers == {"Authorization": "Bearer EAAG"} and request.form is None
        assert request.json["biz_opaque_callback_data"] == ID
    return [request.json for request in found]


def test_a_text_is_sent() -> None:
    assert sends(reply_to=QUOTED) == [
        {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": "+16505551234",
            "biz_opaque_callback_data": ID,
            "type": "text",
            "text": {"body": "Hello"},
            "context": {"message_id": QUOTED},
        }
    ]
    (to_user,) = sends(to=BSUID)
    assert to_user["recipient"] == BSUID and "to" not in to_user


def test_a_long_text_is_sent_in_pieces() -> None:
    found = sends(content="word " * 2000, reply_to=QUOTED)
    assert len(found) == 3 and all(len(part["text"]["body"]) <= 4096 for part in found)
    assert ["context" in part for part in found] == [True, False, False]


PHOTO = OutboundFile("https://desk/1", "a.jpg", "image/jpeg")
BILL = OutboundFile("https://desk/2", "bill.pdf", "application/pdf")
SOUND = OutboundFile("https://desk/3", "a.ogg", "audio/ogg; codecs=opus")


@pytest.mark.parametrize(
    ("content", "files", "expected"),
    [
        ("Hi", (PHOTO, BILL), [
            ("image", {"link": "https://desk/1", "caption": "Hi"}),
            ("document", {"link": "https://desk/2", "filename": "bill.pdf"}),
        ]),
        ("Hi", (SOUND, PHOTO), [
            ("text", {"body": "Hi"}),
            ("audio", {"link": "https://desk/3"}),
            ("image", {"link": "https://desk/1"}),
        ]),
        ("x" * 1025, (PHOTO,), [("text", {"body": "x" * 1025}), ("image", {"link": "https://desk/1"})]),
        ("", (PHOTO,), [("image", {"link": "https://desk/1"})]),
        ("Hi", (OutboundFile("https://desk/4"),), [("document", {"link": "https://desk/4", "caption": "Hi"})]),
        # what is too large to be shown is a document, and what is too large for that its address
        ("Hi", (OutboundFile("https://desk/5", "a.png", "image/png", 5_000_001),), [
            ("document", {"link": "https://desk/5", "caption": "Hi", "filename": "a.png"}),
        ]),
        ("Hi", (OutboundFile("https://desk/6", None, "video/mp4", 16_000_000),), [("video", {"link": "https://desk/6", "caption": "Hi"})]),
        ("Hi", (OutboundFile("https://desk/7", None, "audio/ogg", 16_000_001),), [("document", {"link": "https://desk/7", "caption": "Hi"})]),
        ("Hi", (OutboundFile("https://desk/8", "b.zip", "application/zip", 100_000_001), PHOTO), [
            ("text", {"body": "Hi"}),
            ("text", {"body": "b.zip\nhttps://desk/8"}),
            ("image", {"link": "https://desk/1"}),
        ]),
    ],
)  # fmt: skip
def test_files_are_sent(content: str, files: tuple[OutboundFile, ...], expected: list[Any]) -> None:
    assert [(part["type"], part[part["type"]]) for part in sends(content=content, files=files)] == expected


def failure(code: int, **more: Any) -> bytes:
    return json.dumps({"error": {"message": f"(#{code}) no", "code": code, **more}}).encode()


def test_an_answer_with_an_id_is_sent() -> None:
    body = {"messaging_product": "whatsapp", "contacts": [{"wa_id": "1"}], "messages": [{"id": WAMID}]}
    assert whatsapp.outcome(200, {}, json.dumps(body).encode()) == Sent(WAMID, ("+1",))


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"messages":[]}', b'{"messages":[7]}', b'{"messages":[{"id":[]}]}'])  # fmt: skip
def test_an_answer_without_an_id_is_sent_all_the_same(body: bytes) -> None:
    assert whatsapp.outcome(200, {}, body) == Sent(None)


@pytest.mark.parametrize(
    ("http", "code", "retry", "slow_down"),
    [
        (400, 130429, True, True),
        (429, 130429, True, True),
        (400, 80007, True, True),
        (400, 80008, True, True),
        (400, 131057, True, False),
        (400, 131048, False, False),
        (400, 4, True, True),
        (400, 131056, True, False),
        (429, 131056, True, False),
        (500, 131000, True, False),
        (400, 131047, False, False),
        (400, 131026, False, False),
        (470, 470, False, False),
        (400, 100, False, False),
        (401, 190, False, False),
        (503, 777, True, False),
        (429, 777, True, True),
    ],
)
def test_what_a_refusal_means(http: int, code: int, retry: bool, slow_down: bool) -> None:
    found = whatsapp.outcome(http, {}, failure(code, error_data={"details": "Because."}))
    assert found == NotSent(str(code), "Because.", retry=retry, slow_down=slow_down)


def test_a_refusal_without_a_code() -> None:
    assert whatsapp.outcome(502, {}, b"<html>") == NotSent(
        "http_502", "the provider answered with HTTP status 502", retry=True
    )
    assert whatsapp.outcome(302, {}, b"") == NotSent("http_302", "the provider answered with HTTP status 302")
    assert whatsapp.outcome(400, {}, failure(7, is_transient=True)) == NotSent("7", "(#7) no", retry=True)


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("7", 7.0), ("0.5", 0.5), ("-1", None), ("nan", None), ("inf", None), ("1e9", 86_400.0),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("", None),
    ],
)  # fmt: skip
def test_a_wait_asked_for_is_passed_on(header: str, wait: float | None) -> None:
    found = whatsapp.outcome(429, {"Retry-After": header}, failure(130429))
    assert isinstance(found, NotSent) and found.retry_after == wait


@pytest.mark.parametrize(
    ("until", "wait"),
    [
        ("Wed, 21 Oct 2026 07:28:30 GMT", 30.0), ("Wed, 21 Oct 2026 09:28:30 +0200", 30.0),
        ("Wed, 21 Oct 2026 07:27:00 GMT", None), ("Wed, 21 Oct 2026 07:28:10 -0000", 10.0), ("soon", None),
    ],
)  # fmt: skip
def test_a_wait_until_a_date_counts_from_the_answers_own(until: str, wait: float | None) -> None:
    headers = {"date": "Wed, 21 Oct 2026 07:28:00 GMT", "retry-after": until}
    found = whatsapp.outcome(429, headers, failure(130429))
    assert isinstance(found, NotSent) and found.retry_after == wait


@unhurried
@given(st.integers(100, 599), st.binary() | junk.map(lambda body: json.dumps(body).encode()))
def test_no_answer_breaks_the_reading(http: int, body: bytes) -> None:
    assert isinstance(whatsapp.outcome(http, {}, body), Sent if 200 <= http < 300 else NotSent)


def test_a_file_is_fetched_in_two_steps() -> None:
    media = Media("image", id="10/../03?x")
    first = whatsapp.media_step(media, CREDENTIALS, "http://double", None)
    assert first.request.url == "http://double/10%2F..%2F03%3Fx" and not first.last
    answer = {"url": "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1", "id": "1"}
    second = whatsapp.media_step(media, CREDENTIALS, "http://double", answer)
    assert second.request.url == answer["url"] and second.last
    for step in (first, second):
        assert (step.request.method, step.request.headers) == ("GET", {"Authorization": "Bearer EAAG"})
    for bad in ({}, [], "x", {"url": 7}):
        with pytest.raises(ValueError):
            whatsapp.media_step(media, CREDENTIALS, "http://double", bad)

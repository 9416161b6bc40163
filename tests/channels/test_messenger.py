"""Messenger: payloads in the shape of Meta's documents, one for each kind of event."""

from __future__ import annotations

import json
from typing import Any

import pytest
from calls import ID, call, junk, meta_signature, must_hold, only, unhurried, wrecked
from hypothesis import given
from hypothesis import strategies as st

from tertulia.channels.meta import messenger
from tertulia.core.channels.messages import (
    Faulty,
    Inbound,
    InboundEdit,
    Media,
    NotSent,
    Outbound,
    OutboundFile,
    Receipt,
    Sender,
    Sent,
)

CREDENTIALS = {
    "app_secret": "s3cret",
    "verify_token": "v",
    "page_access_token": "EAAB",
    "page_id": "682498302938465",
}
PSID, AT = "6677889900112233", 1749416383123
MID = "m_AG5Hz2Uq7tuwNEhXfYYKj8mJEM_QPpz5jdCK48PnKAjSdjfipqxqMvK8ma6AC8fplwlqLP_5cgXIbu7I3rBN0P"
OTHER = "m_8nZxQPpz5jdCK48PnKAjSdjfipqxqMvK8ma6AC8fplwlqLP"


def payload(*events: Any) -> dict[str, Any]:
    return {
        "object": "page",
        "entry": [{"id": "682498302938465", "time": AT, "messaging": [event]} for event in events],
    }


def event(**kind: Any) -> dict[str, Any]:
    return {"sender": {"id": PSID}, "recipient": {"id": "682498302938465"}, "timestamp": AT, **kind}


def said(**message: Any) -> dict[str, Any]:
    return event(message={"mid": MID, **message})


def read(one: dict[str, Any]) -> Any:
    return only(messenger.parse(call(payload(one)), {}))


def attached(kind: str, **payload_: Any) -> dict[str, Any]:
    return {"type": kind, "payload": payload_}


def test_who_calls_is_proved_as_for_whatsapp() -> None:
    called = call(b"{}", {"x-hub-signature-256": meta_signature("s3cret", b"{}")})
    assert messenger.verify(called, CREDENTIALS)
    assert not messenger.verify(called, {**CREDENTIALS, "app_secret": "other"})
    assert not messenger.verify(call(b"{}"), CREDENTIALS)
    query = {"hub.mode": "subscribe", "hub.verify_token": "v", "hub.challenge": "1"}
    answer = messenger.challenge(call(method="GET", query=query), CREDENTIALS)
    assert answer is not None and answer.body == b"1"
    assert messenger.challenge(call(method="GET", query=query), {}) is None


def test_a_text() -> None:
    assert read(said(text="Is it ready?", reply_to={"mid": OTHER})) == Inbound(
        MID, Sender(PSID), "Is it ready?", reply_to=OTHER, at=AT
    )


def test_a_quick_reply() -> None:
    found = read(said(text="Red", quick_reply={"payload": "RED"}))
    assert (found.content, found.content_type) == ("Red", "button")
    assert found.metadata == {"quick_reply": {"payload": "RED"}}


@pytest.mark.parametrize(
    ("attachment", "kind"),
    [
        (attached("image", url="https://cdn/x"), "image"),
        (attached("image", url="https://cdn/x", sticker_id=369239263222822), "sticker"),
        (attached("audio", url="https://cdn/x"), "audio"),
        (attached("video", url="https://cdn/x"), "video"),
        (attached("file", url="https://cdn/x"), "document"),
    ],
)
def test_a_file(attachment: dict[str, Any], kind: str) -> None:
    found = read(said(attachments=[attachment]))
    assert (found.content, found.content_type, found.media) == ("", kind, (Media(kind, url="https://cdn/x"),))


@pytest.mark.parametrize(
    ("attachment", "content", "content_type"),
    [
        (attached("location", coordinates={"lat": 48.2, "long": 16.3}), "48.2, 16.3", "location"),
        ({"type": "fallback", "title": "Shop", "url": "https://shop/"}, "Shop\nhttps://shop/", "fallback"),
        (attached("reel", url="https://fb/reel", title="Look"), "Look\nhttps://fb/reel", "reel"),
        (attached("template", product={"elements": []}), "[unsupported message: template]", "unsupported"),
        ({}, "[unsupported message: unknown]", "unsupported"),
    ],
)
def test_what_else_is_attached(attachment: dict[str, Any], content: str, content_type: str) -> None:
    found = read(said(attachments=[attachment]))
    assert (found.content, found.content_type, found.media) == (content, content_type, ())
    if content_type == "unsupported":
        assert found.metadata["raw"] == {"mid": MID, "attachments": [attachment]}
    else:
        assert found.metadata["attachments"] == [attachment]
    beside = read(said(text="See", attachments=[attachment]))
    assert (beside.content, beside.content_type) == (f"See\n{content}", "text")


def test_a_message_that_says_nothing_is_seen() -> None:
    found = read(said(is_unsupported=True))
    assert (found.content, found.content_type) == ("[unsupported message: unknown]", "unsupported")
    assert found.metadata["raw"] == {"mid": MID, "is_unsupported": True}


def test_several_files() -> None:
    found = read(said(text="Both", attachments=[attached("image", url="a"), attached("video", url="b")]))
    assert found.content == "Both" and [file.url for file in found.media] == ["a", "b"]


def test_edits_and_deletions() -> None:
    edit = read(event(message_edit={"mid": MID, "text": "I meant blue", "num_edit": "1"}))
    assert edit == InboundEdit(Inbound(MID, Sender(PSID), "I meant blue"), AT)
    gone = read(said(is_deleted=True))
    assert isinstance(gone, InboundEdit) and gone.inbound.content == "[message deleted]"


def test_a_button() -> None:
    postback = {"title": "Get started", "payload": "START"}
    named = read(event(postback={"mid": MID, **postback}))
    assert (named.provider_id, named.content, named.content_type) == (MID, "Get started", "button")
    assert named.metadata["postback"]["payload"] == "START"
    unnamed = [read(event(postback=postback)) for _ in range(2)]
    assert {found.provider_id for found in unnamed} == {f"postback:{PSID}:{AT}"}


def test_a_reaction() -> None:
    found = read(event(reaction={"reaction": "love", "emoji": "❤", "action": "react", "mid": OTHER}))
    assert (found.content, found.content_type, found.reply_to) == ("❤", "reaction", OTHER)
    gone = read(event(reaction={"action": "unreact", "mid": OTHER}) | {"timestamp": AT + 1})
    assert gone.content == "[reaction removed]" and gone.provider_id != found.provider_id


def test_receipts() -> None:
    found = read(event(delivery={"mids": [MID, OTHER], "watermark": AT - 5}))
    assert found == Receipt("delivered", (MID, OTHER), recipient=PSID, watermark=AT - 5, at=AT)
    assert read(event(delivery={"watermark": AT})).provider_ids == ()
    assert read(event(read={"watermark": AT})) == Receipt("read", recipient=PSID, watermark=AT, at=AT)


@pytest.mark.parametrize(
    "one",
    [
        event(pass_thread_control={"new_owner_app_id": 1}),
        {"sender": {"id": PSID}},
    ],
)
def test_what_is_not_read(one: dict[str, Any]) -> None:
    assert isinstance(only(messenger.parse(call(payload(one)), {})), Faulty)


def test_another_app_s_conversations_are_not_read() -> None:
    body = {"object": "page", "entry": [{"id": "1", "standby": [said(text="hi")]}]}
    assert isinstance(only(messenger.parse(call(body), {})), Faulty)


def test_echoes_are_what_the_business_wrote_elsewhere() -> None:
    back = {"sender": {"id": "682498302938465"}, "recipient": {"id": PSID}}
    found = only(messenger.parse(call(payload({**said(is_echo=True, text="By hand", app_id=1), **back})), {}))
    assert (found.is_echo, found.sender, found.content) == (True, Sender(PSID), "By hand")
    ours = {**said(is_echo=True, text="Hello", metadata=f"tertulia:{ID}"), **back}
    assert messenger.parse(call(payload(ours)), {}) == []


@pytest.mark.parametrize("kind", ["optin", "referral", "account_linking"])
def test_who_comes_in_without_a_word_is_shown(kind: str) -> None:
    found = only(messenger.parse(call(payload(event(**{kind: {"ref": "summer"}}))), {}))
    assert (found.content, found.content_type) == (f"[{kind}: summer]", "system")
    assert found.metadata == {kind: {"ref": "summer"}, "auto_reply": True}


def test_an_unknown_attachment_with_a_url_is_a_file() -> None:
    found = only(
        messenger.parse(
            call(payload(said(attachments=[{"type": "model", "payload": {"url": "https://f/1"}}]))), {}
        )
    )
    assert found.media == (Media("document", url="https://f/1"),) and found.content == "[model]"


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ("x", "an object was expected"),
        (event(message={"text": "hi"}), "mid is missing"),
        (said(text="hi") | {"sender": {}}, "id is missing"),
        (said(text=["hi"]), "text is not text"),
        (said(attachments={}), "attachments is not a list"),
        (event(read={}), "watermark is missing"),
        (event(delivery={"mids": [1]}), "mids is not a list of ids"),
        (event(delivery={}), "mids and watermark are missing"),
        (event(postback={"title": "x"}) | {"timestamp": "soon"}, "timestamp is missing"),
        (event(message_edit={"mid": MID, "text": "x"}) | {"timestamp": None}, "timestamp is missing"),
    ],
)
def test_a_broken_event_is_set_aside_and_the_others_go_on(broken: Any, reason: str) -> None:
    events = messenger.parse(call(payload(said(text="a"), broken, said(text="b"))), {})
    assert events[1] == Faulty(reason, broken)
    assert [e.content for e in (events[0], events[2])] == ["a", "b"]


@pytest.mark.parametrize("kind", ["user", "whatsapp_business_account", "", None, 7])
def test_other_objects_are_refused(kind: Any) -> None:
    with pytest.raises(ValueError):
        messenger.parse(call(payload(said(text="hi")) | {"object": kind}), {})


def test_an_object_need_not_be_named() -> None:
    body = payload(said(text="hi"))
    del body["object"]
    assert only(messenger.parse(call(body), {})).content == "hi"


EVERYTHING = payload(
    said(text="hi", reply_to={"mid": OTHER}, quick_reply={"payload": "x"}, referral={"ref": "x"}),
    said(
        attachments=[
            attached("image", url="x", sticker_id=1),
            attached("location", coordinates={"lat": 1, "long": 2}),
        ]
    ),
    said(is_deleted=True),
    event(message_edit={"mid": MID, "text": "x", "num_edit": 1}),
    event(postback={"title": "x", "payload": "y"}),
    event(reaction={"emoji": "x", "action": "react", "mid": OTHER}),
    event(delivery={"mids": [MID], "watermark": AT}),
    event(read={"watermark": AT}),
)


def test_the_wrecking_starts_from_good_payloads() -> None:
    events = must_hold(messenger, call(EVERYTHING))
    assert len(events) == 8 and not any(isinstance(found, Faulty) for found in events)


@unhurried
@given(wrecked(EVERYTHING))
def test_no_payload_breaks_the_parser(body: Any) -> None:
    must_hold(messenger, call(body))


@unhurried
@given(junk)
def test_no_body_breaks_the_parser(body: Any) -> None:
    must_hold(messenger, call(body))
    must_hold(messenger, call({"object": "page", "entry": [{"messaging": body}]}))


def sends(**fields: Any) -> list[Any]:
    given = {"to": PSID, "content": "Hello", **fields}
    found = messenger.requests(Outbound(ID, "c", **given), CREDENTIALS, "http://double", "")
    for request in found:
        assert (request.method, request.url) == ("POST", "http://double/682498302938465/messages")
        assert request.headers == {"Authorization": "Bearer EAAB"}
        assert request.json["recipient"] == {"id": PSID} and request.json["messaging_type"] == "RESPONSE"
    return [request.json for request in found]


def test_a_text_is_sent() -> None:
    (body,) = sends(reply_to=MID)
    assert (body["message"], body["reply_to"]) == (
        {"text": "Hello", "metadata": f"tertulia:{ID}"},
        {"mid": MID},
    )


def test_text_and_files_are_sent() -> None:
    files = (OutboundFile("https://a", content_type="image/png"), OutboundFile("https://b"))
    bodies = sends(content="é" * 2001, files=files)
    assert [body["message"].get("text") for body in bodies] == ["é" * 2000, "é", None, None]
    assert [body["message"]["attachment"] for body in bodies[2:]] == [
        {"type": "image", "payload": {"url": "https://a", "is_reusable": False}},
        {"type": "file", "payload": {"url": "https://b", "is_reusable": False}},
    ]
    assert len(sends(content="", files=files)) == 2


def test_answers() -> None:
    assert messenger.outcome(200, {}, json.dumps({"recipient_id": PSID, "message_id": MID}).encode()) == Sent(
        MID
    )
    assert messenger.outcome(200, {}, b"ok") == Sent(None)
    outside = {"error": {"message": "(#10) Outside of allowed window.", "code": 10, "error_subcode": 2018278}}
    assert messenger.outcome(400, {}, json.dumps(outside).encode()) == NotSent(
        "10", "(#10) Outside of allowed window."
    )
    fast = {"error": {"message": "Calls to this api have exceeded the rate limit.", "code": 613}}
    found = messenger.outcome(400, {"retry-after": "3"}, json.dumps(fast).encode())
    assert isinstance(found, NotSent) and (found.retry, found.slow_down, found.retry_after) == (
        True,
        True,
        3.0,
    )


@unhurried
@given(st.integers(100, 599), st.binary() | junk.map(lambda body: json.dumps(body).encode()))
def test_no_answer_breaks_the_reading(http: int, body: bytes) -> None:
    assert isinstance(messenger.outcome(http, {}, body), Sent if 200 <= http < 300 else NotSent)


def test_a_file_is_fetched_without_the_token() -> None:
    step = messenger.media_step(Media("image", url="https://cdn/x?sig=1"), CREDENTIALS, "http://double", None)
    assert step.last and step.request.url == "https://cdn/x?sig=1"
    assert step.request.headers == {} and step.request.auth is None
    with pytest.raises(ValueError):
        messenger.media_step(Media("image"), CREDENTIALS, "http://double", None)


def test_a_sticker_that_comes_in_two_forms_is_one() -> None:
    forms = [
        attached("image", url="https://cdn/s", sticker_id=7),
        attached("sticker", url="https://cdn/s", sticker_id=7),
    ]
    for attachments in (forms, forms[::-1]):
        found = read(said(attachments=attachments))
        assert (found.content, found.media) == ("", (Media("sticker", url="https://cdn/s"),))


def test_products_and_templates_are_named() -> None:
    elements = [{"id": "1", "title": "Lamp", "subtitle": "19.90 €"}, {"title": "Bulb"}]
    found = read(said(attachments=[attached("template", product={"elements": elements})]))
    assert (found.content, found.content_type) == ("Lamp, 19.90 €\nBulb", "product")
    asked = attached("template", template_type="button", text="Which one?", buttons=[])
    assert read(said(attachments=[asked])).content == "Which one?"


def test_instagram_has_limits_of_its_own() -> None:
    event = {
        "sender": {"id": PSID},
        "recipient": {"id": "1"},
        "timestamp": 1,
        "message": {"mid": MID, "text": "hi"},
    }
    entry = {"id": "1", "time": 1, "messaging": [event]}
    (found,) = messenger.parse(call({"object": "instagram", "entry": [entry]}), {})
    assert isinstance(found, Inbound) and found.sender.metadata == {"platform": "instagram"}
    bodies = sends(content="é" * 501, recipient=found.sender.metadata)
    assert [body["message"]["text"] for body in bodies] == ["é" * 500, "é"]
    assert len(sends(content="é" * 501)) == 1


def a_file(type_: str, size: int = 3) -> OutboundFile:
    return OutboundFile("https://desk/1", "a.x", type_, size)


@pytest.mark.parametrize(
    ("file", "on_messenger", "on_instagram"),
    [
        (a_file("image/png"), "image", "image"),
        (a_file("image/png", 8_000_001), "file", None),
        (a_file("image/tiff"), "file", None),
        (a_file("image/webp"), "image", None),
        (a_file("video/mp4", 25_000_000), "video", "video"),
        (a_file("video/mp4", 25_000_001), None, None),
        (a_file("audio/aac; rate=8000"), "audio", "audio"),
        (a_file("audio/ogg"), "audio", None),
        (a_file("application/pdf"), "file", "file"),
        (a_file("application/zip"), "file", None),
        (a_file("application/zip", 26_000_000), None, None),
    ],
)
def test_files_beyond_the_limits_are_sent_as_their_addresses(
    file: OutboundFile, on_messenger: str | None, on_instagram: str | None
) -> None:
    for recipient, kind in (({}, on_messenger), ({"platform": "instagram"}, on_instagram)):
        (body,) = sends(content="", files=(file,), recipient=recipient)
        if kind is None:
            assert body["message"]["text"] == "a.x\nhttps://desk/1"
        else:
            assert body["message"]["attachment"]["type"] == kind


def test_an_event_in_the_form_of_a_change_is_read_as_the_others() -> None:
    """The documents show them so, their times in seconds; https://developers.facebook.com/documentation/business-messaging/messenger-platform"""
    value = {"sender": {"id": "55"}, "recipient": {"id": "1"}, "timestamp": "1527459824"}
    postback = {
        "field": "messaging_postbacks",
        "value": {**value, "postback": {"mid": "m1", "title": "Start"}},
    }
    said = {"field": "messages", "value": {**value, "message": {"mid": "m2", "text": "hi"}}}
    comment = {"field": "feed", "value": {"item": "comment", "message": "nice"}}
    body = {"object": "page", "entry": [{"id": "1", "time": 1, "changes": [postback, said, comment]}]}
    pressed, hi, aside = messenger.parse(call(body), {})
    assert (pressed.content, pressed.content_type, pressed.at) == ("Start", "button", 1_527_459_824_000)
    assert (hi.content, hi.sender.identifier, hi.at) == ("hi", "55", 1_527_459_824_000)
    assert isinstance(aside, Faulty) and aside.payload == comment


def test_an_opt_in_that_ends_says_so() -> None:
    ended = {
        "type": "notification_messages",
        "title": "News",
        "notification_messages_status": "STOP_NOTIFICATIONS",
    }
    event = {"sender": {"id": "55"}, "recipient": {"id": "1"}, "timestamp": 1_795_969_000_000, "optin": ended}
    body = {"object": "page", "entry": [{"id": "1", "time": 1, "messaging": [event]}]}
    (found,) = messenger.parse(call(body), {})
    assert found.content == "[optin: STOP_NOTIFICATIONS]"

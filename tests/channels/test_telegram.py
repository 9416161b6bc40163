"""Telegram: updates in the shape of the Bot API's documents."""

from __future__ import annotations

import json
from typing import Any

import pytest
from calls import ID, call, junk, must_hold, only, unhurried, wrecked
from hypothesis import given
from hypothesis import strategies as st

from tertulia.channels.telegram import channel, contents
from tertulia.core.channels.messages import (
    Faulty,
    Inbound,
    InboundEdit,
    Media,
    NotSent,
    Outbound,
    OutboundFile,
    Sender,
    Sent,
)

CREDENTIALS = {"bot_token": "123456:ABC-DEF1234", "secret_token": "s3cret"}
HEADER = "x-telegram-bot-api-secret-token"
ANA = {
    "id": 7777777777,
    "is_bot": False,
    "first_name": "Ana",
    "last_name": "Gil",
    "username": "anagil",
    "language_code": "es",
}
CHAT = {"id": 7777777777, "type": "private", "first_name": "Ana", "last_name": "Gil", "username": "anagil"}
SENDER = Sender("7777777777", "Ana Gil", metadata={"username": "anagil", "language_code": "es"})


def message(**more: Any) -> dict[str, Any]:
    return {"message_id": 42, "from": ANA, "chat": CHAT, "date": 1749416383, **more}


def update(kind: str = "message", **more: Any) -> dict[str, Any]:
    return {"update_id": 10000, kind: message(**more)}


def read(body: dict[str, Any]) -> Any:
    return only(channel.parse(call(body), {}))


def test_the_secret_is_the_channel_s() -> None:
    assert channel.verify(call(b"{}", {HEADER: "s3cret"}), CREDENTIALS)
    for headers in ({}, {HEADER: ""}, {HEADER: "s3creT"}, {HEADER: "s3cret "}, {HEADER: "é\udcff"}):
        assert not channel.verify(call(b"{}", headers), CREDENTIALS)
    for credentials in ({}, {"secret_token": ""}):
        assert not channel.verify(call(b"{}", {HEADER: ""}), credentials)
        assert not channel.verify(call(b"{}"), credentials)
    assert channel.challenge(call(method="GET"), CREDENTIALS) is None


@unhurried
@given(st.text(), st.binary())
def test_verifying_never_raises(header: str, body: bytes) -> None:
    assert channel.verify(call(body, {HEADER: header}), CREDENTIALS) == (header == "s3cret")


def test_a_text() -> None:
    assert read(update(text="¿Está listo?")) == Inbound(
        "7777777777:42", SENDER, "¿Está listo?", at=1749416383000
    )


def test_a_reply() -> None:
    assert (
        read(update(text="yes", reply_to_message={**message(), "message_id": 41})).reply_to == "7777777777:41"
    )


SIZES = [
    {"file_id": "small", "file_size": 900, "width": 90, "height": 51},
    {"file_id": "large", "file_size": 90_000, "width": 1280, "height": 720},
    {"file_id": "medium", "width": 320, "height": 180},
]


@pytest.mark.parametrize(
    ("what", "media", "content"),
    [
        ({"photo": SIZES, "caption": "see"}, Media("image", id="large", size=90_000), "see"),
        (
            {"document": {"file_id": "d", "file_name": "a.pdf", "mime_type": "application/pdf", "file_size": 5}},
            Media("document", id="d", name="a.pdf", content_type="application/pdf", size=5),
            "",
        ),
        ({"voice": {"file_id": "v", "duration": 2, "mime_type": "audio/ogg"}}, Media("audio", id="v", content_type="audio/ogg"), ""),
        ({"audio": {"file_id": "a", "duration": 2}}, Media("audio", id="a"), ""),
        ({"video": {"file_id": "v"}, "caption": "x"}, Media("video", id="v"), "x"),
        ({"video_note": {"file_id": "n"}}, Media("video", id="n"), ""),
        ({"animation": {"file_id": "g"}, "document": {"file_id": "d"}}, Media("video", id="g"), ""),
        ({"sticker": {"file_id": "s", "emoji": "👍"}}, Media("sticker", id="s"), "👍"),
    ],
)  # fmt: skip
def test_files(what: dict[str, Any], media: Media, content: str) -> None:
    found = read(update(**what))
    assert (found.media, found.content, found.content_type) == ((media,), content, media.kind)


PLACE = {"latitude": 48.2, "longitude": 16.3}


@pytest.mark.parametrize(
    ("what", "content", "content_type"),
    [
        ({"location": PLACE}, "48.2, 16.3", "location"),
        (
            {"venue": {"location": PLACE, "title": "Café", "address": "Ring 1"}, "location": PLACE},
            "Café\nRing 1\n48.2, 16.3",
            "location",
        ),
        ({"contact": {"phone_number": "+43", "first_name": "Bo"}}, "Bo, +43", "contacts"),
        ({"dice": {"emoji": "🎯", "value": 6}}, "🎯 6", "dice"),
        ({"poll": {"question": "When?", "options": [{"text": "now"}, {"text": "later"}]}}, "When?\n- now\n- later", "poll"),
        ({"story": {"id": 1}}, "[unsupported message: story]", "unsupported"),
        ({"entities": []}, "[unsupported message: unknown]", "unsupported"),
    ],
)  # fmt: skip
def test_what_else_is_said(what: dict[str, Any], content: str, content_type: str) -> None:
    found = read(update(**what))
    assert (found.content, found.content_type, found.media) == (content, content_type, ())
    assert content_type != "unsupported" or found.metadata["raw"] == message(**what)


def test_an_album_keeps_together() -> None:
    assert read(update(photo=SIZES, media_group_id="130")).metadata == {"media_group_id": "130"}


def test_an_edit() -> None:
    found = read(update("edited_message", text="blue", edit_date=1749416400))
    assert found == InboundEdit(Inbound("7777777777:42", SENDER, "blue", at=1749416383000), 1749416400000)


def test_an_edit_that_does_not_say_when_is_as_old_as_its_message() -> None:
    assert read(update("edited_message", text="blue")).edited_at == 1749416383000


def test_a_chat_that_does_not_say_its_type_is_private_by_its_id() -> None:
    assert read(update(text="hi", chat={"id": 7777777777})).sender == SENDER
    assert isinstance(read(update(text="hi", chat={"id": -100123})), Faulty)


def test_a_button() -> None:
    under = message(text="Choose", **{"from": {"id": 1, "is_bot": True, "first_name": "Bot"}})
    body = {"update_id": 1, "callback_query": {"id": "438", "from": ANA, "message": under, "data": "size:L"}}
    assert read(body) == Inbound(
        "callback:438", SENDER, "size:L", content_type="button", reply_to="7777777777:42"
    )


GROUP = {"id": -100123, "type": "supergroup", "title": "G"}


@pytest.mark.parametrize(
    "body",
    [
        {"update_id": 1},
        {"update_id": 1, "channel_post": message(text="x")},
        {"update_id": 1, "edited_channel_post": message(text="x")},
        {"update_id": 1, "inline_query": {}},
        update(text="x", chat=GROUP),
        update("edited_message", text="x", chat=GROUP, edit_date=1),
        {
            "update_id": 1,
            "callback_query": {"id": "1", "from": ANA, "message": message(chat=GROUP), "data": "x"},
        },
        {"update_id": 1, "callback_query": {"id": "1", "from": ANA, "inline_message_id": "x", "data": "x"}},
    ],
)
def test_what_is_not_read(body: dict[str, Any]) -> None:
    assert isinstance(read(body), Faulty)


LINK = {"type": "text_link", "url": "https://shop.example/77"}


@pytest.mark.parametrize(
    ("text", "marks", "content"),
    [
        ("Look here 👋 please", [(5, 4)], "Look here (https://shop.example/77) 👋 please"),
        ("👋 here", [(3, 4)], "👋 here (https://shop.example/77)"),
        ("a b", [(2, 1), (0, 1)], "a (https://shop.example/77) b (https://shop.example/77)"),
        ("https://shop.example/77", [(0, 23)], "https://shop.example/77"),
        ("short", [(3, 40)], "short"),
        ("👋", [(0, 1)], "� (https://shop.example/77)�"),
    ],
)
def test_hidden_links_are_shown(text: str, marks: list[tuple[int, int]], content: str) -> None:
    entities = [{**LINK, "offset": at, "length": size} for at, size in marks]
    found = read(update(text=text, entities=entities))
    assert (found.content, found.metadata["links"]) == (content, [LINK["url"]])
    caption = read(update(photo=SIZES, caption=text, caption_entities=entities))
    assert (caption.content, caption.metadata["entities"]) == (content, entities)


@unhurried
@given(st.text(max_size=40), st.lists(st.tuples(st.integers(-2, 50), st.integers(-2, 50)), max_size=8))
def test_links_take_nothing_from_a_text(text: str, marks: list[tuple[int, int]]) -> None:
    """Marks that lie inside a text are shown, whatever the others are; without them it is as it was."""
    text = "".join(c for c in text if c < "\ud800" and c not in "()")
    entities = [{**LINK, "offset": at, "length": size} for at, size in marks]
    inside = {at + size for at, size in marks if at >= 0 and size > 0 and at + size <= len(text)}
    found = contents.with_links(text, entities)
    assert found.count(LINK["url"]) == len(inside)
    assert found.replace(f" ({LINK['url']})", "") == text


@pytest.mark.parametrize("key", ["quote", "external_reply", "forward_origin", "via_bot", "reply_markup"])
def test_what_stands_beside_a_text_is_kept(key: str) -> None:
    assert read(update(text="yes", **{key: {"text": "what"}})).metadata == {key: {"text": "what"}}


CHANGE = {"chat": CHAT, "message_id": 41, "user": ANA, "date": 1749416383}


@pytest.mark.parametrize(
    ("new", "content", "notes"),
    [
        ([{"type": "emoji", "emoji": "👍"}], "👍", {}),
        ([{"type": "custom_emoji", "custom_emoji_id": "5"}, {"type": "paid"}], "[custom_emoji] [paid]", {}),
        ([], "[reaction removed]", {"removed": True}),
    ],
)
def test_a_reaction(new: list[dict[str, str]], content: str, notes: dict[str, Any]) -> None:
    found = read({"update_id": 7, "message_reaction": {**CHANGE, "old_reaction": [], "new_reaction": new}})
    expected = Inbound(
        "reaction:7777777777:41:7",
        SENDER,
        content,
        "reaction",
        reply_to="7777777777:41",
        at=1749416383000,
        metadata=notes,
    )
    assert found == expected


def test_a_vote_and_a_block_are_shown() -> None:
    found = read({"update_id": 7, "poll_answer": {"poll_id": "1", "user": ANA, "option_ids": [0, 2]}})
    assert (found.content, found.content_type, found.sender) == ("[poll answer: 1, 3]", "poll_answer", SENDER)
    gone = {"chat": CHAT, "from": ANA, "date": 1749416383, "new_chat_member": {"status": "kicked"}}
    found = read({"update_id": 8, "my_chat_member": gone})
    assert (found.content, found.content_type, found.metadata["auto_reply"]) == (
        "[the bot was blocked]",
        "system",
        True,
    )


def test_a_connected_business_account() -> None:
    found = read(update("business_message", text="hi", business_connection_id="c1"))
    assert (found.provider_id, found.is_echo) == ("business:c1:7777777777:42", False)
    assert found.sender.metadata["business_connection_id"] == "c1"
    owner = {"id": 5, "is_bot": False, "first_name": "Owner"}
    found = read(update("business_message", **{"text": "yes", "business_connection_id": "c1", "from": owner}))
    assert (found.is_echo, found.sender.identifier, found.sender.name) == (True, "7777777777", "Ana Gil")
    told = Outbound(ID, "c", "7777777777", "Hello", recipient={"business_connection_id": "c1"})
    (request,) = channel.requests(told, CREDENTIALS, "https://t", "")
    assert request.json["business_connection_id"] == "c1"


def test_a_contact_card_with_an_address_only() -> None:
    card = (
        "BEGIN:VCARD\r\nFN:Berta\r\nEMAIL;TYPE=WORK:berta@mail.example\r\nADR:;;Bole 1;Addis;;;\r\nEND:VCARD"
    )
    found = read(update(contact={"first_name": "Berta", "vcard": card}))
    assert found.content == "Berta, berta@mail.example, Bole 1, Addis"


def test_a_contact_card_with_several_numbers() -> None:
    card = (
        "BEGIN:VCARD\nFN:Berta\nTEL;TYPE=CELL:+46 70-123\nitem1.TEL;VALUE=uri:tel:+46-8-555\n"
        "ORG:Falk AB;Lager\nTITLE:Chef\nEND:VCARD"
    )
    found = read(update(contact={"phone_number": "+4670123", "first_name": "Berta", "vcard": card}))
    assert found.content == "Berta, +4670123, +46-8-555, Falk AB, Lager, Chef"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (update(text=7), "text is not text"),
        (update(text="x", message_id="42"), "message_id is not a whole number"),
        (update(text="x", chat={"type": "private"}), "id is not a whole number"),
        (update(photo=[]), "photo has no sizes"),
        (update(voice={}), "file_id is missing"),
        (update("edited_message", text="x", date=None), "edit_date is missing"),
        ({"update_id": 1, "message": "hi"}, "message is not an object"),
    ],
)
def test_a_broken_update_is_set_aside(body: dict[str, Any], reason: str) -> None:
    assert read(body) == Faulty(reason, body)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"update_id":"1"}', b"[" * 100_000])
def test_a_senseless_update_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        channel.parse(call(body), {})


EVERYTHING: list[dict[str, Any]] = [
    update(text="hi", reply_to_message=message(), forward_origin={"type": "user"}),
    update(photo=SIZES, caption="x", media_group_id="1"),
    update(document={"file_id": "d", "file_name": "x", "mime_type": "y", "file_size": 5}),
    update(venue={"location": PLACE, "title": "x", "address": "y"}),
    update(poll={"question": "x", "options": [{"text": "y"}]}),
    update(contact={"first_name": "x", "phone_number": "y"}),
    update(sticker={"file_id": "s", "emoji": "x"}),
    update("edited_message", text="blue", edit_date=1749416400),
    {"update_id": 1, "callback_query": {"id": "438", "from": ANA, "message": message(), "data": "x"}},
]


def test_the_wrecking_starts_from_good_updates() -> None:
    found = [only(must_hold(channel, call(body))) for body in EVERYTHING]
    assert not any(isinstance(event, Faulty) for event in found)


@unhurried
@given(st.sampled_from(EVERYTHING).flatmap(wrecked))
def test_no_update_breaks_the_parser(body: Any) -> None:
    must_hold(channel, call(body))


@unhurried
@given(junk)
def test_no_body_breaks_the_parser(body: Any) -> None:
    must_hold(channel, call(body))
    must_hold(channel, call({"update_id": 1, "message": body}))


def sends(**fields: Any) -> list[tuple[str, Any]]:
    given = {"to": "7777777777", "content": "Hello", **fields}
    found = channel.requests(Outbound(ID, "c", **given), CREDENTIALS, "http://double", "")
    start = "http://double/bot123456:ABC-DEF1234/"
    assert all(r.method == "POST" and r.url.startswith(start) for r in found)
    assert all(r.json.pop("chat_id") == 7777777777 for r in found)
    return [(r.url.removeprefix(start), r.json) for r in found]


def test_a_text_is_sent() -> None:
    reply = {"message_id": 41, "allow_sending_without_reply": True}
    assert sends(reply_to="7777777777:41") == [("sendMessage", {"text": "Hello", "reply_parameters": reply})]
    assert sends(reply_to="callback:438") == [("sendMessage", {"text": "Hello"})]
    assert [len(body["text"]) for _, body in sends(content="x" * 4097)] == [4096, 1]
    assert [len(body["text"]) for _, body in sends(content="😀" * 2049)] == [2048, 1]


def test_an_answer_goes_into_the_topic_in_which_the_customer_wrote() -> None:
    told = read(update(text="hi", message_thread_id=7, is_topic_message=True))
    assert told.sender == SENDER  # one customer, whatever the topic
    for request in channel.requests(
        Outbound(ID, "c", "7777777777", "x" * 4097, reply_to=told.provider_id, answered=told.metadata),
        CREDENTIALS,
        "http://double",
        "",
    ):
        assert request.json["message_thread_id"] == 7 and request.otherwise is not None
        without = {key: value for key, value in request.json.items() if key != "message_thread_id"}
        assert request.otherwise.json == without and request.otherwise.otherwise is None
    under = message(text="Choose", message_thread_id=7, is_topic_message=True)
    body = {"update_id": 1, "callback_query": {"id": "4", "from": ANA, "message": under, "data": "L"}}
    assert read(body).metadata == {"message_thread_id": 7}
    for answered in ({}, {"message_thread_id": None}, {"message_thread_id": "7"}, {"message_thread_id": 0}):
        assert sends(answered=answered) == [("sendMessage", {"text": "Hello"})]


@pytest.mark.parametrize(
    ("description", "otherwise"),
    [
        ("Bad Request: message thread not found", True),
        ("Bad Request: TOPIC_CLOSED", True),
        ("Bad Request: TOPIC_DELETED", True),
        ("Bad Request: chat not found", False),
        ("Bad Request: message to be replied not found", False),
    ],
)
def test_a_topic_that_is_gone_does_not_cost_the_answer(description: str, otherwise: bool) -> None:
    found = outcome(400, ok=False, error_code=400, description=description)
    assert isinstance(found, NotSent) and found.otherwise is otherwise


PHOTO = OutboundFile("https://desk/1", "a.jpg", "image/jpeg")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"files": (PHOTO,)}, [("sendPhoto", {"photo": "https://desk/1", "caption": "Hello"})]),
        (
            {"files": (PHOTO, OutboundFile("https://desk/2", "b.pdf", "application/pdf"))},
            [
                ("sendPhoto", {"photo": "https://desk/1", "caption": "Hello"}),
                ("sendDocument", {"document": "https://desk/2"}),
            ],
        ),
        (
            {"files": (PHOTO,), "content": "x" * 1025},
            [("sendMessage", {"text": "x" * 1025}), ("sendPhoto", {"photo": "https://desk/1"})],
        ),
        ({"files": (PHOTO,), "content": ""}, [("sendPhoto", {"photo": "https://desk/1"})]),
        # what Telegram does not fetch
        (
            {"files": (OutboundFile("https://desk/3", "c.docx", "application/msword"),)},
            [("sendMessage", {"text": "Hello"}), ("sendMessage", {"text": "c.docx\nhttps://desk/3"})],
        ),
        (
            {"files": (OutboundFile("https://desk/4", content_type="image/png", size=5_000_001),)},
            [("sendMessage", {"text": "Hello"}), ("sendMessage", {"text": "https://desk/4"})],
        ),
    ],
)
def test_files_are_sent(fields: dict[str, Any], expected: list[Any]) -> None:
    assert sends(**fields) == expected


def outcome(status: int, **body: Any) -> Any:
    return channel.outcome(status, {}, json.dumps(body).encode())


def test_answers() -> None:
    assert outcome(200, ok=True, result=message(text="Hello")) == Sent("7777777777:42")
    assert channel.outcome(200, {}, b"") == Sent(None)
    blocked = "Forbidden: bot was blocked by the user"
    assert outcome(403, ok=False, error_code=403, description=blocked) == NotSent("403", blocked)
    fast = {"error_code": 429, "description": "Too Many Requests", "parameters": {"retry_after": 14}}
    assert outcome(429, ok=False, **fast) == NotSent(
        "429", "Too Many Requests", retry=True, retry_after=14.0, slow_down=True
    )
    assert outcome(500, ok=False) == NotSent(
        "http_500", "the provider answered with HTTP status 500", retry=True
    )
    assert isinstance(outcome(200, ok=False, error_code=400, description="Bad"), NotSent)


@unhurried
@given(st.integers(100, 599), st.binary() | junk.map(lambda body: json.dumps(body).encode()))
def test_no_answer_breaks_the_reading(http: int, body: bytes) -> None:
    assert isinstance(channel.outcome(http, {}, body), Sent if 200 <= http < 300 else NotSent)


def test_a_file_is_fetched_in_two_steps() -> None:
    media = Media("image", id="AgACAgIAAxk")
    first = channel.media_step(media, CREDENTIALS, "http://double", None)
    assert (first.last, first.request.json) == (False, {"file_id": "AgACAgIAAxk"})
    assert first.request.url == "http://double/bot123456:ABC-DEF1234/getFile"
    answer = {"ok": True, "result": {"file_id": "x", "file_path": "photos/file 1.jpg"}}
    second = channel.media_step(media, CREDENTIALS, "http://double", answer)
    assert second.last and second.request.method == "GET"
    assert second.request.url == "http://double/file/bot123456:ABC-DEF1234/photos/file%201.jpg"
    for bad in ({}, {"ok": True, "result": {}}, [], {"result": 7}):
        with pytest.raises(ValueError):
            channel.media_step(media, CREDENTIALS, "http://double", bad)


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ({"type": "list", "items": [{"label": "1.", "blocks": [{"type": "paragraph", "text": "tent"}]}, {"blocks": [], "label": "2."}]}, "1. tent\n2."),
        ({"type": "list", "items": [{"has_checkbox": True, "is_checked": True, "blocks": [{"type": "paragraph", "text": "map"}]}]}, "[x] map"),
        ({"type": "table", "cells": [[{"text": "Lamp"}, {"text": ["19", {"type": "bold", "text": ".90"}]}], [{"text": "Sum"}]]}, "Lamp | 19.90\nSum"),
        ({"type": "mathematical_expression", "expression": "x^2"}, "x^2"),
        ({"type": "paragraph", "text": ["Hi ", {"type": "custom_emoji", "custom_emoji_id": "1", "alternative_text": "👋"}]}, "Hi 👋"),
        ({"type": "paragraph", "text": {"type": "url", "text": "here", "url": "https://a.example"}}, "here (https://a.example)"),
        ({"type": "details", "summary": "More", "blocks": [{"type": "paragraph", "text": "inside"}]}, "More\ninside"),
        ({"type": "pull_quotation", "text": "To be", "credit": "W. S."}, "To be\nW. S."),
        ({"type": "map", "location": {"latitude": 1.5, "longitude": 2.5}, "caption": {"text": "the shop"}}, "1.5, 2.5\nthe shop"),
        ({"type": "expandable_block_quotation", "blocks": [{"type": "paragraph", "text": "quoted"}]}, "quoted"),
        ({"type": "buttons", "buttons": [[{"text": "Yes"}, {"text": "No"}]]}, "Yes\nNo"),
        ({"type": "buttons", "buttons": [{"text": "Pay", "url": "https://a.example"}]}, "Pay (https://a.example)"),
        ({"type": "paragraph", "text": ["Press ", {"type": "button", "button": {"text": "Yes"}}]}, "Press Yes"),
        ({"type": "not_thought_of_yet", "text": "seen"}, "seen"),
    ],
)  # fmt: skip
def test_blocks_of_rich_messages_are_read_line_by_line(block: dict[str, Any], said: str) -> None:
    found = read(update(rich_message={"blocks": [{"type": "paragraph", "text": "Order"}, block]}))
    assert (found.content, found.content_type) == (f"Order\n{said}", "text")
    assert found.metadata["rich_message"]["blocks"][1] == block


def test_files_of_rich_messages_are_taken() -> None:
    voice = {
        "type": "voice_note",
        "voice_note": {"file_id": "v", "duration": 3},
        "caption": {"text": "listen"},
    }
    sheet = {"type": "document", "document": {"file_id": "d", "file_name": "a.pdf"}}
    found = read(update(rich_message={"blocks": [voice, {"type": "collage", "blocks": [sheet]}]}))
    assert found.content == "listen"
    assert [(file.kind, file.id) for file in found.media] == [("audio", "v"), ("document", "d")]


def test_what_telegram_says_of_the_chat_is_no_persons_message() -> None:
    found = read(update(forum_topic_created={"name": "Returns", "icon_color": 1}))
    assert found.metadata["auto_reply"] is True
    assert "auto_reply" not in read(update(gift={"gift": {}, "text": "For you"})).metadata
    away = read(
        update("business_message", text="We are closed", business_connection_id="c1", is_from_offline=True)
    )
    assert away.metadata["auto_reply"] is True


def test_messages_that_only_one_person_sees_are_not_repeats_of_one_another() -> None:
    ids = {read(update(message_id=0, ephemeral_message_id=n, text="/menu")).provider_id for n in (1, 2)}
    assert len(ids) == 2
    assert sends(reply_to=next(iter(ids))) == [("sendMessage", {"text": "Hello"})]

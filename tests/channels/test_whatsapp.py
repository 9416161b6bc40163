"""WhatsApp: payloads in the shape of Meta's documents, one for each type of message."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest
from calls import ID, call, junk, meta_signature, must_hold, only, unhurried, wrecked
from hypothesis import given
from hypothesis import strategies as st

from tertulia.channels.meta import whatsapp
from tertulia.core.channels.messages import Faulty, Inbound, InboundEdit, Media, Receipt, Sender

CREDENTIALS = {
    "app_secret": "s3cret",
    "verify_token": "täken",
    "access_token": "EAAG",
    "phone_number_id": "106540352242922",
}
WAMID = "wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQ0RgA="
QUOTED = "wamid.HBgLMTQxMjU1NTA4MjkVAgASGBQzQUNCNjk5RDUwNUZGMUZEM0VBRAA="
PERSON = {"profile": {"name": "Sheena Nelson"}, "wa_id": "16505551234"}
FILE = {
    "mime_type": "image/jpeg",
    "sha256": "SfInY0gGKTsJlUWbwxC1k+FAD0FZHvzwfpvO0zX0GUI=",
    "id": "1003383421387256",
}


def payload(*values: dict[str, Any], field: str = "messages") -> dict[str, Any]:
    metadata = {"display_phone_number": "15550783881", "phone_number_id": "106540352242922"}
    return {
        "object": "whatsapp_business_account",
        "entry": [
            {
                "id": "102290129340398",
                "changes": [
                    {
                        "value": {"messaging_product": "whatsapp", "metadata": metadata, **value},
                        "field": field,
                    }
                ],
            }
            for value in values
        ],
    }


def said(kind: str, what: Any, **more: Any) -> dict[str, Any]:
    message = {
        "from": "16505551234",
        "id": WAMID,
        "timestamp": "1749416383",
        "type": kind,
        kind: what,
        **more,
    }
    return {"contacts": [PERSON], "messages": [message]}


def read(value: dict[str, Any]) -> Any:
    return only(whatsapp.parse(call(payload(value)), {}))


# --- who calls


def test_a_signature_over_the_raw_bytes_is_taken() -> None:
    # escaped as Meta does: written again, the JSON would have other bytes
    body = b'{"entry":[{"text":"caf\\u00e9 \\ud83d\\ude00"}], "a" : 1}'
    assert whatsapp.verify(call(body, {"x-hub-signature-256": meta_signature("s3cret", body)}), CREDENTIALS)
    again = json.dumps(json.loads(body)).encode()
    assert not whatsapp.verify(
        call(body, {"x-hub-signature-256": meta_signature("s3cret", again)}), CREDENTIALS
    )


BODY = b'{"object":"whatsapp_business_account"}'
GOOD = meta_signature("s3cret", BODY)
SHA1 = "sha1=" + hmac.new(b"s3cret", BODY, hashlib.sha1).hexdigest()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-hub-signature-256": ""},
        {"x-hub-signature": SHA1},
        {"x-hub-signature-256": SHA1},
        {"x-hub-signature": GOOD},
        {"x-hub-signature-256": GOOD[:-1] + ("0" if GOOD[-1] != "0" else "1")},
        {"x-hub-signature-256": GOOD[:-1]},
        {"x-hub-signature-256": GOOD.removeprefix("sha256=")},
        {"x-hub-signature-256": meta_signature("another", BODY)},
        {"x-hub-signature-256": meta_signature("s3cret", BODY + b" ")},
        {"x-hub-signature-256": "sha256=é\udcff\0"},
    ],
)
def test_a_wrong_signature_is_not_taken(headers: dict[str, str]) -> None:
    assert not whatsapp.verify(call(BODY, headers), CREDENTIALS)


def test_nothing_is_taken_where_there_is_no_secret() -> None:
    for credentials in ({}, {"app_secret": ""}):
        signature = meta_signature("", BODY)
        assert not whatsapp.verify(call(BODY, {"x-hub-signature-256": signature}), credentials)


@unhurried
@given(st.text() | st.just(GOOD), st.binary(), st.text())
def test_verifying_never_raises(header: str, body: bytes, secret: str) -> None:
    assert not whatsapp.verify(call(body, {"x-hub-signature-256": header}), {"app_secret": secret})


SUBSCRIBE = {"hub.mode": "subscribe", "hub.verify_token": "täken", "hub.challenge": "1158201444"}


def test_a_subscription_is_echoed_as_text() -> None:
    answer = whatsapp.challenge(call(method="GET", query=SUBSCRIBE), CREDENTIALS)
    assert answer is not None
    assert (answer.status, answer.body, answer.content_type) == (200, b"1158201444", "text/plain")


@pytest.mark.parametrize(
    ("query", "credentials"),
    [
        ({}, CREDENTIALS),
        (SUBSCRIBE | {"hub.mode": "unsubscribe"}, CREDENTIALS),
        (SUBSCRIBE | {"hub.verify_token": "taken"}, CREDENTIALS),
        (SUBSCRIBE | {"hub.verify_token": ""}, {"verify_token": ""}),
        (SUBSCRIBE | {"hub.challenge": ""}, CREDENTIALS),
        (SUBSCRIBE, {}),
    ],
)
def test_a_subscription_that_proves_nothing_is_not(
    query: dict[str, str], credentials: dict[str, str]
) -> None:
    assert whatsapp.challenge(call(method="GET", query=query), credentials) is None


# --- what they say


def test_a_text() -> None:
    assert read(said("text", {"body": "Does it come in another color? 😀"})) == Inbound(
        provider_id=WAMID,
        sender=Sender("+16505551234", "Sheena Nelson"),
        content="Does it come in another color? 😀",
        at=1749416383000,
    )


def test_a_number_is_the_same_with_and_without_its_plus() -> None:
    found = read(said("text", {"body": "hi"}, **{"from": "+16505551234"}))
    assert found.sender == Sender("+16505551234", "Sheena Nelson")


@pytest.mark.parametrize(
    ("kind", "what", "content", "content_type", "media", "notes"),
    [
        (
            "image",
            {**FILE, "caption": "The best succulent ever?"},
            "The best succulent ever?",
            "image",
            Media("image", id=FILE["id"], content_type="image/jpeg"),
            {"media": {"sha256": FILE["sha256"]}},
        ),
        (
            "audio",
            {"id": "1", "mime_type": "audio/ogg; codecs=opus", "voice": True},
            "",
            "audio",
            Media("audio", id="1", content_type="audio/ogg; codecs=opus"),
            {"media": {"voice": True}},
        ),
        ("video", {"id": "1", "mime_type": "video/mp4"}, "", "video", Media("video", id="1", content_type="video/mp4"), {}),
        (
            "document",
            {"id": "1", "mime_type": "application/pdf", "filename": "bill.pdf", "caption": "mine"},
            "mine",
            "document",
            Media("document", id="1", content_type="application/pdf", name="bill.pdf"),
            {},
        ),
        (
            "sticker",
            {"id": "1", "mime_type": "image/webp", "animated": False},
            "",
            "sticker",
            Media("sticker", id="1", content_type="image/webp"),
            {},
        ),
        (
            "location",
            {"latitude": 37.44, "longitude": -122.16, "name": "Philz", "address": "101 Forest Ave"},
            "Philz\n101 Forest Ave\n37.44, -122.16",
            "location",
            None,
            {"location": {"latitude": 37.44, "longitude": -122.16, "name": "Philz", "address": "101 Forest Ave"}},
        ),
        (
            "contacts",
            [{"name": {"formatted_name": "Barbara", "first_name": "Barbara"}, "phones": [{"phone": "+1 631 555"}]}],
            "Barbara, +1 631 555",
            "contacts",
            None,
            {"contacts": [{"name": {"formatted_name": "Barbara", "first_name": "Barbara"}, "phones": [{"phone": "+1 631 555"}]}]},
        ),
        (
            "button",
            {"payload": "Unsubscribe", "text": "Unsubscribe"},
            "Unsubscribe",
            "button",
            None,
            {"button": {"payload": "Unsubscribe", "text": "Unsubscribe"}},
        ),
        (
            "interactive",
            {"type": "button_reply", "button_reply": {"id": "cancel-button", "title": "Cancel"}},
            "Cancel",
            "button",
            None,
            {"button_reply": {"id": "cancel-button", "title": "Cancel"}},
        ),
        (
            "interactive",
            {"type": "list_reply", "list_reply": {"id": "p", "title": "Express", "description": "Next day"}},
            "Express",
            "list",
            None,
            {"list_reply": {"id": "p", "title": "Express", "description": "Next day"}},
        ),
        (
            "interactive",
            {"type": "nfm_reply", "nfm_reply": {"name": "flow", "body": "Sent", "response_json": "{\"a\":1}"}},
            "Sent\na: 1",
            "form",
            None,
            {"nfm_reply": {"name": "flow", "body": "Sent", "response_json": "{\"a\":1}"}},
        ),
        (
            "order",
            {"catalog_id": "1", "text": "Soon please", "product_items": [{"product_retailer_id": "di9", "quantity": 1}]},
            "[order of 1 product]\n1 × di9\nSoon please",
            "order",
            None,
            {"order": {"catalog_id": "1", "text": "Soon please", "product_items": [{"product_retailer_id": "di9", "quantity": 1}]}},
        ),
        (
            "system",
            {"body": "User A changed from 1 to 2", "wa_id": "2", "type": "user_changed_number"},
            "User A changed from 1 to 2",
            "system",
            None,
            {"system": {"body": "User A changed from 1 to 2", "wa_id": "2", "type": "user_changed_number"}, "auto_reply": True},
        ),
    ],
)  # fmt: skip
def test_every_type(
    kind: str, what: Any, content: str, content_type: str, media: Media | None, notes: dict[str, Any]
) -> None:
    found = read(said(kind, what))
    assert (found.content, found.content_type, found.metadata) == (content, content_type, notes)
    assert found.media == ((media,) if media else ())


def test_a_reaction_answers_its_message() -> None:
    found = read(said("reaction", {"message_id": QUOTED, "emoji": "\ud83d\udc4d"}))
    assert (found.content, found.content_type, found.reply_to) == ("👍", "reaction", QUOTED)
    gone = read(said("reaction", {"message_id": QUOTED, "emoji": ""}))
    assert (gone.content, gone.metadata) == ("[reaction removed]", {"removed": True})


@pytest.mark.parametrize("kind", ["unsupported", "ephemeral", "hologram", ""])
def test_what_cannot_be_shown_is_seen_and_kept(kind: str) -> None:
    value = said(kind, {"x": 1}, errors=[{"code": 131051, "title": "Message type unknown"}])
    found = read(value)
    assert found.content == f"[unsupported message: {kind or 'unknown'}]"
    assert found.content_type == "unsupported"
    assert found.metadata["raw"] == value["messages"][0]
    big = read(said(kind, {"x": "y" * 12_000}))
    assert big.metadata["raw"].keys() == {"omitted_bytes"} and big.metadata["raw"]["omitted_bytes"] > 12_000


def test_replies_and_advertisements() -> None:
    ad = {"source_url": "https://fb.me/3cr4Wqqkv", "source_type": "ad", "headline": "Chat with us"}
    found = read(said("text", {"body": "yes"}, context={"from": "1555", "id": QUOTED}, referral=ad))
    assert found.reply_to == QUOTED and found.metadata == {"referral": ad}
    passed_on = read(said("text", {"body": "yes"}, context={"forwarded": True}))
    assert passed_on.reply_to is None and passed_on.metadata == {"forwarded": True}


def test_an_edit_is_the_message_as_it_is_now() -> None:
    edit = {
        "original_message_id": QUOTED,
        "message": {"context": {"id": "M0"}, "type": "text", "text": {"body": "I meant blue"}},
    }
    found = read(said("edit", edit))
    assert found == InboundEdit(
        Inbound(QUOTED, Sender("+16505551234", "Sheena Nelson"), "I meant blue", reply_to="M0"), 1749416383000
    )


def test_a_message_taken_back() -> None:
    found = read(said("revoke", {"original_message_id": QUOTED}))
    assert isinstance(found, InboundEdit) and found.inbound.provider_id == QUOTED
    assert (found.inbound.content, found.inbound.content_type) == ("[message deleted]", "deleted")


BSUID = "US.13491208655302741918"
TEXT = {"id": WAMID, "timestamp": "1749416383", "type": "text", "text": {"body": "hi"}}


@pytest.mark.parametrize(
    ("message", "contact", "identifier", "aliases"),
    [
        ({"from": "16505551234"}, {"wa_id": "16505551234"}, "+16505551234", ()),
        (
            {"from": "16505551234", "from_user_id": BSUID},
            {"wa_id": "16505551234", "user_id": BSUID},
            "+16505551234",
            (BSUID,),
        ),
        ({"from": "16505551234"}, {"wa_id": "16505551234", "user_id": BSUID}, "+16505551234", (BSUID,)),
        ({"from_user_id": BSUID}, {"user_id": BSUID}, BSUID, ()),
        ({"from_user_id": BSUID}, {"user_id": BSUID, "wa_id": "16505551234"}, "+16505551234", (BSUID,)),
        ({}, {"user_id": BSUID}, BSUID, ()),
        ({"from": BSUID}, {"user_id": BSUID}, BSUID, ()),
        ({"from_user_id": BSUID}, {"user_id": BSUID, "parent_user_id": "US.ENT.1"}, BSUID, ("US.ENT.1",)),
        ({"from": "4901711234567"}, {"wa_id": "4901711234567"}, "+491711234567", ()),
        ({"from": "0"}, {"wa_id": "0"}, "+0", ()),
    ],
)
def test_the_sender_is_a_phone_or_a_user_id(
    message: dict[str, str], contact: dict[str, str], identifier: str, aliases: tuple[str, ...]
) -> None:
    profile = {"profile": {"name": "Pablo", "username": "@pablo"}}
    found = read({"contacts": [contact | profile], "messages": [TEXT | message]})
    assert found.sender == Sender(identifier, "Pablo", aliases, {"username": "@pablo"})


def test_several_people_in_several_entries() -> None:
    def value(*numbers: str) -> dict[str, Any]:
        people = [{"wa_id": n, "profile": {"name": f"N{n[-1]}"}} for n in numbers]
        messages = [TEXT | {"from": n, "id": f"wamid.{n}"} for n in reversed(numbers)]
        return {"contacts": people, "messages": messages}

    found = whatsapp.parse(call(payload(value("16505550001", "16505550002"), value("16505550003"))), {})
    assert [(e.sender.identifier, e.sender.name) for e in found] == [
        ("+16505550002", "N2"),
        ("+16505550001", "N1"),
        ("+16505550003", "N3"),
    ]


def status(name: str, **more: Any) -> dict[str, Any]:
    return {"id": WAMID, "status": name, "timestamp": "1749416390", "recipient_id": "16505551234", **more}


def test_receipts() -> None:
    names = ["sent", "delivered", "read", "played", "deleted", "warning"]
    statuses = [status(name, biz_opaque_callback_data=ID) for name in names]
    found = whatsapp.parse(call(payload({"statuses": statuses})), {})
    assert [event.status for event in found[:4]] == ["sent", "delivered", "read", "read"]
    assert [type(event) for event in found[4:]] == [Faulty, Faulty]
    found = found[:4]
    assert found[0] == Receipt("sent", (WAMID,), ID, at=1749416390000)
    assert read({"statuses": [status("sent", biz_opaque_callback_data="another app's")]}).message_id is None


def test_a_failure_says_why() -> None:
    error = {
        "code": 131047,
        "title": "Re-engagement message",
        "message": "Re-engagement message",
        "error_data": {"details": "More than 24 hours have passed."},
    }
    assert read({"statuses": [status("failed", errors=[error])]}).error == {
        "code": "131047",
        "detail": "More than 24 hours have passed.",
    }
    assert read({"statuses": [status("failed")]}).error == {
        "code": "failed",
        "detail": "WhatsApp gave no reason",
    }


@pytest.mark.parametrize(
    "field",
    [
        "account_update",
        "message_template_status_update",
        "history",
        "smb_app_state_sync",
        "user_preferences",
        "what",
    ],
)
def test_other_fields_are_set_aside(field: str) -> None:
    value = said("text", {"body": "hi"})
    found = only(whatsapp.parse(call(payload(value, field=field)), {}))
    assert isinstance(found, Faulty) and found.payload["value"]["messages"] == value["messages"]
    assert isinstance(only(whatsapp.parse(call(payload({"what": [1]})), {})), Faulty)


def test_what_the_business_writes_on_its_phone_is_an_echo() -> None:
    echo = {
        "from": "15550783881",
        "to": "16505551234",
        "id": WAMID,
        "timestamp": "1749416383",
        "type": "text",
    }
    value = {"message_echoes": [{**echo, "text": {"body": "On its way"}}]}
    found = only(whatsapp.parse(call(payload(value, field="smb_message_echoes")), {}))
    assert found == Inbound(WAMID, Sender("+16505551234"), "On its way", at=1749416383000, is_echo=True)


def test_calls_are_shown() -> None:
    one = {
        "id": "wacid.1",
        "from": "16505551234",
        "to": "1555",
        "event": "connect",
        "timestamp": "1749416383",
    }
    found = only(whatsapp.parse(call(payload({"calls": [one], "contacts": [PERSON]}, field="calls")), {}))
    assert (found.content, found.content_type, found.sender.name) == (
        "[call: connect]",
        "call",
        "Sheena Nelson",
    )


@pytest.mark.parametrize(
    "system",
    [
        {"type": "user_changed_number", "wa_id": "16505559999"},
        {"type": "user_changed_number", "new_wa_id": "16505559999"},
        {"type": "customer_changed_number", "wa_id": "16505559999", "customer": "16505551234"},
        {"wa_id": "16505559999"},
    ],
)
def test_a_changed_number_is_the_same_person_s(system: dict[str, str]) -> None:
    sender = read(said("system", {"body": "changed", **system})).sender
    assert (sender.identifier, sender.aliases) == ("+16505551234", ("+16505559999",))
    assert sender.moved_to == "+16505559999"


@pytest.mark.parametrize(
    ("message", "system", "names", "moved_to"),
    [
        # known by the user id alone: the message may be from the new one, the old one, or say nothing
        ({"from_user_id": "GB.2"}, {}, ("GB.1", "GB.2"), "GB.2"),
        ({"from_user_id": "GB.1"}, {}, ("GB.1", "GB.2"), "GB.2"),
        ({}, {}, ("GB.1", "GB.2"), "GB.2"),
        (
            {"from_user_id": "GB.2"},
            {"previous_parent_user_id": "GB.ENT.1", "parent_user_id": "GB.ENT.2"},
            ("GB.1", "GB.ENT.1", "GB.2", "GB.ENT.2"),
            "GB.2",
        ),
        # the number stays what the customer is known by
        ({"from": "16505551234"}, {}, ("+16505551234", "GB.1", "GB.2"), None),
        (
            {"from": "16505551234"},
            {"type": "user_changed_number", "wa_id": "16505559999"},
            ("+16505551234", "GB.1", "+16505559999", "GB.2"),
            "+16505559999",
        ),
    ],
)
def test_a_changed_user_id_is_the_same_person_s(
    message: dict[str, str], system: dict[str, str], names: tuple[str, ...], moved_to: str | None
) -> None:
    changed = {"type": "user_changed_user_id", "user_id": "GB.2", "previous_user_id": "GB.1"}
    notice = said("system", {"body": "changed", **changed, **system})["messages"][0]
    del notice["from"]
    sender = read({"messages": [notice | message]}).sender  # such a notice has no contacts
    assert ((sender.identifier, *sender.aliases), sender.moved_to) == (names, moved_to)


def test_a_changed_identity_moves_nobody() -> None:
    system = {
        "body": "changed",
        "type": "customer_identity_changed",
        "customer": "16505551234",
        "identity": "x",
    }
    assert read(said("system", system)).sender == Sender("+16505551234", "Sheena Nelson")


@pytest.mark.parametrize(
    ("person", "line"),
    [
        ({"name": {"formatted_name": "Berta Falk"}, "emails": [{"email": "berta@mail.example"}]}, "Berta Falk, berta@mail.example"),
        ({"name": {"first_name": "Zoe", "formatted_name": ""}, "phones": [{"wa_id": "447700900302"}]}, "Zoe, 447700900302"),
        ({"addresses": [{"street": "Bole 1", "city": "Addis Ababa"}]}, "Bole 1, Addis Ababa"),
        ({"urls": [{"url": "https://a.example"}], "org": {"company": "Falk AG", "title": "Cook"}}, "https://a.example, Cook, Falk AG"),
        ({"name": {}}, "[contact]"),
    ],
)  # fmt: skip
def test_a_contact_card_says_all_that_it_has(person: dict[str, Any], line: str) -> None:
    assert read(said("contacts", [person])).content == line


def test_an_unknown_type_in_the_form_of_a_file_is_one() -> None:
    found = read(said("video_note", {"id": "1", "mime_type": "video/mp4"}))
    assert (found.content_type, found.media) == ("video", (Media("video", id="1", content_type="video/mp4"),))


def test_nothing_in_a_list_is_nothing() -> None:
    assert whatsapp.parse(call(payload({"messages": []})), {}) == []


def test_errors_of_the_account_are_set_aside() -> None:
    found = read({"errors": [{"code": 130429, "title": "Rate limit hit"}]})
    assert found == Faulty("WhatsApp reports error 130429", {"code": 130429, "title": "Rate limit hit"})


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (7, "an object was expected"),
        ({**TEXT, "from": "1", "id": None}, "id is missing"),
        ({**TEXT, "from": "1", "id": "x" * 513}, "id is longer than 512 characters"),
        (TEXT, "from and from_user_id are missing"),
        ({**TEXT, "from": "1", "text": "hi"}, "text is not an object"),
        ({**TEXT, "from": "1", "text": {}}, "text.body is missing"),
        ({**TEXT, "from": "1", "type": 5}, "type is not text"),
        ({**TEXT, "from": "1", "type": "image", "image": {}}, "id is missing"),
        ({**TEXT, "from": "1" * 21}, "no number has 21 digits"),
    ],
)
def test_a_broken_message_is_set_aside_and_the_others_go_on(broken: Any, reason: str) -> None:
    good = [TEXT | {"from": "16505551234", "id": f"wamid.{n}"} for n in range(2)]
    events = whatsapp.parse(
        call(payload({"messages": [good[0], broken, good[1]], "statuses": [status("read")]})), {}
    )
    assert events[1] == Faulty(reason, broken)
    assert [e.provider_id for e in (events[0], events[2])] == ["wamid.0", "wamid.1"]
    assert events[3].status == "read"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\xff\xfe", b"null", b"[]", b"7", b"{", b"{}", b'{"object":"page","entry":[]}',
        b'{"object":"whatsapp_business_account"}', b'{"object":"whatsapp_business_account","entry":{}}',
        b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 1000 + b"1" + b"}" * 1000,
        b'{"object":"whatsapp_business_account","entry":[],"x":' + b"[" * 70 + b"]" * 70 + b"}",
    ],
)  # fmt: skip
def test_a_senseless_payload_is_refused_as_a_whole(body: bytes) -> None:
    with pytest.raises(ValueError):
        whatsapp.parse(call(body), {})


@pytest.mark.parametrize(
    "time", ["", "x", "-5", -5, "9" * 30, 10**18, 1e300, None, True, [], "1749416383.5", "١٢"]
)
def test_a_time_that_is_none(time: Any) -> None:
    assert read(said("text", {"body": "hi"}, timestamp=time)).at is None


def test_text_that_cannot_be_stored_is_mended() -> None:
    whole = call(payload(said("text", {"body": "HERE"})))
    bad = rb"a\u0000b\ud800c\udfff\ud83d\ude00d\\u0000\\\u0000"
    found = only(whatsapp.parse(call(whole.body.replace(b"HERE", bad)), {}))
    assert found.content == "a\ufffdb\ufffdc\ufffd😀d\\u0000\\\ufffd"


def test_text_that_is_too_long_is_cut() -> None:
    found = read(said("text", {"body": "é" * 65_537}))
    assert found.content == "é" * 65_536 and found.metadata == {"truncated": True}
    assert "truncated" not in read(said("text", {"body": "é" * 65_536})).metadata


EVERYTHING = payload(
    {
        **said(
            "image", {**FILE, "caption": "x"}, context={"id": QUOTED}, referral={"a": 1}, from_user_id=BSUID
        ),
        "statuses": [status("failed", errors=[{"code": 1, "error_data": {"details": "x"}}])],
        "errors": [{"code": 1}],
    },
    said("text", {"body": "hi"}),
    said("location", {"latitude": 1.5, "longitude": 2, "name": "x"}),
    said("contacts", [{"name": {"formatted_name": "x"}, "phones": [{"phone": "1"}]}]),
    said("interactive", {"type": "button_reply", "button_reply": {"id": "x", "title": "y"}}),
    said("order", {"text": "x", "product_items": [{}]}),
    said("edit", {"original_message_id": "x", "message": {"type": "text", "text": {"body": "x"}}}),
    said("reaction", {"message_id": "x", "emoji": "x"}),
    said("unsupported", {}),
)


def test_the_wrecking_starts_from_good_payloads() -> None:
    events = must_hold(whatsapp, call(EVERYTHING))
    assert [type(event) for event in events].count(Faulty) == 1 and len(events) == 11


@unhurried
@given(wrecked(EVERYTHING))
def test_no_payload_breaks_the_parser(body: Any) -> None:
    must_hold(whatsapp, call(body))


@unhurried
@given(junk, st.binary())
def test_no_body_breaks_the_parser(body: Any, raw: bytes) -> None:
    must_hold(whatsapp, call(body))
    must_hold(whatsapp, call(raw))
    must_hold(whatsapp, call(payload({"messages": body, "contacts": body, "statuses": body, "errors": body})))

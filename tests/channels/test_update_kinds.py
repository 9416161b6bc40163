"""Every kind of update that a provider documents is a message, an edit or a receipt, or is set aside as it came."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import pytest
import update_kinds as kinds
from calls import call

from tertulia.channels import CHANNELS
from tertulia.core.channels.messages import ChannelEvent, Faulty, Inbound, InboundEdit, Receipt


def became(events: Sequence[ChannelEvent]) -> str:
    """The content type of a message, the status of a receipt, `edited`, `set aside` or `nothing`."""
    if not events:
        return "nothing"
    (event,) = events
    if isinstance(event, Inbound):
        assert event.content or event.media
        return event.content_type
    if isinstance(event, Receipt):
        return event.status
    return "edited" if isinstance(event, InboundEdit) else kinds.ASIDE


def aside(events: Sequence[ChannelEvent], raw: Any) -> bool:
    """Whether all of it was set aside, as it came."""
    return all(isinstance(event, Faulty) and event.payload == raw for event in events)


@pytest.mark.parametrize("kind", kinds.TELEGRAM_UPDATES)
def test_telegram_updates(kind: str) -> None:
    part, right = kinds.TELEGRAM_UPDATES[kind]
    update = {"update_id": 1, kind: part}
    events = CHANNELS["telegram"].parse(call(update), {})
    assert became(events) == right
    assert right != kinds.ASIDE or aside(events, update)


@pytest.mark.parametrize("kind", kinds.TELEGRAM_CONTENTS)
def test_telegram_contents(kind: str) -> None:
    part, content_type, content = kinds.TELEGRAM_CONTENTS[kind]
    said = {"message_id": 1, "date": 1_795_969_000, "chat": kinds.CHAT, kind: part}
    (event,) = CHANNELS["telegram"].parse(call({"update_id": 1, "message": said}), {})
    assert isinstance(event, Inbound)
    assert (event.content_type, event.content) == (content_type, content)
    assert event.content or event.media
    if content_type == "unsupported":
        assert event.metadata["raw"] == said


def test_telegram_groups_are_set_aside() -> None:
    update = {"update_id": 1, "message": {"message_id": 1, "date": 1, "chat": kinds.GROUP, "text": "hi"}}
    assert aside(CHANNELS["telegram"].parse(call(update), {}), update)


def whatsapp(field: str, **value: Any) -> list[ChannelEvent]:
    entry = {"id": "1", "changes": [{"field": field, "value": {"messaging_product": "whatsapp", **value}}]}
    return CHANNELS["whatsapp"].parse(call({"object": "whatsapp_business_account", "entry": [entry]}), {})


@pytest.mark.parametrize("kind", kinds.WHATSAPP_MESSAGES)
def test_whatsapp_messages_and_those_of_the_business_app(kind: str) -> None:
    part, right = kinds.WHATSAPP_MESSAGES[kind]
    said = kinds.whatsapp_message(kind, part)
    assert became(whatsapp("messages", messages=[said])) == right
    echo = said | {"from": "15550001111", "to": "447700900001"}
    (event,) = whatsapp("smb_message_echoes", message_echoes=[echo])
    assert (event.inbound if isinstance(event, InboundEdit) else event).is_echo  # type: ignore[union-attr]


@pytest.mark.parametrize("field", kinds.WHATSAPP_FIELDS)
def test_whatsapp_changes_of_no_message_are_set_aside(field: str) -> None:
    change = {"field": field, "value": {"messaging_product": "whatsapp", "about": field}}
    assert aside(whatsapp(field, about=field), change)


def test_a_whatsapp_group_is_nobodys_conversation() -> None:
    said = kinds.whatsapp_message("text", {"body": "hi all"}) | {"group_id": "G1"}
    events = whatsapp("messages", messages=[said])
    assert events and aside(events, said)


@pytest.mark.parametrize(
    "status", ["sent", "delivered", "read", "played", "failed", "warning", "not_thought_of_yet"]
)
def test_whatsapp_statuses(status: str) -> None:
    said = {"id": "wamid.1", "status": status, "timestamp": "1795969000", "recipient_id": "447700900001"}
    right = {"played": "read", "warning": kinds.ASIDE, "not_thought_of_yet": kinds.ASIDE}.get(status, status)
    assert became(whatsapp("messages", statuses=[said])) == right


@pytest.mark.parametrize("object_", ["page", "instagram"])
@pytest.mark.parametrize("kind", kinds.MESSENGER_EVENTS)
def test_messenger_and_instagram_events(kind: str, object_: str) -> None:
    event, right = kinds.MESSENGER_EVENTS[kind]
    payload = {"object": object_, "entry": [{"id": "1", "messaging": [event]}]}
    events = CHANNELS["messenger"].parse(call(payload), {})
    assert became(events) == right
    assert right != kinds.ASIDE or aside(events, event)


@pytest.mark.parametrize("key", ["standby", "changes"])
def test_what_another_app_answers_and_what_is_no_message_is_set_aside(key: str) -> None:
    entry = {"id": "1", key: [{"field": "comments", "value": {"text": "nice"}}]}
    events = CHANNELS["messenger"].parse(call({"object": "instagram", "entry": [entry]}), {})
    assert events and aside(events, entry[key][0] if key == "changes" else entry[key])


def test_the_story_that_is_answered_is_kept() -> None:
    story = {"id": "s", "url": "https://cdn.example/s"}
    said = {"sender": {"id": "5"}, "recipient": {"id": "1"}, "timestamp": 1, "message": {"mid": "m", "text": "wow", "reply_to": {"story": story}}}  # fmt: skip
    (event,) = CHANNELS["messenger"].parse(
        call({"object": "instagram", "entry": [{"messaging": [said]}]}), {}
    )
    assert isinstance(event, Inbound) and event.metadata["story"] == story


@pytest.mark.parametrize("kind", kinds.SMS_CALLS)
def test_sms_calls(kind: str) -> None:
    fields, right = kinds.SMS_CALLS[kind]
    events = CHANNELS["sms"].parse(call(urlencode(fields).encode()), {})
    assert became(events) == right
    assert right != kinds.ASIDE or aside(events, fields)


@pytest.mark.parametrize("kind", kinds.EMAIL_CALLS)
def test_email_calls(kind: str) -> None:
    body, right = kinds.EMAIL_CALLS[kind]
    named = {"RecordType": kind.partition(" ")[0], **body}
    events = CHANNELS["email"].parse(call(named), {})
    assert became(events) == right
    assert right != kinds.ASIDE or aside(events, named)


def test_an_answer_of_a_business_connection_has_the_name_that_its_echo_has() -> None:
    result = {"message_id": 5, "chat": kinds.CHAT, "date": 1, "business_connection_id": "b", "text": "hi"}
    sent = CHANNELS["telegram"].outcome(200, {}, b'{"ok":true,"result":%b}' % json.dumps(result).encode())
    echo = result | {"from": {"id": 1, "first_name": "Us"}, "sender_business_bot": {"id": 2}}
    (event,) = CHANNELS["telegram"].parse(call({"update_id": 1, "business_message": echo}), {})
    assert isinstance(event, Inbound) and event.is_echo
    assert sent.provider_id == event.provider_id  # type: ignore[union-attr]

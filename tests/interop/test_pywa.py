"""pywa, a client of WhatsApp's Cloud API, on the double."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from desk import CREDENTIALS, Desk
from pywa import WhatsApp, types, utils
from pywa.errors import ExpiredAccessToken, MessageUndeliverable, RateLimitHit, WhatsAppError
from pywa.types.templates import BodyText, TemplateLanguage

OURS, TOKEN = CREDENTIALS["whatsapp"]["phone_number_id"], CREDENTIALS["whatsapp"]["access_token"]
THEIRS = "251911234567"


class _Here(httpx.HTTPTransport):
    """Meta's address is fixed in the library: requests to it go to the double."""

    def __init__(self, double: str) -> None:
        super().__init__()
        self._double = httpx.URL(double)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        to = self._double
        request.url = request.url.copy_with(scheme=to.scheme, host=to.host, port=to.port)
        request.headers["Host"] = f"{to.host}:{to.port}"
        return super().handle_request(request)


def client(at: Desk, token: str = TOKEN) -> WhatsApp:
    session = httpx.Client(transport=_Here(at.double))
    return WhatsApp(phone_id=OURS, token=token, session=session, server=None, filter_updates=False)


@pytest.fixture
async def wa(at: Desk) -> AsyncIterator[WhatsApp]:
    made = client(at)
    yield made
    made.api._session.close()


@pytest.fixture
async def channel(at: Desk) -> str:
    return await at.register("whatsapp")


async def call(at: Desk) -> dict[str, Any]:
    """The next webhook, by the library's own check of its signature."""
    _, found = await at.calls.get()
    secret, signature = CREDENTIALS["whatsapp"]["app_secret"], found.headers["x-hub-signature-256"]
    assert utils.webhook_updates_validator(secret, found.body, signature)
    return json.loads(found.body)


async def refused(method: Callable[..., Any], *arguments: Any) -> WhatsAppError:
    """The error that a call raises. The library's errors are frozen, and `pytest.raises` writes into them."""
    try:
        await asyncio.to_thread(method, *arguments)
    except WhatsAppError as error:
        return error
    raise AssertionError("nothing was refused")


async def test_texts_answers_buttons_and_lists(at: Desk, channel: str, wa: WhatsApp) -> None:
    first = await asyncio.to_thread(wa.send_message, THEIRS, "Hej 😀")
    assert first.id.startswith("wamid.") and first.chat.id == THEIRS
    buttons = [types.Button(title="Yes", callback_data="y"), types.Button(title="No", callback_data="n")]
    await asyncio.to_thread(wa.send_message, THEIRS, "sure?", buttons=buttons, reply_to_message_id=first.id)
    rows = [
        types.SectionRow(title="Small", callback_data="s"),
        types.SectionRow(title="Large", callback_data="l"),
    ]
    listed = types.SectionList(button_title="Sizes", sections=[types.Section(title="Size", rows=rows)])
    await asyncio.to_thread(wa.send_message, THEIRS, "which?", buttons=listed)
    link = types.URLButton(title="Open", url="https://desk.example/")
    await asyncio.to_thread(wa.send_message, THEIRS, "see", buttons=link)
    items = await at.sent(channel)
    assert [item["text"] for item in items] == ["Hej 😀", "sure?", "which?", "see"]
    assert items[1]["request"]["context"] == {"message_id": first.id}


async def test_templates_places_cards_and_reactions(at: Desk, channel: str, wa: WhatsApp) -> None:
    sent = await asyncio.to_thread(
        wa.send_template, THEIRS, "order_ready", TemplateLanguage.ENGLISH_US, [BodyText.params("Ana")]
    )
    assert sent.status is not None
    await asyncio.to_thread(wa.send_location, THEIRS, 9.0, 38.7, "Shop")
    await asyncio.to_thread(
        wa.send_contact,
        THEIRS,
        types.Contact(name=types.Contact.Name(formatted_name="Zoe", first_name="Zoe")),
    )
    await asyncio.to_thread(wa.send_reaction, THEIRS, "👍", sent.id)
    await asyncio.to_thread(wa.remove_reaction, THEIRS, sent.id)
    await asyncio.to_thread(wa.request_location, THEIRS, "where are you?")
    assert [item["text"] for item in await at.sent(channel)] == [
        "[template order_ready]", "9.0, 38.7", "Zoe", "👍", "", "where are you?",
    ]  # fmt: skip


async def test_files_go_up_and_come_down(at: Desk, channel: str, wa: WhatsApp) -> None:
    media = await asyncio.to_thread(
        wa.upload_media, b"%PDF bytes", mime_type="application/pdf", filename="a.pdf"
    )
    found = await asyncio.to_thread(wa.get_media_url, media.id)
    assert (found.mime_type, found.file_size) == ("application/pdf", 10)
    assert await asyncio.to_thread(found.get_bytes) == b"%PDF bytes"
    await asyncio.to_thread(wa.send_document, THEIRS, media.id, filename="a.pdf", caption="look")
    await asyncio.to_thread(wa.send_image, THEIRS, "https://desk.example/a.png", caption="by its address")
    assert [item["text"] for item in await at.sent(channel)] == ["look", "by its address"]
    assert await asyncio.to_thread(wa.delete_media, media.id)
    assert (await refused(wa.get_media_url, media.id)).code == 100


async def test_reading_and_typing_are_no_messages(at: Desk, channel: str, wa: WhatsApp) -> None:
    await at.play(channel, "whatsapp", text="hello")
    message = types.Message.from_update(wa, await call(at))
    assert await asyncio.to_thread(wa.mark_message_as_read, message.id)
    assert await asyncio.to_thread(wa.indicate_typing, message.id)
    assert await at.sent(channel) == []
    number = await asyncio.to_thread(wa.get_business_phone_number)
    assert number.id == OURS


async def test_what_customers_do_is_read(at: Desk, channel: str, wa: WhatsApp) -> None:
    sent = await asyncio.to_thread(wa.send_message, THEIRS, "sure?")
    paper = {"name": "ü.pdf", "content_type": "application/pdf", "data": "JVBERg=="}
    for said in (
        {"text": "yes ä", "name": "Sara", "reply_to": sent.id},
        {"attachments": [paper], "text": "see"},
        {"press": {"data": "y", "title": "Yes"}, "reply_to": sent.id},
        {"react": "👍", "reply_to": sent.id},
        {"react": "", "reply_to": sent.id},
    ):
        await at.play(channel, "whatsapp", **said)
    text = types.Message.from_update(wa, await call(at))
    assert (text.text, text.from_user.name, text.from_user.wa_id) == ("yes ä", "Sara", THEIRS)
    assert text.from_user.bsuid.startswith("ET.") and text.reply_to_message is not None
    assert text.reply_to_message.id == sent.id
    file = types.Message.from_update(wa, await call(at))
    assert file.document is not None and (file.document.filename, file.caption) == ("ü.pdf", "see")
    assert await asyncio.to_thread(file.document.get_bytes) == b"%PDF"
    pressed = types.CallbackButton.from_update(wa, await call(at))
    assert (pressed.data, pressed.title) == ("y", "Yes")
    reacted = types.Message.from_update(wa, await call(at))
    assert reacted.reaction is not None and (reacted.reaction.emoji, reacted.reaction.message_id) == (
        "👍",
        sent.id,
    )
    undone = types.Message.from_update(wa, await call(at))
    assert undone.reaction is not None and not undone.reaction.emoji


async def test_receipts_are_read(at: Desk, channel: str, wa: WhatsApp) -> None:
    sent = await asyncio.to_thread(wa.send_message, THEIRS, "x", tracker="mine")
    for status in ("sent", "delivered", "read", "failed"):
        await at.control("POST", f"/{channel}/receipts", {"provider_id": sent.id, "status": status})
        found = types.MessageStatus.from_update(wa, await call(at))
        assert (found.id, found.status, found.tracker) == (sent.id, status, "mine")
        assert found.from_user.wa_id == THEIRS
    assert isinstance(found.error, MessageUndeliverable)


async def test_an_edit_is_read(at: Desk, channel: str, wa: WhatsApp) -> None:
    await at.play(channel, "whatsapp", text="helo")
    first = types.Message.from_update(wa, await call(at))
    await at.play(channel, "whatsapp", text="hello", edit=first.id)
    edited = types.EditedMessage.from_update(wa, await call(at))
    assert (edited.original_message_id, edited.message.text) == (first.id, "hello")


async def test_a_number_that_whatsapp_knows_otherwise(at: Desk, channel: str, wa: WhatsApp) -> None:
    await at.control("PUT", f"/{channel}/numbers", {"+5511987654321": "551187654321"})
    sent = await asyncio.to_thread(wa.send_message, "5511987654321", "Oi")
    assert sent.chat.id == "551187654321"
    await at.play(channel, "whatsapp", text="oi", **{"from": "+5511987654321"})
    assert types.Message.from_update(wa, await call(at)).from_user.wa_id == "551187654321"


async def test_errors_are_the_providers_own(at: Desk, channel: str, wa: WhatsApp) -> None:
    assert (await refused(wa.send_message, THEIRS, "x" * 4097)).code == 100
    for kind, error in (("429", RateLimitHit), ("refuse", MessageUndeliverable)):
        await at.control("PUT", f"/{channel}/faults", {"kind": kind})
        assert isinstance(await refused(wa.send_message, THEIRS, "x"), error)
    stranger = client(at, "none")
    assert isinstance(await refused(stranger.send_message, THEIRS, "x"), ExpiredAccessToken)
    stranger.api._session.close()

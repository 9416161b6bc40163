"""python-telegram-bot, on the double."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from desk import CREDENTIALS, Desk
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, InputMediaPhoto, ReplyParameters, Update
from telegram.error import BadRequest, Conflict, Forbidden, InvalidToken, RetryAfter
from telegram.request import HTTPXRequest

TOKEN = CREDENTIALS["telegram"]["bot_token"]


@pytest.fixture
async def bot(at: Desk) -> AsyncIterator[Bot]:
    made = Bot(
        TOKEN, base_url=f"{at.double}/bot", base_file_url=f"{at.double}/file/bot", request=HTTPXRequest()
    )
    async with made:
        yield made


@pytest.fixture
async def channel(at: Desk) -> str:
    return await at.register("telegram")


async def update(at: Desk, bot: Bot) -> Update:
    _, call = await at.calls.get()
    found = Update.de_json(json.loads(call.body), bot)
    assert found is not None
    return found


async def test_who_the_bot_is(at: Desk, channel: str, bot: Bot) -> None:
    me = await bot.get_me()
    assert (me.id, me.is_bot) == (int(TOKEN.partition(":")[0]), True)


async def test_texts_answers_and_buttons(at: Desk, channel: str, bot: Bot) -> None:
    first = await bot.send_message(4242, "Hej 😀")
    keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("Yes", callback_data="y")]])
    again = await bot.send_message(
        4242, "sure?", reply_parameters=ReplyParameters(first.message_id), reply_markup=keyboard
    )
    assert (first.text, first.chat.id, again.reply_markup) == ("Hej 😀", 4242, keyboard)
    assert again.reply_to_message is not None and again.reply_to_message.message_id == first.message_id
    assert [item["text"] for item in await at.sent(channel)] == ["Hej 😀", "sure?"]


async def test_files_go_up_and_come_down(at: Desk, channel: str, bot: Bot) -> None:
    sent = await bot.send_document(4242, b"%PDF bytes", filename="a.pdf", caption="look")
    assert sent.document is not None and (sent.document.file_name, sent.caption) == ("a.pdf", "look")
    file = await bot.get_file(sent.document.file_id)
    assert bytes(await file.download_as_bytearray()) == b"%PDF bytes"
    again = await bot.send_document(4242, sent.document.file_id)
    assert again.document is not None and again.document.file_id == sent.document.file_id
    photo = await bot.send_photo(4242, "https://desk.example/a.jpg", caption="by its address")
    assert photo.photo and photo.caption == "by its address"
    media = [InputMediaPhoto(b"\x89PNG1", caption="two"), InputMediaPhoto("https://desk.example/b.png")]
    album = await bot.send_media_group(4242, media)
    assert len(album) == 2 and len({one.media_group_id for one in album}) == 1
    assert len(await at.sent(channel)) == 5


async def test_a_message_is_changed_and_taken_back(at: Desk, channel: str, bot: Bot) -> None:
    sent = await bot.send_message(4242, "helo")
    changed = await bot.edit_message_text("hello", 4242, sent.message_id)
    assert not isinstance(changed, bool) and changed.text == "hello" and changed.edit_date
    with pytest.raises(BadRequest, match="not modified"):
        await bot.edit_message_text("hello", 4242, sent.message_id)
    assert await bot.delete_message(4242, sent.message_id)
    with pytest.raises(BadRequest, match="not found"):
        await bot.delete_message(4242, sent.message_id)


async def test_small_methods(at: Desk, channel: str, bot: Bot) -> None:
    assert await bot.send_chat_action(4242, "typing")
    assert await bot.set_message_reaction(4242, 1, "👍")
    assert (await bot.send_location(4242, 55.6, 13.0)).location
    assert (await bot.send_contact(4242, "+4670", "Ida")).contact
    assert (await bot.send_dice(4242)).dice


async def test_webhooks_are_set_and_deleted_and_updates_polled(at: Desk, channel: str, bot: Bot) -> None:
    with pytest.raises(Conflict):
        await bot.get_updates()
    assert await bot.delete_webhook()
    assert (await bot.get_webhook_info()).url == ""
    await at.control("POST", f"/{channel}/messages", {"from": "7", "text": "polled"})
    (found,) = await bot.get_updates(timeout=1)
    assert found.message is not None and found.message.text == "polled"
    assert await bot.get_updates(offset=found.update_id + 1) == ()
    assert await bot.set_webhook(f"{at.receiver}/telegram", secret_token="another-secret")
    info = await bot.get_webhook_info()
    assert (info.url, info.pending_update_count) == (f"{at.receiver}/telegram", 0)
    await at.control("POST", f"/{channel}/messages", {"from": "7", "text": "called"})
    _, call = await at.calls.get()
    assert call.headers["x-telegram-bot-api-secret-token"] == "another-secret"


async def test_what_customers_do_is_read(at: Desk, channel: str, bot: Bot) -> None:
    sent = await bot.send_message(4242, "sure?")
    named = f"4242:{sent.message_id}"
    picture = {"name": "a.png", "content_type": "image/png", "data": "iVBORw=="}
    for said in (
        {"text": "yes", "reply_to": named},
        {"attachments": [picture], "text": "see"},
        {"press": {"data": "y", "title": "Yes"}, "reply_to": named},
        {"react": "👍", "reply_to": named},
    ):
        await at.play(channel, "telegram", **said)
    answer, photo, pressed, reacted = [await update(at, bot) for _ in range(4)]
    assert answer.message is not None and answer.message.text == "yes"
    assert answer.message.reply_to_message is not None
    assert photo.message is not None and photo.message.photo and photo.message.caption == "see"
    file = await bot.get_file(photo.message.photo[-1].file_id)
    assert bytes(await file.download_as_bytearray()) == b"\x89PNG"
    assert pressed.callback_query is not None and pressed.callback_query.data == "y"
    assert await bot.answer_callback_query(pressed.callback_query.id)
    assert reacted.message_reaction is not None
    assert reacted.message_reaction.new_reaction[0].to_dict() == {"type": "emoji", "emoji": "👍"}


async def test_errors_are_the_providers_own(at: Desk, channel: str, bot: Bot) -> None:
    with pytest.raises(BadRequest, match=r"(?i)message is too long"):
        await bot.send_message(4242, "x" * 4097)
    await at.control("PUT", f"/{channel}/faults", {"kind": "429", "retry_after": 3})
    with pytest.raises(RetryAfter) as slow:
        await bot.send_message(4242, "x")
    assert slow.value.retry_after == timedelta(seconds=3)
    await at.control("PUT", f"/{channel}/faults", {"kind": "refuse"})
    with pytest.raises(Forbidden):
        await bot.send_message(4242, "x")
    stranger = Bot("1:none", base_url=f"{at.double}/bot")
    with pytest.raises(InvalidToken):
        await stranger.initialize()
    await stranger.shutdown()

"""aiogram, on the double."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiogram import Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import TelegramBadRequest, TelegramConflictError, TelegramRetryAfter
from aiogram.types import (
    BufferedInputFile,
    CallbackQuery,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaPhoto,
    Message,
    MessageReactionUpdated,
    ReplyParameters,
    Update,
)
from desk import CREDENTIALS, Desk

TOKEN = CREDENTIALS["telegram"]["bot_token"]


@pytest.fixture
async def bot(at: Desk) -> AsyncIterator[Bot]:
    made = Bot(TOKEN, session=AiohttpSession(api=TelegramAPIServer.from_base(at.double)))
    yield made
    await made.session.close()


@pytest.fixture
async def channel(at: Desk) -> str:
    return await at.register("telegram")


async def test_texts_answers_and_buttons(at: Desk, channel: str, bot: Bot) -> None:
    assert (await bot.me()).is_bot
    first = await bot.send_message(4242, "Hej 😀")
    keyboard = InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(text="Yes", callback_data="y")]])
    again = await bot.send_message(
        4242, "sure?", reply_parameters=ReplyParameters(message_id=first.message_id), reply_markup=keyboard
    )
    assert (first.text, again.text) == ("Hej 😀", "sure?")
    assert again.reply_markup is not None and again.reply_markup.inline_keyboard[0][0].callback_data == "y"
    assert again.reply_to_message is not None and again.reply_to_message.message_id == first.message_id
    assert [item["text"] for item in await at.sent(channel)] == ["Hej 😀", "sure?"]


async def test_files_go_up_and_come_down(at: Desk, channel: str, bot: Bot) -> None:
    sent = await bot.send_document(4242, BufferedInputFile(b"%PDF\r\nbytes", "a.pdf"), caption="look")
    assert sent.document is not None and (sent.document.file_name, sent.caption) == ("a.pdf", "look")
    stream = await bot.download(sent.document)
    assert stream is not None and stream.read() == b"%PDF\r\nbytes"
    album = await bot.send_media_group(
        4242,
        [
            InputMediaPhoto(media=BufferedInputFile(b"\x89PNG", "a.png"), caption="two"),
            InputMediaPhoto(media="https://desk.example/b.png"),
        ],
    )
    assert [bool(one.photo) for one in album] == [True, True]
    for send in (bot.send_audio, bot.send_voice, bot.send_video, bot.send_animation, bot.send_sticker):
        assert (await send(4242, BufferedInputFile(b"bytes", "a.bin"))).message_id
    assert (await bot.send_location(4242, latitude=55.6, longitude=13.0)).location
    assert (await bot.send_venue(4242, latitude=1, longitude=2, title="Shop", address="Street")).venue


async def test_a_message_is_changed_and_taken_back(at: Desk, channel: str, bot: Bot) -> None:
    sent = await bot.send_message(4242, "helo")
    changed = await bot.edit_message_text("hello", chat_id=4242, message_id=sent.message_id)
    assert isinstance(changed, Message) and changed.text == "hello"
    assert await bot.delete_message(4242, sent.message_id)
    with pytest.raises(TelegramBadRequest, match="not found"):
        await bot.delete_message(4242, sent.message_id)


async def test_a_dispatcher_gets_what_customers_do(at: Desk, channel: str, bot: Bot) -> None:
    """By webhook first, then by polling, as programs of aiogram's do."""
    seen: list[str] = []
    dispatcher = Dispatcher()

    @dispatcher.message()
    async def message(found: Message) -> None:
        seen.append(found.text or "file")

    @dispatcher.edited_message()
    async def edited(found: Message) -> None:
        seen.append(f"edited {found.text}")

    @dispatcher.callback_query()
    async def pressed(found: CallbackQuery) -> None:
        seen.append(f"pressed {found.data}")

    @dispatcher.message_reaction()
    async def reacted(found: MessageReactionUpdated) -> None:
        seen.append(f"reacted {found.new_reaction[0].emoji}")  # type: ignore[union-attr]

    named = f"4242:{(await bot.send_message(4242, 'sure?')).message_id}"
    for said in (
        {"text": "yes", "reply_to": named},
        {"text": "no", "edit": named},
        {"press": {"data": "y"}, "reply_to": named},
        {"react": "👍", "reply_to": named},
        {"attachments": [{"name": "a.pdf", "content_type": "application/pdf", "data": "JVBERg=="}]},
    ):
        await at.play(channel, "telegram", **said)
        _, call = await at.calls.get()
        await dispatcher.feed_update(bot, Update.model_validate_json(call.body))
    assert seen == ["yes", "edited no", "pressed y", "reacted 👍", "file"]
    with pytest.raises(TelegramConflictError):
        await bot.get_updates()
    assert await bot.delete_webhook(drop_pending_updates=True)
    await at.control("POST", f"/{channel}/messages", {"from": "7", "text": "polled"})
    for update in await bot.get_updates(timeout=1, allowed_updates=["message"]):
        await dispatcher.feed_update(bot, update)
    assert seen[-1] == "polled"
    assert await bot.set_webhook(f"{at.receiver}/telegram", secret_token="s")
    assert (await bot.get_webhook_info()).url == f"{at.receiver}/telegram"


async def test_errors_are_the_providers_own(at: Desk, channel: str, bot: Bot) -> None:
    with pytest.raises(TelegramBadRequest, match="message text is empty"):
        await bot.send_message(4242, " ")
    await at.control("PUT", f"/{channel}/faults", {"kind": "429", "retry_after": 3})
    with pytest.raises(TelegramRetryAfter) as slow:
        await bot.send_message(4242, "x")
    assert slow.value.retry_after == 3

"""Twilio's own library, on the double."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qsl

import pytest
from desk import CREDENTIALS, Desk
from twilio.base.exceptions import TwilioRestException
from twilio.request_validator import RequestValidator
from twilio.rest import Client

ACCOUNT, TOKEN = CREDENTIALS["sms"]["account_sid"], CREDENTIALS["sms"]["auth_token"]
FROM, TO = CREDENTIALS["sms"]["from_number"], "+14155550101"


@pytest.fixture
def client(at: Desk) -> Client:
    made = Client(ACCOUNT, TOKEN)
    made.api.base_url = at.double
    return made


@pytest.fixture
async def channel(at: Desk) -> str:
    return await at.register("sms")


async def test_a_message_is_sent_followed_and_found(at: Desk, channel: str, client: Client) -> None:
    callback = f"{at.receiver}/sms"
    sent = await asyncio.to_thread(
        client.messages.create, to=TO, from_=FROM, body="Hej 😀", status_callback=callback,
        media_url=["https://desk.example/a.png", "https://desk.example/b.png"],
    )  # fmt: skip
    assert (sent.status, sent.body, sent.num_media, sent.from_) == ("queued", "Hej 😀", "2", FROM)
    await at.control("POST", f"/{channel}/receipts", {"provider_id": sent.sid, "status": "delivered"})
    _, call = await at.calls.get()
    fields = dict(parse_qsl(call.body.decode()))
    signature = call.headers["x-twilio-signature"]
    assert RequestValidator(TOKEN).validate(callback, fields, signature)
    assert fields["MessageStatus"] == "delivered"
    found = await asyncio.to_thread(client.messages(sent.sid).fetch)
    assert (found.status, found.date_sent is not None) == ("delivered", True)


async def test_messages_are_listed_in_pages(at: Desk, channel: str, client: Client) -> None:
    for n in range(5):
        await asyncio.to_thread(client.messages.create, to=TO, from_=FROM, body=str(n))
    await asyncio.to_thread(client.messages.create, to="+14155550999", from_=FROM, body="other")
    listed = await asyncio.to_thread(client.messages.list, to=TO, page_size=2)
    assert sorted(message.body for message in listed) == list("01234")
    assert len(await asyncio.to_thread(client.messages.list, limit=3)) == 3


async def test_a_message_is_emptied_and_deleted(at: Desk, channel: str, client: Client) -> None:
    sent = await asyncio.to_thread(client.messages.create, to=TO, from_=FROM, body="secret")
    assert (await asyncio.to_thread(client.messages(sent.sid).update, body="")).body == ""
    assert await asyncio.to_thread(client.messages(sent.sid).delete)
    with pytest.raises(TwilioRestException) as gone:
        await asyncio.to_thread(client.messages(sent.sid).fetch)
    assert (gone.value.status, gone.value.code) == (404, 20404)


async def test_its_webhooks_are_valid(at: Desk, channel: str, client: Client) -> None:
    picture = {"name": "a.png", "content_type": "image/png", "data": "iVBORw=="}
    await at.play(channel, "sms", text="hej ä", attachments=[picture])
    _, call = await at.calls.get()
    fields = dict(parse_qsl(call.body.decode(), keep_blank_values=True))
    assert RequestValidator(TOKEN).validate(call.url, fields, call.headers["x-twilio-signature"])
    assert not RequestValidator("other").validate(call.url, fields, call.headers["x-twilio-signature"])
    assert (fields["Body"], fields["NumMedia"]) == ("hej ä", "1")


async def test_errors_are_the_providers_own(at: Desk, channel: str, client: Client) -> None:
    with pytest.raises(TwilioRestException) as wrong:
        await asyncio.to_thread(client.messages.create, to="12", from_=FROM, body="x")
    assert (wrong.value.status, wrong.value.code) == (400, 21211)
    await at.control("PUT", f"/{channel}/faults", {"kind": "429"})
    with pytest.raises(TwilioRestException) as slow:
        await asyncio.to_thread(client.messages.create, to=TO, from_=FROM, body="x")
    assert (slow.value.status, slow.value.code) == (429, 20429)
    stranger = Client(ACCOUNT, "wrong")
    stranger.api.base_url = at.double
    with pytest.raises(TwilioRestException) as unknown:
        await asyncio.to_thread(stranger.messages.create, to=TO, from_=FROM, body="x")
    assert (unknown.value.status, unknown.value.code) == (401, 20003)

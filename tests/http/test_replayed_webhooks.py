"""What providers call, replayed twice, in any order, over two gateways, at once: the same conversations.

What the order may decide, and is left out of the comparison:

- the order of messages within a conversation, and what follows from it (`seq`, the preview, and, where the business wrote in its own
  app, how many messages it had not read by then);
- whether an answer or a reaction names its message, which is known only if that came first;
- the content type of a message that was taken back: of one taken back before it came, nobody knows it.

A mail that answers another under another subject, and a message from a number that a customer has changed to, belong to their conversations
only if what they refer to came first; nothing in them says so otherwise.
"""

from __future__ import annotations

import asyncio
import copy
import os
import random
from collections.abc import AsyncIterator
from typing import Any, Final

import asyncpg
import pytest
from provider_calls import mail, telegram_message, whatsapp_said, whatsapp_value
from webhook_rig import Rig

from tertulia.core.accounts.records import Channel
from tertulia.storage.postgres.database import Database

SEEDS: Final = range(int(os.environ.get("REPLAYS", "3")))
TIME: Final = 1_760_000_000


@pytest.fixture
async def rig(database: Database, owner: asyncpg.Connection) -> AsyncIterator[Rig]:
    made = Rig(database, owner)
    await made.start()
    yield made
    await made.stop()


def telegram() -> list[Any]:
    chat = {"id": 41, "type": "private"}
    reaction = {"chat": chat, "message_id": 1, "user": chat, "date": TIME + 9, "old_reaction": [], "new_reaction": [{"type": "emoji", "emoji": "👍"}]}  # fmt: skip
    pressed = {
        "id": "q1",
        "from": chat,
        "message": {"message_id": 2, "date": TIME, "chat": chat},
        "data": "yes",
    }
    return [
        *(telegram_message(41, n, f"message {n}") for n in range(1, 6)),
        *(telegram_message(42, n, f"message {n} of another") for n in range(1, 4)),
        telegram_message(41, 3, "message three", edited=TIME + 20),
        telegram_message(41, 3, "message III", edited=TIME + 30),
        telegram_message(41, 6, "see", reply_to_message={"message_id": 1, "date": TIME, "chat": chat}),
        telegram_message(41, 7, "seen", photo=[{"file_id": "f", "file_unique_id": "u", "width": 1, "height": 1}]),
        {"update_id": 90, "message_reaction": reaction},
        {"update_id": 91, "callback_query": pressed},
    ]  # fmt: skip


def whatsapp() -> list[Any]:
    person = {"wa_id": "447700900011", "user_id": "GB.11", "profile": {"name": "Ana"}}

    def said(n: int, **more: Any) -> dict[str, Any]:
        return {**whatsapp_said(f"wamid.{n}", f"message {n}", phone="447700900011"), **more}

    def edit(n: int, of: int, text: str) -> dict[str, Any]:
        changed = {"original_message_id": f"wamid.{of}", "message": {"type": "text", "text": {"body": text}}}
        return said(n, type="edit", edit=changed, timestamp=str(TIME + n))

    echo = {**whatsapp_said("wamid.70", "from the shop"), "from": "15550783881", "to": "447700900011"}
    echoes = whatsapp_value(message_echoes=[echo])
    echoes["entry"][0]["changes"][0]["field"] = "smb_message_echoes"
    return [
        *(whatsapp_value(messages=[said(n)], contacts=[person]) for n in range(1, 5)),
        whatsapp_value(messages=[said(5), said(6)], contacts=[person]),
        whatsapp_value(messages=[whatsapp_said("wamid.20", "who am I", user="GB.11")], contacts=[person]),
        whatsapp_value(messages=[whatsapp_said("wamid.30", "somebody else", phone="447700900012")]),
        whatsapp_value(messages=[said(7, context={"id": "wamid.1"})], contacts=[person]),
        whatsapp_value(messages=[said(8, type="reaction", reaction={"message_id": "wamid.2", "emoji": "👍"})], contacts=[person]),
        whatsapp_value(messages=[edit(41, 2, "message two")], contacts=[person]),
        whatsapp_value(messages=[edit(42, 2, "message II")], contacts=[person]),
        whatsapp_value(messages=[said(43, type="revoke", revoke={"original_message_id": "wamid.3"}, timestamp=str(TIME + 43))], contacts=[person]),
        echoes,
    ]  # fmt: skip


def messenger() -> list[Any]:
    def event(**what: Any) -> dict[str, Any]:
        one = {"sender": {"id": "51"}, "recipient": {"id": "1"}, "timestamp": TIME * 1000, **what}
        return {"object": "page", "entry": [{"id": "1", "time": 1, "messaging": [one]}]}

    back = {"sender": {"id": "1"}, "recipient": {"id": "51"}}
    return [
        *(event(message={"mid": f"m{n}", "text": f"message {n}"}) for n in range(1, 6)),
        event(message={"mid": "n1", "text": "another"}, sender={"id": "52"}),
        event(message={"mid": "m6", "text": "yes", "reply_to": {"mid": "m1"}}),
        event(message={"mid": "m7", "attachments": [{"type": "image", "payload": {"url": "https://a"}}]}),
        event(message_edit={"mid": "m2", "text": "message II", "num_edit": 1}, timestamp=TIME * 1000 + 9),
        event(message={"mid": "m3", "is_deleted": True}, timestamp=TIME * 1000 + 9),
        event(reaction={"mid": "m1", "action": "react", "emoji": "👍"}),
        event(postback={"mid": "p1", "title": "Start", "payload": "s"}),
        event(message={"mid": "e1", "text": "from the page", "is_echo": True}, **back),
    ]  # fmt: skip


def sms() -> list[Any]:
    def said(n: int, sender: str = "+447700900021", **more: str) -> dict[str, str]:
        return {
            "MessageSid": f"SM{n}",
            "From": sender,
            "To": "+14155238886",
            "Body": f"message {n}",
            "NumMedia": "0",
            **more,
        }

    return [
        *(said(n) for n in range(1, 8)),
        *(said(n, "+447700900022") for n in range(20, 24)),
        said(8, NumMedia="1", MediaUrl0="https://a", MediaContentType0="image/png"),
        said(9, OriginalRepliedMessageSid="SM1"),
    ]  # fmt: skip


def email() -> list[Any]:
    one, two = "ana@mail.example", "bo@mail.example"
    return [
        *(mail(f"a{n}@x", one, "Lamp", f"message {n}") for n in range(1, 5)),
        mail("a5@x", one, "Re: Lamp", "an answer", In_Reply_To="<a1@x>"),
        mail("b1@x", one, "Chair", "about a chair"),
        *(mail(f"c{n}@x", two, "Lamp", f"of another {n}") for n in range(1, 4)),
        mail("d1@x", two, "AW: Lamp", "away", Auto_Submitted="auto-replied"),
        mail("a1@x", two, "Scan", "the same Message-ID"),
    ]  # fmt: skip


SUITES: Final = {
    "telegram": telegram,
    "whatsapp": whatsapp,
    "messenger": messenger,
    "sms": sms,
    "email": email,
}


async def state(rig: Rig, channel: Channel) -> dict[Any, Any]:
    """The conversations by customer and topic: what was said in them, by whom and with what, in no order."""
    found: dict[Any, list[Any]] = {}
    conversations: dict[Any, set[str]] = {}
    for message in await rig.messages(channel):
        key = message["contact_identifier"], message["topic"]
        conversations.setdefault(key, set()).add(message["conversation"])
        deleted = message["content"] == "[message deleted]"
        said = (message["external_id"], message["sender_type"], message["content"])
        how = ("" if deleted else message["content_type"], len(message.get("attachments", ())))
        found.setdefault(key, []).append((*said, *how, message["contact_name"], message["unread"]))
    assert all(len(ids) == 1 for ids in conversations.values()), conversations
    return {key: sorted(_read(said)) for key, said in found.items()}


def _read(said: list[Any]) -> list[Any]:
    """Without the number of unread messages where the business wrote, too."""
    return [one[:-1] for one in said] if any(sender == "agent" for _, sender, *_ in said) else said


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("type", SUITES)
async def test_any_order_makes_the_same_conversations(rig: Rig, type: str, seed: int) -> None:
    calls = SUITES[type]()
    plain = await rig.channel(type, account=await rig.second_account())
    for payload in calls:
        assert (await rig.call(plain, payload)).status_code == 200
    right = await state(rig, plain)
    assert len(right) >= 2

    shuffled = await rig.channel(type, account=await rig.second_account())
    rng = random.Random(seed)
    twice = [copy.deepcopy(payload) for payload in calls for _ in range(2)]
    rng.shuffle(twice)
    width = rng.choice([1, 3, len(twice)])  # one after the other, a few at once, all at once
    places = asyncio.Semaphore(width)

    async def call(payload: Any) -> int:
        async with places:
            return (await rig.call(shuffled, payload, gateway=rng.randrange(2))).status_code

    assert set(await asyncio.gather(*(call(payload) for payload in twice))) == {200}
    found = await state(rig, shuffled)
    differ = {
        key: set(found.get(key, ())) ^ set(right.get(key, ()))
        for key in found.keys() | right.keys()
        if found.get(key) != right.get(key)
    }
    assert differ == {}

"""Providers' calls, from their signature to what is stored, over two gateways and real Postgres."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple
from urllib.parse import urlencode

import asyncpg
import httpx
import pytest
from provider_calls import CREDENTIALS, mail, path, signed, telegram_message, whatsapp_said, whatsapp_value
from structlog.testing import capture_logs
from webhook_rig import Rig

from tertulia.core.accounts.records import Channel
from tertulia.core.conversation.commands import Refused
from tertulia.http.routes.providers.webhooks import WebhookDeadlines
from tertulia.storage.postgres.database import Database

MakeRig = Callable[..., Awaitable[Rig]]


@pytest.fixture
async def make_rig(database: Database, owner: asyncpg.Connection) -> AsyncIterator[MakeRig]:
    made: list[Rig] = []

    async def make(**settings: Any) -> Rig:
        rig = Rig(database, owner, **settings)
        made.append(rig)
        await rig.start()
        return rig

    yield make
    for rig in made:
        await rig.stop()


@pytest.fixture
async def rig(make_rig: MakeRig) -> Rig:
    return await make_rig()


SAID: dict[str, Any] = {
    "whatsapp": whatsapp_value(messages=[whatsapp_said("wamid.1", "hi", phone="16505551234")]),
    "messenger": {
        "object": "page",
        "entry": [
            {
                "id": "1",
                "time": 1,
                "messaging": [
                    {
                        "sender": {"id": "77"},
                        "recipient": {"id": "1"},
                        "timestamp": 1_760_000_000_000,
                        "message": {"mid": "m_1", "text": "hi"},
                    }
                ],
            }
        ],
    },
    "telegram": telegram_message(77, 1, "hi"),
    "sms": {
        "MessageSid": "SM1",
        "From": "+4917012345678",
        "To": "+14155238886",
        "Body": "hi",
        "NumMedia": "0",
    },
    "email": mail("1@example.com", "ana@example.com", "Order", "hi"),
}


def refused(answer: httpx.Response, status: int, code: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json" and answer.json()["code"] == code


# --- who gets in


@pytest.mark.parametrize("type", list(SAID))
async def test_a_good_call_is_stored_before_it_is_acknowledged(rig: Rig, type: str) -> None:
    channel = await rig.channel(type)
    answer = await rig.call(channel, SAID[type])
    assert answer.status_code == 200, answer.text
    assert answer.content == (b"<Response/>" if type == "sms" else b"")
    (message,) = await rig.messages(channel)
    assert (message["content"], message["direction"], message["sender_type"]) == ("hi", "inbound", "contact")
    assert message["external_id"] and message["sender_id"] == message["contact_identifier"]
    assert message["subject"] == ("Order" if type == "email" else None)


PROOF = {
    "whatsapp": "X-Hub-Signature-256",
    "messenger": "X-Hub-Signature-256",
    "telegram": "X-Telegram-Bot-Api-Secret-Token",
    "sms": "X-Twilio-Signature",
    "email": "Authorization",
}


class Forgery(NamedTuple):
    """A call that proves nothing: what is posted, where (`query` behind the path), with which headers."""

    body: bytes
    headers: dict[str, str]
    query: str = ""


def _flipped(value: str) -> str:
    """Another value: not in the last characters, of which base64 may not use every bit."""
    return value[:-8] + ("A" if value[-8] != "A" else "B") + value[-7:]


async def forgeries(rig: Rig, channel: Channel) -> dict[str, Forgery]:
    """Every way to fail that a type has, by name."""
    type, name, secrets = channel.type, PROOF[channel.type], rig.secrets(channel)
    neighbour = await rig.channel(type)
    foreigner = await rig.channel(type, account=await rig.second_account())
    body, good = signed(channel, secrets, SAID[type])
    without = {k: v for k, v in good.items() if k != name}
    found = {
        "missing": Forgery(body, without),
        "empty": Forgery(body, good | {name: ""}),
        "flipped": Forgery(body, good | {name: _flipped(good[name])}),
        "cut": Forgery(body, good | {name: good[name][:-1]}),
        "longer": Forgery(body, good | {name: good[name] + "0"}),
        "another channel's": Forgery(
            body, good | {name: signed(neighbour, rig.secrets(neighbour), SAID[type])[1][name]}
        ),
        "another account's": Forgery(
            body, good | {name: signed(foreigner, rig.secrets(foreigner), SAID[type])[1][name]}
        ),
    }
    if type in ("whatsapp", "messenger"):
        secret = secrets["app_secret"].encode()
        sha1 = {"X-Hub-Signature": "sha1=" + hmac.new(secret, body, hashlib.sha1).hexdigest()}
        found |= {
            "SHA-1 only": Forgery(body, without | sha1),
            "SHA-1 in its place": Forgery(body, without | {name: sha1["X-Hub-Signature"]}),
            "no scheme": Forgery(body, good | {name: good[name].removeprefix("sha256=")}),
            "serialised anew": Forgery(json.dumps(json.loads(body), indent=1).encode(), good),
            "a blank more": Forgery(body + b" ", good),
            "of no body": Forgery(
                body, good | {name: "sha256=" + hmac.new(secret, b"", hashlib.sha256).hexdigest()}
            ),
        }
    if type == "sms":
        fields = urlencode({**SAID[type], "Body": "other"}).encode()
        found |= {
            "another query": Forgery(body, good, "?a=b"),
            "another text": Forgery(fields, good),
            "a field more": Forgery(body + b"&Extra=1", good),
            "as JSON": Forgery(json.dumps(SAID[type]).encode(), good | {"Content-Type": "application/json"}),
        }
    if type == "email":
        pair = f"{secrets['webhook_user']}:".encode()
        found["no password"] = Forgery(body, good | {name: "Basic " + base64.b64encode(pair).decode()})
        found["no base64"] = Forgery(body, good | {name: "Basic %%%"})
        found["a bearer"] = Forgery(body, good | {name: good[name].replace("Basic", "Bearer")})
    return found


@pytest.mark.parametrize("type", list(SAID))
async def test_what_proves_nothing_is_401(rig: Rig, type: str) -> None:
    channel = await rig.channel(type)
    for name, forgery in (await forgeries(rig, channel)).items():
        answer = await rig.clients[0].post(
            path(channel) + forgery.query, content=forgery.body, headers=forgery.headers
        )
        assert answer.status_code == 401, (name, answer.text)
        refused(answer, 401, "unauthenticated")
        assert answer.json()["detail"] == "webhook signature verification failed", name
    assert await rig.messages(channel) == []
    assert (await rig.call(channel, SAID[type])).status_code == 200
    assert len(await rig.messages(channel)) == 1


@pytest.mark.parametrize("type", list(SAID))
async def test_a_channel_without_its_secret_takes_no_call(rig: Rig, type: str) -> None:
    """Nothing proves anything there, an empty proof least of all."""
    channel = await rig.channel(type)
    sealed = rig.vault.seal(rig.account, channel.id, {"unused": "x"})
    await rig.owner.execute("UPDATE channels SET credentials = $1 WHERE id = $2", sealed, channel.id)
    body, headers = signed(channel, dict.fromkeys(CREDENTIALS[type], ""), SAID[type])
    for proof in (headers, {k: v for k, v in headers.items() if k != PROOF[type]}):
        refused(await rig.clients[0].post(path(channel), content=body, headers=proof), 401, "unauthenticated")


async def test_the_url_is_signed_exactly_as_it_was_received(rig: Rig) -> None:
    channel = await rig.channel("sms")
    query = "?z=%C3%A9%2F+1&a=%7e&a="
    text = f"https://desk.example{path(channel)}{query}" + "".join(
        k + SAID["sms"][k] for k in sorted(SAID["sms"])
    )
    key = rig.secrets(channel)["auth_token"].encode()
    proof = base64.b64encode(hmac.new(key, text.encode(), hashlib.sha1).digest()).decode()
    url = str(rig.clients[0].base_url).rstrip("/") + path(channel) + query
    answer = await rig.clients[0].post(url, data=SAID["sms"], headers={"X-Twilio-Signature": proof})
    assert answer.status_code == 200, answer.text


async def test_only_an_active_channel_of_the_type_is_there(rig: Rig) -> None:
    telegram, off = await rig.channel("telegram"), await rig.channel("telegram", is_active=False)
    _, good = signed(telegram, rig.secrets(telegram), SAID["telegram"])
    for url in (
        path(off),
        f"/v1/webhooks/whatsapp/{telegram.id}",
        f"/v1/webhooks/webchat/{telegram.id}",
        f"/v1/webhooks/fax/{telegram.id}",
        "/v1/webhooks/telegram/00000000-0000-0000-0000-00000000dead",
        "/v1/webhooks/telegram/%00",
    ):
        refused(await rig.clients[0].post(url, json=SAID["telegram"], headers=good), 404, "not_found")
    assert (await rig.clients[0].post(path(telegram).upper().replace("/V1/WEBHOOKS/TELEGRAM", "/v1/webhooks/telegram"),
                                      json=SAID["telegram"], headers=good)).status_code == 200  # fmt: skip


async def test_a_challenge_is_answered_with_the_channels_own_token_alone(rig: Rig) -> None:
    channel = await rig.channel("whatsapp")
    asked = {"hub.mode": "subscribe", "hub.challenge": "1158201444"}
    token = rig.secrets(channel)["verify_token"]
    answer = await rig.clients[0].get(path(channel), params=asked | {"hub.verify_token": token})
    assert (answer.status_code, answer.text) == (200, "1158201444")
    assert answer.headers["Content-Type"].startswith("text/plain")
    for wrong in ({}, {"hub.verify_token": CREDENTIALS["whatsapp"]["verify_token"]}):
        refused(await rig.clients[0].get(path(channel), params=asked | wrong), 401, "unauthenticated")
    telegram = await rig.channel("telegram")
    refused(await rig.clients[0].get(path(telegram), params=asked), 401, "unauthenticated")


async def test_a_body_is_bounded_and_only_mail_with_its_password_may_be_large(make_rig: MakeRig) -> None:
    rig = await make_rig(max_body=2000, max_webhook_body=50_000)
    for type, most in (("telegram", 2000), ("whatsapp", 3 * 1024 * 1024)):
        channel = await rig.channel(type)
        refused(await rig.call(channel, b"x" * (most + 1)), 413, "too_large")
    channel = await rig.channel("email")
    large = mail("2@example.com", "ana@example.com", "Long", "word " * 5_000)
    assert (await rig.call(channel, large)).status_code == 200
    refused(await rig.call(channel, b"x" * 50_001), 413, "too_large")

    async def unannounced() -> AsyncIterator[bytes]:
        for _ in range(6):
            yield b"x" * 10_000

    _, good = signed(channel, rig.secrets(channel), {})
    refused(await rig.clients[0].post(path(channel), content=unannounced(), headers=good), 413, "too_large")
    # without the password nothing of it is read: the answer is there before the body has come
    reading = rig.clients[0].post(path(channel), content=b"x" * 49_000)
    refused(await reading, 401, "unauthenticated")


async def test_failures_count_for_the_address_and_good_calls_for_the_account_alone(make_rig: MakeRig) -> None:
    rig = await make_rig(gateways=1, rate_address=20, rate_account=20)
    channel, other = await rig.channel("telegram"), await rig.channel("telegram")
    for n in range(5):
        assert (await rig.call(channel, telegram_message(77, n, "hi"))).status_code == 200
    # the channel's first call could not be known to be its provider's before it was looked at
    assert rig.permits.spent == {"address": 1, "account": 5}
    for _ in range(4):
        refused(await rig.call(channel, SAID["telegram"], headers={}), 401, "unauthenticated")
    assert rig.permits.spent == {"address": 5, "account": 5}
    rig.permits.left["address"] = 0
    # a call whose signature holds is taken, though others have used up what its address may
    assert (await rig.call(other, telegram_message(78, 1, "first"))).status_code == 200
    third = await rig.channel("telegram")
    for headers in ({}, {"X-Telegram-Bot-Api-Secret-Token": "guess"}):
        answer = await rig.call(channel, SAID["telegram"], headers=headers)
        refused(answer, 429, "rate_limited")
        assert int(answer.headers["Retry-After"]) >= 1
        # but forged ones are looked at only so often a second
        answers = await asyncio.gather(
            *(rig.call(third, SAID["telegram"], headers=headers) for _ in range(60))
        )
        assert {a.status_code for a in answers} <= {401, 429}
        answer = next(a for a in answers if a.status_code == 429)
        refused(answer, 429, "rate_limited")
        assert "TERTULIA_RATE_ADDRESS" in answer.json()["detail"]
    assert (await rig.call(channel, telegram_message(77, 9, "still here"))).status_code == 200
    rig.permits.left["account"] = 0
    refused(await rig.call(channel, telegram_message(77, 10, "hi")), 429, "rate_limited")


# --- what is stored


async def test_a_message_repeated_at_once_over_two_gateways_is_one(rig: Rig) -> None:
    channel = await rig.channel("telegram")
    calls = [
        rig.call(channel, telegram_message(n % 7, n, f"m{n}"), gateway=g)
        for n in range(30)
        for g in (0, 1, 0)
    ]
    random.Random(7).shuffle(calls)
    answers = await asyncio.gather(*calls)
    assert {a.status_code for a in answers} == {200}
    stored = await rig.messages(channel)
    assert sorted(m["content"] for m in stored) == sorted(f"m{n}" for n in range(30))
    assert len({m["conversation"] for m in stored}) == 7
    again = await rig.call(channel, telegram_message(3, 3, "m3"), gateway=1)
    assert again.status_code == 200 and len(await rig.messages(channel)) == 30


async def test_a_batch_of_several_customers_keeps_each_ones_order(rig: Rig) -> None:
    channel = await rig.channel("whatsapp")
    people = ["16505551234", "491701234567", "628123456789"]
    said = [whatsapp_said(f"w{n}", f"m{n}", phone=people[n % 3]) for n in range(60)]
    contacts = [{"profile": {"name": f"P{n}"}, "wa_id": p} for n, p in enumerate(people)]
    assert (await rig.call(channel, whatsapp_value(messages=said, contacts=contacts))).status_code == 200
    stored = await rig.messages(channel)
    for n, person in enumerate(people):
        mine = [m for m in stored if m["contact_identifier"] == "+" + person]
        assert [m["content"] for m in mine] == [f"m{k}" for k in range(n, 60, 3)]
        assert {m["contact_name"] for m in mine} == {f"P{n}"}


@pytest.mark.parametrize(
    "first", [{"phone": "628123456789"}, {"user": "ID.7"}, {"phone": "628123456789", "user": "ID.7"}]
)
async def test_phone_and_user_id_are_one_thread(rig: Rig, first: dict[str, str]) -> None:
    channel = await rig.channel("whatsapp")
    both = {"phone": "628123456789", "user": "ID.7"}
    ways = [first, both, {"phone": "628123456789"}, {"user": "ID.7"}]
    for n, names in enumerate(ways):
        call = whatsapp_value(messages=[whatsapp_said(f"w{n}", f"m{n}", **names)])
        assert (await rig.call(channel, call, gateway=n % 2)).status_code == 200
    stored = await rig.messages(channel)
    assert [m["content"] for m in stored] == ["m0", "m1", "m2", "m3"]
    assert len({m["conversation"] for m in stored}) == 1 and len({m["contact_id"] for m in stored}) == 1


async def test_two_first_messages_at_once_make_one_contact(rig: Rig) -> None:
    channel = await rig.channel("whatsapp")
    calls = [
        rig.call(
            channel,
            whatsapp_value(
                messages=[whatsapp_said(f"w{n}-{g}", "hi", phone=f"62811000{n:03}", user=f"ID.{n}")]
            ),
            gateway=g,
        )
        for n in range(20)
        for g in (0, 1)
    ]
    assert {a.status_code for a in await asyncio.gather(*calls)} == {200}
    stored = await rig.messages(channel)
    assert len(stored) == 40 and len({m["conversation"] for m in stored}) == 20
    assert len({m["contact_id"] for m in stored}) == 20
    made = await rig.owner.fetchval("SELECT count(*) FROM contacts WHERE account_id = $1", rig.account)
    assert made == 20


async def test_an_agent_reaches_the_same_thread_by_any_spelling(rig: Rig) -> None:
    channel = await rig.channel("whatsapp")
    call = whatsapp_value(messages=[whatsapp_said("w1", "hi", phone="628123456789", user="ID.7")])
    await rig.call(channel, call)
    (message,) = await rig.messages(channel)
    for spelling in ("+62 812-3456-789", "whatsapp:+628123456789", "628123456789", "ID.7"):
        answer = await rig.clients[1].post(
            "/v1/conversations/find-or-create",
            json={"channel_id": channel.id, "contact_identifier": spelling},
            headers=rig.admin(),
        )
        assert answer.status_code == 200 and answer.json()["id"] == message["conversation"], answer.text
    for wrong in ("sari", "0812", "+1"):
        answer = await rig.clients[1].post(
            "/v1/conversations",
            json={"channel_id": channel.id, "contact_identifier": wrong},
            headers=rig.admin(),
        )
        refused(answer, 422, "invalid")
        assert answer.json()["errors"][0]["path"] == "contact_identifier"


async def test_files_are_noted_before_their_message_under_ids_that_a_repeat_finds_again(rig: Rig) -> None:
    channel = await rig.channel("telegram")
    photo = [{"file_id": "f1", "file_unique_id": "u", "width": 1, "height": 1, "file_size": 9}]
    update = telegram_message(77, 5, "", photo=photo, caption="look")
    del update["message"]["text"]
    for gateway in (0, 1):
        assert (await rig.call(channel, update, gateway=gateway)).status_code == 200
    first, second = rig.files.ingested
    assert first.id == second.id and first.media.id == "f1"
    (message,) = await rig.messages(channel)
    (attachment,) = message["attachments"]
    assert attachment["url"] == f"/v1/attachments/{first.id}" and message["content"] == "look"


async def test_a_reply_names_our_own_message(rig: Rig) -> None:
    channel = await rig.channel("telegram")
    await rig.call(channel, telegram_message(77, 1, "question"))
    (question,) = await rig.messages(channel)
    quoted = telegram_message(77, 1, "question")["message"]
    await rig.call(channel, telegram_message(77, 2, "more", reply_to_message=quoted))
    unknown = telegram_message(77, 99, "lost")["message"]
    await rig.call(channel, telegram_message(77, 3, "else", reply_to_message=unknown))
    _, more, other = await rig.messages(channel)
    assert more["reply_to"] == question["id"] and other.get("reply_to") is None


async def test_mail_joins_the_thread_it_refers_to(rig: Rig) -> None:
    channel = await rig.channel("email")
    await rig.call(channel, mail("1@example.com", "ana@example.com", "Order 7", "where is it?"))
    (first,) = await rig.messages(channel)
    # what we answered, as its sending is recorded: Postmark's own id, which mail shows with a domain
    await rig.owner.execute(
        "INSERT INTO outbox_ids VALUES ($1, 'b7bc2f4a-e38e-4336-af7d-e6c392c2f817', $2, $3, 1, 0)",
        channel.id, rig.account, first["conversation"],
    )  # fmt: skip
    ours = "<b7bc2f4a-e38e-4336-af7d-e6c392c2f817@mtasv.net>"
    await rig.call(
        channel, mail("2@example.com", "ana@example.com", "Entirely other", "thanks", In_Reply_To=ours)
    )
    await rig.call(
        channel, mail("3@example.com", "ana@example.com", "x", "and", References="<0@b.c> <1@example.com>")
    )
    await rig.call(channel, mail("4@example.com", "ana@example.com", "Entirely other", "a new matter"))
    await rig.call(channel, mail("5@example.com", "ben@example.com", "Order 7", "me too", In_Reply_To=ours))
    stored = await rig.messages(channel)
    by_text = {m["content"]: m["conversation"] for m in stored}
    assert by_text["thanks"] == by_text["and"] == by_text["where is it?"] == first["conversation"]
    assert len({by_text["a new matter"], by_text["me too"], first["conversation"]}) == 3


async def test_mail_finds_the_conversation_that_we_began_about_its_matter(rig: Rig) -> None:
    channel = await rig.channel("email")

    async def begun(subject: str, path: str = "/v1/conversations") -> httpx.Response:
        body = {"channel_id": channel.id, "contact_identifier": "Ana@example.com", "subject": subject}
        return await rig.clients[0].post(path, json=body, headers=rig.admin())

    invoice, lamp = await begun("Invoice 7"), await begun("Your lamp")
    assert (invoice.status_code, lamp.status_code) == (201, 201)
    assert (await begun("RE: invoice  7")).status_code == 409
    again = await begun("Fwd: Your lamp", "/v1/conversations/find-or-create")
    assert again.json()["id"] == lamp.json()["id"]
    await rig.call(channel, mail("1@example.com", "ana@example.com", "Re: Invoice 7", "paid"))
    (message,) = await rig.messages(channel)
    assert message["conversation"] == invoice.json()["id"]


# --- edits


async def test_an_edit_changes_the_message_once(rig: Rig) -> None:
    channel = await rig.channel("telegram")
    await rig.call(channel, telegram_message(77, 1, "helo"))
    await rig.call(channel, telegram_message(77, 2, "second"))
    edits = [
        rig.call(channel, telegram_message(77, 1, "hello", edited=1_760_000_010), gateway=g)
        for g in (0, 1, 0)
    ]
    assert {a.status_code for a in await asyncio.gather(*edits)} == {200}
    first, second = await rig.messages(channel)
    assert first["content"] == "hello" and first["metadata"]["edited_at"] == 1_760_000_010_000
    assert (second["content"], second["unread"], second["preview"]) == ("second", 2, "second")
    assert await rig.kinds_of(first["conversation"]) == ["opened", "message", "message", "edited"]
    # an older edit that comes late, and the original once more
    await rig.call(channel, telegram_message(77, 1, "hel", edited=1_760_000_005))
    await rig.call(channel, telegram_message(77, 1, "helo"))
    assert [m["content"] for m in await rig.messages(channel)] == ["hello", "second"]
    await rig.call(channel, telegram_message(77, 2, "last", edited=1_760_000_020))
    assert (await rig.messages(channel))[1]["preview"] == "last"


async def test_an_edit_of_a_message_long_out_of_memory(rig: Rig) -> None:
    channel = await rig.channel("telegram")
    for n in range(12):
        await rig.call(channel, telegram_message(77, n, f"m{n}"))
    edits = [telegram_message(77, 0, f"new{n}", edited=1_760_000_000 + n) for n in (2, 3, 1)]
    for edit in [*edits, *edits]:
        assert (await rig.call(channel, edit)).status_code == 200
    stored = await rig.messages(channel)
    assert stored[0]["content"] == "new3" and stored[0]["preview"] == "m11"
    assert (await rig.kinds_of(stored[0]["conversation"])).count("edited") == 2


@pytest.mark.parametrize("seed", range(6))
async def test_a_message_and_its_edits_in_any_order_end_the_same(rig: Rig, seed: int) -> None:
    channel = await rig.channel("telegram")
    calls = [telegram_message(77, 1, "v0")]
    calls += [telegram_message(77, 1, f"v{n}", edited=1_760_000_000 + n) for n in (1, 2, 3)]
    calls = [*calls, *calls]
    order = random.Random(seed)
    order.shuffle(calls)
    answers = await asyncio.gather(*[rig.call(channel, c, gateway=order.randrange(2)) for c in calls])
    assert {a.status_code for a in answers} == {200}
    (message,) = await rig.messages(channel)
    assert (message["content"], message["metadata"]["edited_at"]) == ("v3", 1_760_000_003_000)
    assert message["unread"] == 1 and message["preview"] == "v3"


# --- receipts


async def test_a_receipt_moves_the_delivery_and_tells_the_readers(rig: Rig) -> None:
    channel = await rig.channel("whatsapp")
    await rig.call(channel, whatsapp_value(messages=[whatsapp_said("w1", "hi", phone="628123456789")]))
    (message,) = await rig.messages(channel)
    conversation, answer = message["conversation"], "00000000-0000-7000-8000-000000000001"
    await rig.owner.execute(
        "INSERT INTO outbox (conversation_id, seq, account_id, channel_id, message_id, status, created_at, queued_at, sent_at)"
        " VALUES ($1, 2, $2, $3, $4, 'sent', now(), now(), now())", conversation, rig.account, channel.id, answer,
    )  # fmt: skip
    await rig.owner.execute(
        "INSERT INTO outbox_ids VALUES ($1, 'wamid.out', $2, $3, 2, 0)", channel.id, rig.account, conversation
    )
    for status in ("read", "delivered", "read"):
        told = {
            "id": "wamid.out",
            "status": status,
            "timestamp": "1760000000",
            "recipient_id": "628123456789",
        }
        assert (await rig.call(channel, whatsapp_value(statuses=[told]))).status_code == 200
    data = {"message_id": answer, "delivery_status": "read"}
    assert rig.hints.sent == [("conversation:receipt", data, [f"conversation:{conversation}"])]
    await rig.owner.execute("DELETE FROM outbox WHERE message_id = $1", answer)


# --- what cannot be taken in


async def failures(rig: Rig, **query: str) -> list[dict[str, Any]]:
    answer = await rig.clients[0].get("/v1/inbound-failures", params=query, headers=rig.admin())
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def test_a_payload_that_makes_no_sense_is_set_aside_and_acknowledged(rig: Rig) -> None:
    channel = await rig.channel("telegram")
    for poison in (b"{", b"\xff\x00", b"[]", b"[" * 200 + b"]" * 200, b'{"update_id": "x"}'):
        assert (await rig.call(channel, poison)).status_code == 200
        assert (await rig.call(channel, poison, gateway=1)).status_code == 200
    assert len(await failures(rig)) == 5 == len(await failures(rig, channel_id=channel.id))
    newest = (await failures(rig))[0]
    assert newest["reason"] and newest["replayed_at"] is None and newest["size"] == 18
    url = f"/v1/inbound-failures/{newest['id']}"
    detail = (await rig.clients[1].get(url, headers=rig.admin())).json()
    assert detail["payload"] == '{"update_id": "x"}' and detail["truncated"] is False
    answer = (await rig.clients[1].post(f"{url}/replay", headers=rig.admin())).json()
    assert answer["faults"] and answer["failure"]["replayed_at"] is None and answer["received"] == 0
    assert await rig.messages(channel) == []


async def test_a_parser_that_breaks_is_no_reason_to_call_again_and_a_replay_takes_it_in_later(
    rig: Rig,
) -> None:
    """As when the next version reads what this one could not."""
    channel = await rig.channel("telegram")
    sound = rig.kinds["telegram"]

    class Broken:
        verify, challenge, answer = sound.verify, sound.challenge, sound.answer

        @staticmethod
        def parse(call: Any, config: Any) -> list[Any]:
            raise KeyError("a field nobody knew")

    rig.kinds["telegram"] = Broken
    with capture_logs() as logs:
        assert (await rig.call(channel, telegram_message(77, 1, "hi"))).status_code == 200
    assert {"webhook_parsing_failed", "webhook_set_aside"} <= {line["event"] for line in logs}
    rig.kinds["telegram"] = sound
    (failure,) = await failures(rig)
    assert "KeyError" in failure["reason"]
    url = f"/v1/inbound-failures/{failure['id']}/replay"
    for received, repeated in ((1, 0), (0, 1)):
        answer = (await rig.clients[0].post(url, headers=rig.admin())).json()
        assert (answer["received"], answer["repeated"], answer["faults"]) == (received, repeated, [])
        assert answer["failure"]["replayed_at"] is not None
    assert [m["content"] for m in await rig.messages(channel)] == ["hi"]


async def test_the_good_parts_of_a_call_are_stored_and_the_others_set_aside(rig: Rig) -> None:
    channel = await rig.channel("whatsapp")
    good = whatsapp_said("w1", "hi", phone="628123456789")
    said = [{"type": "text"}, good, "nonsense", whatsapp_said("w2", "you", phone="628123456789")]
    assert (await rig.call(channel, whatsapp_value(messages=said))).status_code == 200
    assert [m["content"] for m in await rig.messages(channel)] == ["hi", "you"]
    (failure,) = await failures(rig)
    assert len(failure["faults"]) == 2 and '"type":"text"' in failure["faults"][0]["part"]
    answer = await rig.clients[0].post(f"/v1/inbound-failures/{failure['id']}/replay", headers=rig.admin())
    assert answer.json()["repeated"] == 2 and len(answer.json()["faults"]) == 2


@pytest.mark.parametrize("code", ["invalid", "conflict", "forbidden", "not_found"])
async def test_a_refusal_for_good_is_set_aside(rig: Rig, code: str) -> None:
    channel = await rig.channel("telegram")
    rig.answers = Refused(code, "never")
    assert (await rig.call(channel, telegram_message(77, 1, "hi"))).status_code == 200
    (failure,) = await failures(rig)
    assert failure["reason"] == f"{code}: never" and '"hi"' in failure["faults"][0]["part"]
    rig.answers = None
    url = f"/v1/inbound-failures/{failure['id']}/replay"
    assert (await rig.clients[0].post(url, headers=rig.admin())).json()["received"] == 1


@pytest.mark.parametrize("code", ["overloaded", "storage_unavailable", "internal"])
async def test_what_may_succeed_later_is_503_and_nothing_is_set_aside(rig: Rig, code: str) -> None:
    channel = await rig.channel("whatsapp")
    batch = whatsapp_value(messages=[whatsapp_said(f"w{n}", f"m{n}", phone="628123456789") for n in range(3)])
    rig.answers = Refused(code, "not now", retry_after=3)
    answer = await rig.call(channel, batch)
    assert answer.status_code == 503 and int(answer.headers["Retry-After"]) >= 1
    assert await failures(rig) == []
    rig.answers = None
    assert (await rig.call(channel, batch)).status_code == 200
    assert [m["content"] for m in await rig.messages(channel)] == ["m0", "m1", "m2"]


async def test_a_host_that_never_answers_is_503_in_time(
    database: Database, owner: asyncpg.Connection
) -> None:
    rig = Rig(database, owner)
    rig.deadlines = WebhookDeadlines(store=0.2)
    await rig.start()
    channel = await rig.channel("telegram")
    async with rig.database.system() as connection, connection.transaction():
        await connection.execute("LOCK TABLE partitions IN ACCESS EXCLUSIVE MODE")
        answer = await rig.call(channel, telegram_message(77, 1, "hi"))
        assert answer.status_code == 503 and int(answer.headers["Retry-After"]) >= 1
    assert (await rig.call(channel, telegram_message(77, 1, "hi"))).status_code == 200
    assert [m["content"] for m in await rig.messages(channel)] == ["hi"]
    await rig.stop()


async def test_a_long_payload_is_kept_in_part_and_cannot_be_replayed(rig: Rig) -> None:
    channel = await rig.channel("telegram")
    assert (await rig.call(channel, b"x" * 300_000)).status_code == 200
    (failure,) = await failures(rig)
    url = f"/v1/inbound-failures/{failure['id']}"
    detail = (await rig.clients[0].get(url, headers=rig.admin())).json()
    assert detail["truncated"] and detail["size"] == 300_000 and len(detail["payload"]) == 262_144
    refused(await rig.clients[0].post(f"{url}/replay", headers=rig.admin()), 409, "conflict")

"""The double behaves like the providers: the channels verify and read its webhooks, and it accepts what they send."""

from __future__ import annotations

import ast
import base64
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from desk import CREDENTIALS, CUSTOMERS, MESSAGE, TYPES, Desk, desk, kind
from test_architecture import imports

from tertulia.channels import double
from tertulia.core.channels.messages import InboundEdit, NotSent, OutboundFile, Receipt, Sent

PICTURE = {"name": "a.png", "content_type": "image/png", "data": base64.b64encode(b"\x89PNG").decode()}
BIG = {
    "name": "b.bin",
    "content_type": "application/zip",
    "data": base64.b64encode(bytes(1_500_000)).decode(),
}
PAPER = {"name": "ü.pdf", "content_type": "application/pdf", "data": base64.b64encode(b"%PDF").decode()}


@pytest.fixture
async def at() -> AsyncIterator[Desk]:
    async with desk() as made:
        yield made


def test_it_shares_no_code_with_the_channels() -> None:
    for path in Path(double.__file__).parent.glob("*.py"):
        assert all(level < 2 for _, level, _, _ in imports(ast.parse(path.read_text()))), path


# -- customers in


@pytest.mark.parametrize("type", TYPES)
async def test_a_customers_message_is_verified_and_read(at: Desk, type: str) -> None:
    channel = await at.register(type)
    answers = await at.play(channel, type, name="Sara Ü", text="Hej / ሰላም 😀")
    assert [answer["status"] for answer in answers] == [200]
    found = await at.inbound()
    assert found.sender.identifier == CUSTOMERS[type][1]
    assert (found.content, found.provider_id) == ("Hej / ሰላም 😀", answers[0]["provider_id"])
    if type not in ("messenger", "sms"):
        assert found.sender.name == "Sara Ü"


@pytest.mark.parametrize("type", TYPES)
async def test_its_signature_is_the_credentials(at: Desk, type: str) -> None:
    await at.play(await at.register(type), type, text="hello")
    call, _ = await at.events()
    for name, value in CREDENTIALS[type].items():
        changed = CREDENTIALS[type] | {name: value + "x"}
        secret = name in {"app_secret", "secret_token", "auth_token", "webhook_user", "webhook_password"}
        assert kind(type).verify(call, changed) is not secret


@pytest.mark.parametrize("type", TYPES)
async def test_files_can_be_fetched_as_from_the_provider(at: Desk, type: str) -> None:
    channel = await at.register(type)
    answers = await at.play(channel, type, text="two files", attachments=[PICTURE, PAPER])
    found = [await at.inbound() for _ in answers]
    assert "two files" in {message.content for message in found}
    media = [media for message in found for media in message.media]
    assert [one.kind for one in media] == ["image", "document"]
    assert [await at.fetch(type, one) for one in media] == [b"\x89PNG", b"%PDF"]


@pytest.mark.parametrize("type", ["whatsapp", "messenger", "telegram"])
async def test_a_customer_edits(at: Desk, type: str) -> None:
    channel = await at.register(type)
    await at.play(channel, type, text="helo")
    first = await at.inbound()
    await at.play(channel, type, text="hello", edit=first.provider_id)
    _, (edited,) = await at.events()
    assert isinstance(edited, InboundEdit)
    assert (edited.inbound.provider_id, edited.inbound.content) == (first.provider_id, "hello")


@pytest.mark.parametrize("type", TYPES)
async def test_a_customer_answers_a_message_of_ours(at: Desk, type: str) -> None:
    channel = await at.register(type)
    (outcome,) = await at.send(type)
    assert isinstance(outcome, Sent) and outcome.provider_id
    await at.play(channel, type, text="yes", reply_to=outcome.provider_id, subject="Re: x")
    found = await at.inbound()
    assert outcome.provider_id in (found.reply_to, *found.references)


@pytest.mark.parametrize("type", ["whatsapp", "messenger", "telegram"])
async def test_a_customer_reacts_and_presses_a_button(at: Desk, type: str) -> None:
    channel = await at.register(type)
    (outcome,) = await at.send(type)
    assert isinstance(outcome, Sent)
    for emoji, content in (("👍", "👍"), ("", "[reaction removed]")):
        await at.play(channel, type, react=emoji, reply_to=outcome.provider_id)
        found = await at.inbound()
        assert (found.content, found.content_type) == (content, "reaction")
        assert found.reply_to == outcome.provider_id
    await at.play(channel, type, press={"data": "y", "title": "Yes"}, reply_to=outcome.provider_id)
    pressed = await at.inbound()
    assert (pressed.content, pressed.content_type) == ("y" if type == "telegram" else "Yes", "button")


@pytest.mark.parametrize("type", ["sms", "email"])
@pytest.mark.parametrize("said", [{"react": "👍"}, {"press": {"data": "y"}}])
async def test_what_a_provider_does_not_have(at: Desk, type: str, said: dict[str, Any]) -> None:
    channel = await at.register(type)
    status, problem = await at.control("POST", f"/{channel}/messages", {"from": CUSTOMERS[type][0], **said})
    assert (status, problem["errors"][0]["path"]) == (422, next(iter(said)))


async def test_whatsapp_may_know_a_number_by_other_digits(at: Desk) -> None:
    channel = await at.register("whatsapp")
    await at.control("PUT", f"/{channel}/numbers", {"+5511987654321": "551187654321"})
    (outcome,) = await at.send("whatsapp", to="+5511987654321")
    assert isinstance(outcome, Sent) and "+551187654321" in outcome.recipients
    await at.play(channel, "whatsapp", text="oi", **{"from": "5511987654321"})
    assert (await at.inbound()).sender.identifier == "+551187654321"
    assert (await at.sent(channel))[0]["to"] == "551187654321"
    status, problem = await at.control("PUT", f"/{channel}/numbers", {"+1": "none"})
    assert (status, bool(problem["errors"])) == (422, True)
    assert (await at.control("PUT", f"/{await at.register('sms')}/numbers", {}))[0] == 422


async def test_updates_wait_where_there_is_no_webhook(at: Desk) -> None:
    channel, token = await at.register("telegram"), CREDENTIALS["telegram"]["bot_token"]
    for method, form in (("deleteWebhook", {}), ("setwebhook", {"url": ""})):
        async with at.session.post(f"{at.double}/bot{token}/{method}", data=form) as response:
            assert await response.json() == {"ok": True, "result": True}
    status, found = await at.control("POST", f"/{channel}/messages", {"from": "7", "text": "later"})
    assert (status, found["answers"][0]["status"]) == (200, 0)
    async with at.session.get(f"{at.double}/bot{token}/getUpdates?limit=5") as response:
        (update,) = (await response.json())["result"]
    assert update["message"]["text"] == "later"


async def test_webhooks_repeated_shuffled_and_at_once(at: Desk) -> None:
    channel = await at.register("telegram")
    await at.control("PUT", f"/{channel}/webhooks", {"duplicate": 3, "shuffle": True, "concurrent": True})
    messages = [{"from": "7", "text": str(n)} for n in range(40)]
    status, found = await at.control("POST", f"/{channel}/messages", {"messages": messages})
    assert (status, len(found["answers"]), at.calls.qsize()) == (200, 120, 120)
    seen = [(await at.inbound()).content for _ in range(120)]
    assert sorted(seen) == sorted(str(n) for n in range(40) for _ in range(3))
    assert seen != sorted(seen, key=int)
    assert at.most_at_once > 1


@pytest.mark.parametrize("type", TYPES)
async def test_large_files_too(at: Desk, type: str) -> None:
    channel = await at.register(type)
    body = io.BytesIO(msgspec.json.encode({"from": CUSTOMERS[type][0], "attachments": [BIG]}))
    async with at.session.post(f"{at.double}/double/{channel}/messages", data=body) as response:
        assert response.status == 200
    (media,) = (await at.inbound()).media
    assert await at.fetch(type, media) == bytes(1_500_000)


async def test_meta_asks_before_it_calls(at: Desk) -> None:
    for type in ("whatsapp", "messenger"):
        status, found = await at.control("POST", f"/{await at.register(type)}/subscription")
        assert (status, found["status"], found["confirmed"]) == (200, 200, True)
    at.status = 500
    _, found = await at.control("POST", f"/{await at.register('whatsapp')}/subscription")
    assert (found["status"], found["confirmed"]) == (401, False)
    assert (await at.control("POST", f"/{await at.register('sms')}/subscription"))[0] == 422


async def test_the_receivers_answer_is_told(at: Desk) -> None:
    channel = await at.register("sms")
    at.status = 503
    assert [(a["status"], a["body"]) for a in await at.play(channel, "sms", text="x")] == [(503, "ok")]
    gone = await at.register("sms", webhook_url="http://127.0.0.1:1/x")
    (answer,) = await at.play(gone, "sms", text="x")
    assert answer["status"] == 0 and answer["body"]


# -- messages out


@pytest.mark.parametrize("type", TYPES)
async def test_a_message_is_taken_and_its_receipts_follow(at: Desk, type: str) -> None:
    channel = await at.register(type, quiet=False)
    await at.control("PUT", f"/{channel}/receipts", {"read": True, "delay": 0})
    (outcome,) = await at.send(type, content="Grüße 😀")
    assert isinstance(outcome, Sent)
    (item,) = await at.sent(channel)
    assert (item["provider_id"], item["text"]) == (outcome.provider_id, "Grüße 😀")
    wanted = {
        "whatsapp": ["sent", "delivered", "read"],
        "messenger": ["delivered", "read"],
        "telegram": [],
        "sms": ["sent", "delivered"],
        "email": ["delivered", "read"],
    }
    for status in wanted[type]:
        _, (event,) = await at.events()
        assert isinstance(event, Receipt) and event.status == status
        if (type, status) != ("messenger", "read"):
            assert event.provider_ids == (outcome.provider_id,)
        if type in ("whatsapp", "email"):
            assert event.message_id == MESSAGE


@pytest.mark.parametrize("type", ["whatsapp", "sms", "email"])
async def test_a_failure_by_hand_has_its_reason(at: Desk, type: str) -> None:
    channel = await at.register(type)
    (outcome,) = await at.send(type)
    assert isinstance(outcome, Sent)
    reason = {"provider_id": outcome.provider_id, "status": "failed", "detail": "nobody there"}
    status, _ = await at.control("POST", f"/{channel}/receipts", reason)
    _, (event,) = await at.events()
    assert status == 200 and isinstance(event, Receipt) and event.status == "failed"
    assert event.error is not None and event.error["detail"] == "nobody there"


@pytest.mark.parametrize("type", TYPES)
async def test_files_and_long_texts_are_taken_as_the_channels_send_them(at: Desk, type: str) -> None:
    channel = await at.register(type)
    files = (
        OutboundFile("https://desk.example/a.png", "a.png", "image/png", 4, b"\x89PNG"),
        OutboundFile("https://desk.example/b.txt", "b.txt", "text/plain", 1, b"b"),
    )
    outcomes = await at.send(type, content="word " * 2_000, files=files, subject="Files")
    assert outcomes and all(isinstance(outcome, Sent) for outcome in outcomes)
    assert len(await at.sent(channel)) == len(outcomes)


async def test_metas_version_in_the_path_is_optional(at: Desk) -> None:
    await at.register("whatsapp")
    await at.register("messenger")
    for type in ("whatsapp", "messenger"):
        assert isinstance((await at.send(type, base="/v23.0"))[0], Sent)


@pytest.mark.parametrize(
    ("type", "field"),
    [("whatsapp", "access_token"), ("messenger", "page_access_token"), ("telegram", "bot_token"),
     ("sms", "auth_token"), ("email", "server_token")],
)  # fmt: skip
async def test_a_wrong_token_is_refused_for_good(at: Desk, type: str, field: str) -> None:
    channel = await at.register(type)
    (outcome,) = await at.send(type, credentials={field: "1:wrong"})
    assert isinstance(outcome, NotSent) and not outcome.retry
    assert await at.sent(channel) == []


RAW: dict[str, tuple[str, dict[str, str], Any]] = {
    "whatsapp": (
        "/106540352242922/messages",
        {"Authorization": "Bearer EAAG"},
        {"messaging_product": "whatsapp", "to": "1", "type": "text", "text": {"body": "x"}},
    ),
    "messenger": (
        "/20531316728/messages",
        {"Authorization": "Bearer EAAP"},
        {"recipient": {"id": "1"}, "messaging_type": "RESPONSE", "message": {"text": "x"}},
    ),
    "telegram": (f"/bot{CREDENTIALS['telegram']['bot_token']}/sendMessage", {}, {"chat_id": 1, "text": "x"}),
    "email": (
        "/email",
        {"X-Postmark-Server-Token": "pm"},
        {"From": "support@acme.example", "To": "a@x.example", "Subject": "x", "TextBody": "x"},
    ),
}


@pytest.mark.parametrize(
    ("type", "change"),
    [
        ("whatsapp", {"messaging_product": None}),
        ("whatsapp", {"to": None}),
        ("whatsapp", {"text": {"body": "x" * 4097}}),
        ("whatsapp", {"text": {"body": ""}}),
        ("whatsapp", {"type": "image", "image": {"link": "ftp://x"}}),
        ("messenger", {"messaging_type": None}),
        ("messenger", {"recipient": {}}),
        ("messenger", {"message": {"text": "x" * 2001}}),
        ("messenger", {"message": {}}),
        ("telegram", {"chat_id": None}),
        ("telegram", {"text": " "}),
        ("telegram", {"text": "😀" * 2049}),
        ("telegram", {"reply_parameters": {}}),
        ("email", {"From": "other@acme.example"}),
        ("email", {"To": "nobody"}),
        ("email", {"TextBody": ""}),
        ("email", {"Metadata": {"message_id": "x" * 81}}),
        ("email", {"TrackLinks": "All"}),
        ("email", {"Headers": [{"Name": "A", "Value": "b\r\nBcc: c"}]}),
        ("email", {"Attachments": [{"Name": "a", "ContentType": "b/c", "Content": "%"}]}),
    ],
)
async def test_what_a_provider_would_not_take(at: Desk, type: str, change: dict[str, Any]) -> None:
    channel = await at.register(type)
    path, headers, good = RAW[type]
    for body, refused in ((good, False), (good | change, True)):
        async with at.session.post(at.double + path, json=body, headers=headers) as response:
            outcome = kind(type).outcome(response.status, dict(response.headers), await response.read())
        assert isinstance(outcome, NotSent if refused else Sent), outcome
    assert not outcome.retry  # type: ignore[union-attr]
    assert len(await at.sent(channel)) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"To": ""},
        {"From": "+15550000000"},
        {"Body": ""},
        {"Body": "x" * 1601},
        {"To": "12"},
        {"StatusCallback": "x"},
    ],
)
async def test_what_twilio_would_not_take(at: Desk, fields: dict[str, str]) -> None:
    await at.register("sms")
    form = {"From": "+14158141829", "To": "+14155550101", "Body": "x"} | fields
    url = f"{at.double}/2010-04-01/Accounts/ACff00/Messages.json"
    authorization = "Basic " + base64.b64encode(b"ACff00:12345").decode()
    async with at.session.post(url, data=form, headers={"Authorization": authorization}) as response:
        outcome = kind("sms").outcome(response.status, dict(response.headers), await response.read())
    assert isinstance(outcome, NotSent) and not outcome.retry


async def test_what_was_sent_is_kept_within_bounds_and_what_is_forgotten_is_counted(at: Desk) -> None:
    channel = await at.register("email")
    large = OutboundFile("https://desk.example/a", "a.zip", "application/zip", 3, bytes(3_000_000))
    for n in range(4):
        await at.send("email", content=str(n), files=(large,))
    _, found = await at.control("GET", f"/{channel}/sent")
    assert (found["total"], found["forgotten"]) == (4, 2)
    assert [item["text"] for item in found["items"]] == ["2", "3"]
    _, found = await at.control("GET", f"/{channel}/sent?after=3")
    assert [item["text"] for item in found["items"]] == ["3"]


# -- faults


@pytest.mark.parametrize("type", TYPES)
async def test_refusals_are_the_providers_own(at: Desk, type: str) -> None:
    channel = await at.register(type)
    await at.control("PUT", f"/{channel}/faults", {"kind": "429", "retry_after": 7, "count": 2})
    for _ in range(2):
        (slow,) = await at.send(type)
        assert isinstance(slow, NotSent) and slow.retry and slow.slow_down and slow.retry_after == 7
    assert isinstance((await at.send(type))[0], Sent)
    await at.control("PUT", f"/{channel}/faults", {"kind": "500"})
    (broken,) = await at.send(type)
    assert isinstance(broken, NotSent) and broken.retry and not broken.slow_down
    await at.control("PUT", f"/{channel}/faults", {"kind": "refuse"})
    (refused,) = await at.send(type)
    assert isinstance(refused, NotSent) and not refused.retry and refused.detail
    assert len(await at.sent(channel)) == 1


@pytest.mark.parametrize(
    ("fault", "taken"),
    [({"kind": "drop_before"}, 0), ({"kind": "timeout", "seconds": 0.01}, 0), ({"kind": "drop_after"}, 1)],
)
async def test_hanging_up(at: Desk, fault: dict[str, Any], taken: int) -> None:
    channel = await at.register("email")
    await at.control("PUT", f"/{channel}/faults", fault)
    with pytest.raises(aiohttp.ClientError):
        await at.send("email")
    assert len(await at.sent(channel)) == taken
    assert isinstance((await at.send("email"))[0], Sent)


async def test_garbage_and_a_fault_taken_back(at: Desk) -> None:
    channel = await at.register("email")
    await at.control("PUT", f"/{channel}/faults", {"kind": "garbage", "count": 5})
    assert isinstance((await at.send("email"))[0], NotSent)
    assert (await at.control("DELETE", f"/{channel}/faults"))[0] == 204
    assert isinstance((await at.send("email"))[0], Sent)


# -- control


async def test_channels_are_listed_without_their_secrets_and_forgotten(at: Desk) -> None:
    channel = await at.register("email", id="desk-1")
    _, found = await at.control("GET", "")
    assert [one["id"] for one in found["channels"]] == [channel] == ["desk-1"]
    assert "p:ä" not in str(found) and "pm" not in str(found)
    assert (await at.control("DELETE", "/desk-1"))[0] == 204
    assert (await at.control("GET", "/desk-1"))[0] == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "path_of_field"),
    [
        ("POST", "/channels", {"type": "fax", "webhook_url": "http://x", "credentials": {}}, 422, "type"),
        ("POST", "/channels", {"type": "sms", "webhook_url": "x", "credentials": {}}, 422, "webhook_url"),
        ("POST", "/channels", {"type": "sms", "webhook_url": "http://x"}, 422, "credentials"),
        ("POST", "/channels", {"type": "sms", "webhook_url": "http://x", "credentials": {}}, 422, "credentials.account_sid"),
        ("POST", "/one/messages", {"text": "x"}, 422, "from"),
        ("POST", "/one/messages", {"from": "1", "txt": "x"}, 422, "txt"),
        ("POST", "/one/messages", {"messages": [{"from": ""}]}, 422, "messages[0].from"),
        ("POST", "/one/messages", {"from": "1", "edit": "x"}, 422, "edit"),
        ("POST", "/one/messages", "x", 422, ""),
        ("PUT", "/one/faults", {"kind": "fire"}, 422, "kind"),
        ("PUT", "/one/webhooks", {"duplicate": 0}, 422, "duplicate"),
        ("POST", "/one/receipts", {"provider_id": "x", "status": "sent"}, 404, None),
        ("GET", "/one/sent?after=x", None, 422, "after"),
        ("GET", "/other/sent", None, 404, None),
    ],
)  # fmt: skip
async def test_bad_requests_are_problems(
    at: Desk, method: str, path: str, body: Any, status: int, path_of_field: str | None
) -> None:
    await at.register("sms", id="one")
    found, problem = await at.control(method, path, body)
    assert (found, problem["status"]) == (status, status)
    assert [error["path"] for error in problem["errors"]] == (
        [] if path_of_field is None else [path_of_field]
    )

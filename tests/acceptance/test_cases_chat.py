"""What customers of chat channels really send, signed as their providers sign it, to a served project: each case with its right
value."""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import Any

import httpx
import msgspec
import pytest
from desks import Desk, fresh, ok
from plain_http import NO_TLS
from serving import OwnServer
from waiting import until

from tertulia.serving import demo
from tertulia.serving.demo import WEBCHAT

CHANNEL = {channel.type: channel.id for channel in demo.CHANNELS}
PATH = {kind: f"/v1/webhooks/{kind}/{channel}" for kind, channel in CHANNEL.items()}


def number() -> str:
    """Six digits that nobody else uses."""
    return f"{os.getpid() % 100:02d}{int(fresh().rpartition('-')[2]) % 10_000:04d}"


class Providers:
    """Meta and Telegram, as they call the demo's channels."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def _call(self, kind: str, payload: Any) -> None:
        body = msgspec.json.encode(payload)
        signature = "sha256=" + hmac.new(b"demo-app-secret", body, hashlib.sha256).hexdigest()
        proof = {"X-Hub-Signature-256": signature, "X-Telegram-Bot-Api-Secret-Token": "demo-secret-token"}
        headers = {"Content-Type": "application/json", **proof}
        ok(await self.http.post(PATH[kind], content=body, headers=headers), 200)

    async def whatsapp(self, *messages: dict[str, Any], field: str = "messages", **value: Any) -> None:
        if messages:
            value["messages"] = [{"id": f"wamid.{fresh()}", "timestamp": "1795969000", **m} for m in messages]
        change = {"field": field, "value": {"messaging_product": "whatsapp", **value}}
        await self._call(
            "whatsapp", {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]}
        )

    async def says(self, phone: str, body: str, name: str | None = None) -> None:
        """A text on WhatsApp, with the profile where it has a name."""
        person = {"wa_id": phone} | ({"profile": {"name": name}} if name else {})
        await self.whatsapp({"from": phone, "type": "text", "text": {"body": body}}, contacts=[person])

    async def messenger(self, event: dict[str, Any]) -> None:
        messaging = [{"timestamp": 1_795_969_000_000, **event}]
        await self._call("messenger", {"object": "page", "entry": [{"id": "1", "messaging": messaging}]})

    async def telegram(self, **update: Any) -> None:
        await self._call("telegram", {"update_id": int(number()), **update})


@pytest.fixture
def providers(service: Desk) -> Providers:
    return Providers(service.http)


async def conversations(desk: Desk, kind: str, q: str) -> list[dict[str, Any]]:
    query = {"channel_id": CHANNEL[kind], "q": q}
    return ok(await desk.http.get("/v1/conversations", params=query), 200)["items"]


async def contents(desk: Desk, conversation: str) -> list[str]:
    return [message["content"] for message in await desk.messages(conversation)]


async def sent_to(admin: Desk, identifier: str) -> list[dict[str, Any]]:
    """What the double was asked to send to a customer on WhatsApp."""
    channel = ok(await admin.http.get(f"/v1/channels/{CHANNEL['whatsapp']}"))
    async with httpx.AsyncClient(base_url=channel["config"]["base_url"], timeout=30, verify=NO_TLS) as http:
        items = ok(await http.get(f"/double/{CHANNEL['whatsapp']}/sent"))["items"]
    return [one for one in items if one["to"].lstrip("+") == identifier]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("+5511987{}", "551187{}"), ("+52155{}77", "5255{}77"), ("+5255{}78", "52155{}78"), ("+54911{}77", "5411{}77"), ("0044 7700{}", "447700{}")],
)  # fmt: skip
async def test_one_phone_in_two_spellings_is_one_customer(
    desks: dict[str, Desk], providers: Providers, ours: str, theirs: str
) -> None:
    desk, n = desks["agent"], number()
    c = await desk.open(f"\u202a{ours.format(n)}\u202c", CHANNEL["whatsapp"], contact_name="Joana")
    ok(await desk.say(c["id"], "Your order is here"), 201)
    await providers.says(theirs.format(n), "thanks!", "Joana")
    assert await contents(desk, c["id"]) == ["Your order is here", "thanks!"]
    assert (await desk.get(c["id"]))["contact_id"] == c["contact_id"]
    contact = ok(await desk.http.get(f"/v1/contacts/{c['contact_id']}"))
    assert "+" + theirs.format(n) in {i["identifier"] for i in contact["identifiers"]}


@pytest.mark.parametrize("key", ["wa_id", "new_wa_id"])
async def test_a_changed_number_goes_on_in_the_same_conversation(
    desks: dict[str, Desk], providers: Providers, key: str
) -> None:
    desk, n = desks["agent"], number()
    old, new = f"447780{n}", f"447701{n}"
    await providers.says(old, "hello", "Tia")
    (c,) = await conversations(desk, "whatsapp", old)
    system = {"body": f"Tia changed from {old} to {new}", key: new, "type": "user_changed_number"}
    await providers.whatsapp({"from": old, "type": "system", "system": system})
    contact = ok(await desk.http.get(f"/v1/contacts/{c['contact_id']}"))
    assert {i["identifier"] for i in contact["identifiers"]} == {f"+{old}", f"+{new}"}
    await providers.says(new, "hello from my new number", "Tia")
    assert (await contents(desk, c["id"]))[::2] == ["hello", "hello from my new number"]
    query = {"channel_id": CHANNEL["whatsapp"], "contact_id": c["contact_id"]}
    assert [one["id"] for one in ok(await desk.http.get("/v1/conversations", params=query))["items"]] == [
        c["id"]
    ]
    ok(await desk.say(c["id"], "Welcome back"), 201)

    async def arrived() -> bool:
        return bool(await sent_to(desks["admin"], new))

    await until(arrived, "the answer at the new number")
    assert await sent_to(desks["admin"], old) == []


@pytest.mark.parametrize("by_agent", [True, False])
async def test_a_name_that_comes_later_fills_what_is_empty(
    desks: dict[str, Desk], providers: Providers, by_agent: bool
) -> None:
    desk, phone = desks["agent"], f"447702{number()}"
    if by_agent:
        await desk.open(f"+{phone}", CHANNEL["whatsapp"])
    else:
        await providers.says(phone, "first")
    (c,) = await conversations(desk, "whatsapp", phone)
    assert c["contact_name"] is None
    await providers.says(phone, "hi, it's me", "Wanda")
    assert (await desk.get(c["id"]))["contact_name"] == "Wanda"
    assert ok(await desk.http.get(f"/v1/contacts/{c['contact_id']}"))["name"] == "Wanda"
    renamed = await desk.http.patch(f"/v1/contacts/{c['contact_id']}", json={"name": "Ms Berg"})
    ok(renamed, 200)
    await providers.says(phone, "again", "Wanda B.")
    assert (await desk.get(c["id"]))["contact_name"] == "Ms Berg"
    assert ok(await desk.http.get(f"/v1/contacts/{c['contact_id']}"))["name"] == "Ms Berg"


async def test_a_late_name_reaches_every_conversation_of_its_customer(
    desks: dict[str, Desk], providers: Providers
) -> None:
    """Closed ones too, and those that somebody else's software opens; what an agent wrote stays."""
    desk, phone = desks["agent"], f"447703{number()}"
    contact = ""
    for text in ("one", "two"):
        await providers.says(phone, text)
        c = (await conversations(desk, "whatsapp", phone))[0]
        contact = c["contact_id"]
        ok(await desk.http.delete(f"/v1/conversations/{c['id']}"), 204)

    async def named() -> list[str | None]:
        found = await desk.http.get("/v1/conversations", params={"contact_id": contact})
        return [one["contact_name"] for one in ok(found, 200)["items"]]

    assert await named() == [None, None]
    opened = {"channel_id": CHANNEL["whatsapp"], "contact_identifier": f"+{phone}", "contact_name": "Wanda"}
    ok(await desk.http.post("/v1/conversations/find-or-create", json=opened), 201)
    assert await named() == ["Wanda"] * 3
    assert ok(await desk.http.get(f"/v1/contacts/{contact}"))["name"] == "Wanda"
    await providers.says(phone, "three", "Another Name")
    assert await named() == ["Wanda"] * 3
    newest = (await conversations(desk, "whatsapp", phone))[0]
    changed = [e["data"] for e in await desk.entries(newest["id"]) if e["kind"] == "updated"]
    assert not any("contact_name" in one.get("changes", one) for one in changed)


async def test_a_customer_of_the_web_chat_may_say_their_name_later(desks: dict[str, Desk]) -> None:
    desk, visitor = desks["agent"], fresh()
    path = f"/v1/webchat/{WEBCHAT}/sessions"
    service = desks["service"]
    c = await service.open(visitor)
    assert c["contact_name"] is None
    session = {"contact_identifier": visitor, "contact_name": "Marta"}
    ok(await service.http.post(path, json=session), 201)
    assert (await desk.get(c["id"]))["contact_name"] == "Marta"
    assert ok(await desk.http.get(f"/v1/contacts/{c['contact_id']}"))["name"] == "Marta"


async def test_hidden_links_are_shown(desks: dict[str, Desk], providers: Providers) -> None:
    desk, chat = desks["agent"], int(f"7{number()}")
    common = {"date": 1795969000, "chat": {"id": chat, "type": "private", "first_name": "Timo"}}
    link = {"type": "text_link", "offset": 8, "length": 4, "url": "https://shop.example/orders/77"}
    await providers.telegram(
        message={**common, "message_id": 1, "text": "Look 👋 here please", "entities": [link]}
    )
    caption = {"type": "text_link", "offset": 0, "length": 7, "url": "https://shop.example/r/1"}
    photo = [{"file_id": "f1", "file_unique_id": "u1", "width": 9, "height": 9, "file_size": 9}]
    said = {**common, "message_id": 2, "photo": photo, "caption": "receipt", "caption_entities": [caption]}
    await providers.telegram(message=said)
    (c,) = await conversations(desk, "telegram", str(chat))
    first, second = await desk.messages(c["id"])
    assert first["content"] == "Look 👋 here (https://shop.example/orders/77) please"
    assert second["content"] == "receipt (https://shop.example/r/1)"
    assert (first["metadata"]["links"], second["metadata"]["links"]) == ([link["url"]], [caption["url"]])


async def test_contact_cards_say_how_to_reach_the_person(
    desks: dict[str, Desk], providers: Providers
) -> None:
    phone = f"447703{number()}"
    people = [
        {
            "name": {"formatted_name": "Berta Falk"},
            "emails": [{"email": "berta@mail.example", "type": "WORK"}],
        },
        {
            "name": {"first_name": "Zoe", "formatted_name": ""},
            "phones": [{"wa_id": "447700900302", "type": "CELL"}],
        },
    ]
    await providers.whatsapp({"from": phone, "type": "contacts", "contacts": people})
    (c,) = await conversations(desks["agent"], "whatsapp", phone)
    assert await contents(desks["agent"], c["id"]) == ["Berta Falk, berta@mail.example\nZoe, 447700900302"]


async def test_what_the_business_writes_in_its_own_app_is_outbound_and_not_sent_again(
    desks: dict[str, Desk], providers: Providers
) -> None:
    desk, phone = desks["agent"], f"447704{number()}"
    await providers.says(phone, "where is it?", "Ida")
    echo = {
        "from": "15550001111",
        "to": phone,
        "id": f"wamid.{fresh()}",
        "timestamp": "1795969001",
        "type": "text",
    }
    for _ in range(2):
        await providers.whatsapp(
            field="smb_message_echoes", message_echoes=[{**echo, "text": {"body": "On its way"}}]
        )
    (c,) = await conversations(desk, "whatsapp", phone)
    asked, answered = await desk.messages(c["id"])
    assert (asked["direction"], answered["direction"]) == ("inbound", "outbound")
    assert (answered["content"], answered["delivery_status"]) == ("On its way", "sent")
    assert await sent_to(desks["admin"], phone) == []

    psid = f"88{number()}"
    back = {"sender": {"id": "1"}, "recipient": {"id": psid}}
    await providers.messenger(
        {**back, "message": {"mid": fresh(), "is_echo": True, "text": "From the page's inbox"}}
    )
    (c,) = await conversations(desk, "messenger", psid)
    (written,) = await desk.messages(c["id"])
    assert (written["direction"], written["delivery_status"]) == ("outbound", "sent")


async def test_a_reaction_looks_alike_on_every_channel(desks: dict[str, Desk], providers: Providers) -> None:
    desk, n = desks["agent"], number()
    mine, theirs = f"wamid.{n}", f"m_{n}"
    await providers.whatsapp({"from": f"447705{n}", "id": mine, "type": "text", "text": {"body": "hi"}})
    reaction = {"message_id": mine, "emoji": "👍"}
    await providers.whatsapp({"from": f"447705{n}", "type": "reaction", "reaction": reaction})
    sender = {"sender": {"id": f"89{n}"}, "recipient": {"id": "1"}}
    await providers.messenger({**sender, "message": {"mid": theirs, "text": "hi"}})
    await providers.messenger(
        {**sender, "reaction": {"mid": theirs, "action": "react", "reaction": "like", "emoji": "👍"}}
    )
    chat = {"date": 1795969000, "chat": {"id": int(f"8{n}"), "type": "private"}, "message_id": 1}
    await providers.telegram(message={**chat, "text": "hi"})
    given = [{"type": "emoji", "emoji": "👍"}]
    await providers.telegram(message_reaction={**chat, "old_reaction": [], "new_reaction": given})
    for kind, name in (("whatsapp", f"447705{n}"), ("messenger", f"89{n}"), ("telegram", f"8{n}")):
        (c,) = await conversations(desk, kind, name)
        said, reacted = await desk.messages(c["id"])
        assert (reacted["content"], reacted["content_type"], reacted["reply_to"]) == (
            "👍",
            "reaction",
            said["id"],
        )
        assert reacted["metadata"] == {}


async def test_updates_of_unknown_kinds_are_set_aside_with_what_they_say(
    server: OwnServer, desks: dict[str, Desk], providers: Providers
) -> None:
    marks = [f"mark-{number()}" for _ in range(3)]
    await providers.telegram(channel_post={"text": marks[0]})
    await providers.whatsapp(field="message_template_status_update", event=marks[1])
    await providers.messenger({"sender": {"id": "1"}, "pass_thread_control": {"metadata": marks[2]}})
    kinds = ("telegram", "whatsapp", "messenger")
    for kind, mark in zip(kinds, marks, strict=True):
        query = {"channel_id": CHANNEL[kind], "limit": 50}
        items = ok(await desks["admin"].http.get("/v1/inbound-failures", params=query), 200)["items"]
        assert any(mark in str(item) for item in items), items


FOUND = [
    ("我上周订的雨伞{}坏了，我想申请退款，谢谢", ["雨伞{}", "退款", "{}坏了"]),
    ("สั่งไปแล้ว{}แต่ยังไม่ได้รับ ขอเงินคืน", ["แล้ว{}", "เงินคืน"]),
    ("先週注文した{}傘が壊れました", ["した{}傘", "壊れ"]),
    ("My order ORD-{}7 never came, see https://shop.example/orders/{}9 or ask lena{}.koch@firma.example at the café",
     ["{}7", "rd-{}", "orders/{}", "{}.koch@firma.ex", "FIRMA.example", "cafe lena{}", "Café"]),
]  # fmt: skip


@pytest.mark.parametrize(("body", "asked"), FOUND, ids=["Chinese", "Thai", "Japanese", "parts"])
async def test_a_search_finds_every_part_of_a_message_and_the_phone_in_any_spelling(
    desks: dict[str, Desk], providers: Providers, body: str, asked: list[str]
) -> None:
    desk, n = desks["agent"], number()
    await providers.says(f"1202{n[:3]}{n[2:]}", body.replace("{}", n), f"Søren Đặng{n}")
    spelled = f"+1 (202) {n[:3]}-{n[2:]}"
    (c,) = await conversations(desk, "whatsapp", spelled)
    for q in (
        *asked,
        "soren dang{}",
        f"001 202 {n[:3]} {n[2:]}",
        f"202.{n[:3]}.{n[2:]}",
        f"1202{n[:3]}{n[2:]}",
    ):
        found = await conversations(desk, "whatsapp", q.replace("{}", n))
        assert c["id"] in [one["id"] for one in found], q
    contacts = ok(await desk.http.get("/v1/contacts", params={"q": f"(202) {n[:3]} {n[2:]}"}))["items"]
    assert [one["id"] for one in contacts] == [c["contact_id"]]
    assert ok(await desk.http.get("/v1/contacts", params={"q": f"ĐANG{n}"}))["items"] == contacts

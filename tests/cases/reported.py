"""Faults that users of such systems have reported, each as an input with its right value."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

from .world import CHANNEL, OURS, World, equal, full, until


class Case(NamedTuple):
    """`right`: what is right, in words. `check` plays the case, and raises AssertionError with what it saw instead."""

    name: str
    right: str
    check: Callable[[World], Awaitable[None]]


CASES: Final[list[Case]] = []


def case(
    name: str, right: str
) -> Callable[[Callable[[World], Awaitable[None]]], Callable[[World], Awaitable[None]]]:
    def add(check: Callable[[World], Awaitable[None]]) -> Callable[[World], Awaitable[None]]:
        CASES.append(Case(name, right, check))
        return check

    return add


@case("a scanner uses one Message-ID for ever", "both mails are there, each with its sender")
async def message_id(w: World) -> None:
    one, two, scan = (
        f"tray1.{w.run}@mail.example",
        f"tray2.{w.run}@mail.example",
        {"Message-ID": f"<scan{w.run}@tray.local>"},
    )
    await w.mail(one, "First page", "Scan", scan)
    await w.mail(two, "Second page", "Scan", scan)
    equal((await w.contents("email", one), await w.contents("email", two)), (["First page"], ["Second page"]))


@case("two people write by one contact form", "two customers; each is answered at the address in Reply-To")
async def contact_form(w: World) -> None:
    form, people = f"form.{w.run}@site.example", [f"nora.{w.run}@mail.example", f"igor.{w.run}@mail.example"]
    for who in people:
        await w.mail(form, f"my kettle leaks, {who}", "Enquiry", {"Reply-To": who}, ReplyTo=who)
    equal(await w.of("email", form), [])
    for who in people:
        await w.say((await w.one("email", who))["id"], f"Hello {who}")
        equal((await w.sent("email", f"Hello {who}"))["To"], who)


@case("a first mail that looks like a quote", "the whole text: a mail that answers nothing quotes nothing")
async def first_mail(w: World) -> None:
    texts = (
        "Good morning,\n\nOn 4 May 2026 Mr Berg wrote:\n\nWe send a new one.\n\nNothing came.\n\nUrsula",
        "Please change:\n\nFrom: Oslo\nTo: Bergen\nDate: 5 May 2026\nSubject: seat 3\n\nto seat 4.",
    )
    for n, text in enumerate(texts):
        who = f"ursula{n}.{w.run}@mail.example"
        await w.mail(who, text, "Booking")
        equal(await w.contents("email", who), [text])


@case(
    "an out-of-office note to a resolved conversation",
    "it is shown, marked, and the conversation stays resolved",
)
async def out_of_office(w: World) -> None:
    who, first = f"olaf.{w.run}@mail.example", {"Message-ID": f"<lamp{w.run}@mail.example>"}
    await w.mail(who, "My lamp flickers.", "Lamp", first)
    conversation = (await w.one("email", who))["id"]
    await w.http.patch(f"/v1/conversations/{conversation}", json={"status": "resolved"})
    await w.mail(who, "Back in a week.", "Automatic reply: Lamp", {"In-Reply-To": first["Message-ID"], "Auto-Submitted": "auto-replied"})  # fmt: skip
    found = await w.get(f"/v1/conversations/{conversation}")
    last = (await w.messages(conversation))[-1]
    equal(
        (found["status"], last["content"], last["metadata"].get("auto_reply")),
        ("resolved", "Back in a week.", True),
    )


MACHINES = {
    "a list": {"List-Id": "<news.lists.example>", "Precedence": "bulk"},
    "an autoresponder": {"X-Autoreply": "yes"},
    "no headers but its name": {},
}


@case("machines write to a bot", "none is answered; and one sender's answers are bounded, whatever it is")
async def machines(w: World) -> None:
    said = f"Thank you {w.run}"
    rule = {"name": f"thanks {w.run}", "priority": 1, "trigger_type": "channel", "conditions": {"channels": ["email"]},
            "actions": {"reply_text": said}, "is_active": True}  # fmt: skip
    made = await w.post("/v1/bot-rules", rule)
    try:
        await _in_force(w, said)
        names = ("news", "responder", "no-reply")
        for (kind, headers), name in zip(MACHINES.items(), names, strict=True):
            who = f"{name}.{w.run}@mail.example"
            await w.mail(who, "Release 7", "Release", headers)
            assert said not in await w.contents("email", who), f"the bot answered {kind}"
        who = f"ping.{w.run}@mail.example"
        for n in range(9):
            await w.mail(who, f"ping {n}", "Ping")
        answers = [
            m for c in await w.of("email", who) for m in await w.messages(c["id"]) if m["content"] == said
        ]
        assert len(answers) <= 5, f"{len(answers)} automatic answers to one sender"
    finally:
        await w.http.delete(f"/v1/bot-rules/{made['id']}")


async def _in_force(w: World, said: str) -> None:
    tries = iter(range(1000))

    async def answered() -> bool:
        who = f"probe{next(tries)}.{w.run}@mail.example"
        await w.mail(who, "Hello", "Hi")
        return said in await w.contents("email", who)

    await until(answered, "the rule to be in force")


@case(
    "a mail with others in To and Cc",
    "the answer goes to the sender, with the others in Cc, but our own address",
)
async def copies(w: World) -> None:
    ines, paul, rosa = (f"{name}.{w.run}@mail.example" for name in ("ines", "paul", "rosa"))
    await w.mail(ines, "please answer us all", "Order", ToFull=full(OURS, rosa), CcFull=full(paul))
    await w.say((await w.one("email", ines))["id"], f"To all of you {w.run}")
    request = await w.sent("email", f"To all of you {w.run}")
    equal((request["To"], request.get("Cc")), (ines, f"{rosa}, {paul}"))


@case("one Brazilian phone in two spellings", "one customer, one conversation")
async def brazil(w: World) -> None:
    await _opened(w, "whatsapp", f"+5511987{w.run}", contact_name="Bia")
    await w.whatsapp(f"551187{w.run}", {"type": "text", "text": {"body": "obrigada!"}}, "Bia")
    equal(await w.contents("whatsapp", f"551187{w.run}"), ["obrigada!"])
    assert len({c["id"] for c in await w.of("whatsapp", f"5511987{w.run}")}) == 1


async def _opened(w: World, kind: str, identifier: str, **fields: Any) -> dict[str, Any]:
    return await w.post(
        "/v1/conversations", {"channel_id": CHANNEL[kind], "contact_identifier": identifier, **fields}
    )


@case("a customer's number changes", "the new number is the same contact's, and the conversation goes on")
async def new_number(w: World) -> None:
    old, new = f"447711{w.run}", f"447712{w.run}"
    await w.whatsapp(old, {"type": "text", "text": {"body": "hello"}}, "Tove")
    system = {"body": f"Tove changed from {old} to {new}", "wa_id": new, "type": "user_changed_number"}
    await w.whatsapp(old, {"type": "system", "system": system})
    await w.whatsapp(new, {"type": "text", "text": {"body": "it is me again"}}, "Tove")
    conversation = await w.one("whatsapp", new)
    said = [m["content"] for m in await w.messages(conversation["id"])]
    equal((said[0], said[-1]), ("hello", "it is me again"))


@case("a customer known by a user id alone gets another", "the same customer, and the conversation goes on")
async def new_user_id(w: World) -> None:
    old, new, name = f"GB.A{w.run}", f"GB.B{w.run}", f"Ute{w.run}"
    notice = {"body": "changed", "type": "user_changed_user_id", "previous_user_id": old, "user_id": new}
    for user, said in (
        (old, {"type": "text", "text": {"body": "hello"}}),
        (new, {"type": "system", "system": notice}),
        (new, {"type": "text", "text": {"body": "it is me again"}}),
    ):
        message = {"from_user_id": user, "id": f"wamid.{uuid.uuid4().hex}", "timestamp": "1795969000", **said}
        people = [] if said["type"] == "system" else [{"user_id": user, "profile": {"name": name}}]
        value = {"messaging_product": "whatsapp", "contacts": people, "messages": [message]}
        entry = {"id": "1", "changes": [{"field": "messages", "value": value}]}
        await w.call("whatsapp", {"object": "whatsapp_business_account", "entry": [entry]})
    conversation = await w.one("whatsapp", name)
    texts = [m["content"] for m in await w.messages(conversation["id"])]
    equal((texts[0], texts[-1]), ("hello", "it is me again"))


@case("a name that comes with the second message", "it fills what was empty")
async def late_name(w: World) -> None:
    phone = f"447713{w.run}"
    opened = await _opened(w, "whatsapp", f"+{phone}")
    await w.whatsapp(phone, {"type": "text", "text": {"body": "hi"}}, "Wilma")
    equal((await w.get(f"/v1/conversations/{opened['id']}"))["contact_name"], "Wilma")


@case("links under words on Telegram", "their addresses are in the content; offsets count UTF-16 units")
async def hidden_links(w: World) -> None:
    chat = {"id": int(f"7{w.run}"), "type": "private", "first_name": "Timo"}
    link = {"type": "text_link", "offset": 7, "length": 4, "url": "https://shop.example/orders/9"}
    said = {"message_id": 1, "date": 1795969000, "chat": chat, "from": {**chat, "is_bot": False}}
    await w.call("telegram", {"update_id": 1, "message": {**said, "text": "See 👋 here", "entities": [link]}})
    photo = [{"file_id": "f1", "file_unique_id": "u1", "width": 9, "height": 9, "file_size": 9}]
    under = {"type": "text_link", "offset": 0, "length": 4, "url": "https://shop.example/bill"}
    captioned = {"message_id": 2, "photo": photo, "caption": "bill", "caption_entities": [under]}
    await w.call("telegram", {"update_id": 2, "message": {**said, **captioned}})
    right = ["See 👋 here (https://shop.example/orders/9)", "bill (https://shop.example/bill)"]
    equal(await w.contents("telegram", str(chat["id"])), right)


@case("search in scripts without spaces", "any two characters find the conversation")
async def scripts(w: World) -> None:
    texts = {"8613911": ("上周买的茶壶碎了，我要退款，多谢", "退款"), "6681": ("สินค้าแตก อยากขอเงินคืนค่ะ", "เงินคืน"),
             "8190": ("先週届いた急須が割れていました。返金をお願いします。", "返金")}  # fmt: skip
    for prefix, (text, query) in texts.items():
        phone = f"{prefix}{w.run}"
        await w.whatsapp(phone, {"type": "text", "text": {"body": f"{text} {w.run}"}}, "K")
        mine = {c["id"] for c in await w.of("whatsapp", phone)}
        assert mine & {c["id"] for c in await w.found("whatsapp", query)}, f"{query} finds nothing"


@case(
    "search by parts", "parts of numbers, of addresses, and words without their accents find the conversation"
)
async def parts(w: World) -> None:
    phone, number = f"1202580{w.run[-4:]}", f"5{w.run}"
    text = f"Order ORD-{number} is late, ask ulla@w{w.run}.example in the café of W{w.run}"
    await w.whatsapp(phone, {"type": "text", "text": {"body": text}}, "Sam")
    mine = {c["id"] for c in await w.of("whatsapp", phone)}
    written = f"({phone[1:4]}) {phone[4:7]}-{phone[7:]}"
    for query in (number, f"w{w.run}.example", f"cafe w{w.run}", written):
        assert mine & {c["id"] for c in await w.found("whatsapp", query)}, f"{query} finds nothing"


@case("file names that pretend", "safe wherever they are shown")
async def file_names(w: World) -> None:
    who = f"eve.{w.run}@mail.example"
    names = ("bill\u202efdp.exe", "..\\..\\run.txt", "a\r\nX-Evil: 1.txt")
    files = [{"Name": n, "ContentType": "text/plain", "Content": base64.b64encode(b"x").decode(), "ContentLength": 1} for n in names]  # fmt: skip
    await w.mail(who, "see the file", "Bill", Attachments=files)
    (message,) = await w.messages((await w.one("email", who))["id"])
    equal([a["name"] for a in message["attachments"]], ["billfdp.exe", "run.txt", "aX-Evil: 1.txt"])


@case("contact cards with only an address or a number", "a line for each, with how to reach the person")
async def cards(w: World) -> None:
    phone = f"447714{w.run}"
    people = [
        {"name": {"formatted_name": "Berit Foss"}, "emails": [{"email": "berit@mail.example"}]},
        {"name": {"first_name": "Zita", "formatted_name": ""}, "phones": [{"wa_id": "447700900401"}]},
    ]
    await w.whatsapp(phone, {"type": "contacts", "contacts": people})
    equal(await w.contents("whatsapp", phone), ["Berit Foss, berit@mail.example\nZita, 447700900401"])


@case("mail addresses that an agent writes", "read where there is one, refused with their field where not")
async def addresses(w: World) -> None:
    ana = f"ana.{w.run}@mail.example"
    equal((await _opened(w, "email", f"Ana <{ana}>", subject="Hi"))["contact_identifier"], ana)
    for wrong in (f"{ana}, bo@mail.example", "hello"):
        body = {"channel_id": CHANNEL["email"], "contact_identifier": wrong, "subject": "Hi"}
        problem = await w.post("/v1/conversations", body, 422)
        equal([error["path"] for error in problem["errors"]], ["contact_identifier"])

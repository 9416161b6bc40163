"""Mails as people and machines really send them, through the demo's e-mail channel: whose they are, what of them is shown, and
whom an answer reaches."""

from __future__ import annotations

import asyncio
import base64
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from desks import Desk, fresh, ok, problem
from plain_http import NO_TLS
from serving import OwnServer
from waiting import until

from tertulia.serving import demo

EMAIL = next(channel for channel in demo.CHANNELS if channel.type == "email")
OURS = EMAIL.credentials["from_address"]


def full(*addresses: str) -> list[dict[str, str]]:
    return [{"Email": one, "Name": "", "MailboxHash": ""} for one in addresses]


def mail(
    sender: str, text: str, subject: str, headers: dict[str, str] | None = None, **fields: Any
) -> dict[str, Any]:
    """A mail as Postmark posts it, under an id of its own."""
    stated = {"Message-ID": f"<{uuid.uuid4()}@mail.example>"} | (headers or {})
    return {
        "RecordType": "Inbound", "MessageID": str(uuid.uuid4()), "From": sender, "FromName": "", "FromFull": full(sender)[0],
        "To": OURS, "ToFull": full(OURS), "CcFull": [], "Subject": subject, "Date": "Sun, 29 Nov 2026 16:00:00 +0000",
        "TextBody": text, "HtmlBody": "", "StrippedTextReply": "",
        "Headers": [{"Name": name, "Value": value} for name, value in stated.items()], "Attachments": [],
    } | fields  # fmt: skip


def address(name: str) -> str:
    return f"{fresh(name)}@mail.example"


class Mailbox:
    """Postmark on one side, the inbox on the other."""

    def __init__(self, server: OwnServer, desk: Desk, double: httpx.AsyncClient) -> None:
        self.server, self.desk, self.double = server, desk, double

    async def takes(self, *mails: dict[str, Any], channel: str = EMAIL.id) -> None:
        proof = EMAIL.credentials["webhook_user"], EMAIL.credentials["webhook_password"]
        async with httpx.AsyncClient(
            base_url=self.server.url, auth=proof, timeout=30, verify=NO_TLS
        ) as postmark:
            for sent in mails:
                assert (await postmark.post(f"/v1/webhooks/email/{channel}", json=sent)).status_code == 200

    async def of(self, identifier: str) -> list[dict[str, Any]]:
        query = {"channel_id": EMAIL.id, "q": identifier}
        found = ok(await self.desk.http.get("/v1/conversations", params=query), 200)["items"]
        return [c for c in found if c["contact_identifier"] == identifier]

    async def one(self, identifier: str) -> dict[str, Any]:
        (found,) = await self.of(identifier)
        return found

    async def messages(self, identifier: str) -> list[dict[str, Any]]:
        return await self.desk.messages((await self.one(identifier))["id"])

    async def sent(self, text: str) -> dict[str, Any]:
        """The mail that Postmark was given with this text."""

        async def found() -> dict[str, Any] | None:
            items = ok(await self.double.get(f"/double/{EMAIL.id}/sent"))["items"]
            return next((item["request"] for item in items if text in item["text"]), None)

        return await until(found, f"a mail with {text}")


@pytest.fixture
async def box(server: OwnServer, desks: dict[str, Desk]) -> AsyncIterator[Mailbox]:
    channel = ok(await desks["admin"].http.get(f"/v1/channels/{EMAIL.id}"))
    async with httpx.AsyncClient(base_url=channel["config"]["base_url"], timeout=30, verify=NO_TLS) as double:
        yield Mailbox(server, desks["lead"], double)


async def test_two_mails_under_one_message_id_are_two(box: Mailbox) -> None:
    one, two, scan = address("scanner"), address("scanner"), {"Message-ID": f"<{fresh('scan')}@device.local>"}
    first = mail(one, "Page one for Mira.", "Scan Monday", scan)
    await box.takes(
        first,
        mail(two, "Page two, for Lev.", "Scan Tuesday", scan),
        mail(one, "Page three", "Scan Monday", scan),
    )
    assert [m["content"] for m in await box.messages(one)] == ["Page one for Mira.", "Page three"]
    assert [m["content"] for m in await box.messages(two)] == ["Page two, for Lev."]
    assert (await box.messages(one))[0]["external_id"] == first["MessageID"]
    await box.takes(mail(two, "Thanks", "Other", {"In-Reply-To": scan["Message-ID"]}))
    assert [m["content"] for m in await box.messages(two)] == ["Page two, for Lev.", "Thanks"], (
        "it threads all the same"
    )


async def test_a_repeat_is_taken_once_and_one_that_says_something_else_is_set_aside(
    box: Mailbox, desks: dict[str, Desk]
) -> None:
    who = address("ana")
    first = mail(who, "Where is it?", "Parcel")
    other = first | {"TextBody": f"Something else entirely, {who}"}
    await box.takes(first, first, other)
    assert [m["content"] for m in await box.messages(who)] == ["Where is it?"]
    query = {"channel_id": EMAIL.id}
    failures = ok(await desks["admin"].http.get("/v1/inbound-failures", params=query), 200)["items"]
    assert [f for f in failures if who in str(f["faults"])], "the other one is not lost"


async def test_customers_behind_one_form_are_several_and_are_answered_themselves(box: Mailbox) -> None:
    form, mira, lev = address("form"), address("mira"), address("lev")
    for who, said in ((mira, "my umbrella broke"), (lev, "my scarf is lost")):
        await box.takes(mail(form, said, "New enquiry", {"Reply-To": f"Someone <{who}>"}, ReplyTo=who))
    assert await box.of(form) == []
    for who in (mira, lev):
        conversation = await box.one(who)
        (message,) = await box.desk.messages(conversation["id"])
        assert message["metadata"]["from"]["email"] == form
        ok(await box.desk.say(conversation["id"], f"To {who}"), 201)
        assert (await box.sent(f"To {who}"))["To"] == who


@pytest.mark.parametrize("given", ["", "not an address", f"{OURS}", "a@x.example, b@x.example"])
async def test_without_one_valid_reply_to_the_sender_is_the_author(box: Mailbox, given: str) -> None:
    who = address("sara")
    await box.takes(mail(who, "Hello", "Hi", {"Reply-To": given} if given else None))
    conversation = await box.one(who)
    message = ok(await box.desk.say(conversation["id"], f"Answer to {who}"), 201)
    several = ["a@x.example", "b@x.example"]
    assert message["metadata"]["recipients"]["to"] == (several if "," in given else [who])


FIRST_MAILS = (
    "Hello,\n\nOn 3 May 2026 your colleague Paul wrote:\n\nWe will refund you within a week.\n\nPlease call me.\n\nIna",
    "Hi, please change my booking:\n\nFrom: Warsaw\nTo: Krakow\nDate: 3 May 2026\nSubject: seat 14\n\nto seat 15. Thanks",
    "Look:\n\n> an old verse\n> of two lines",
)


@pytest.mark.parametrize("text", FIRST_MAILS)
async def test_nothing_is_cut_from_a_mail_that_answers_nothing(box: Mailbox, text: str) -> None:
    who = address("ina")
    await box.takes(mail(who, text, "Refund"))
    (message,) = await box.messages(who)
    assert message["content"] == text


async def test_a_quote_is_cut_from_an_answer_and_kept_beside(box: Mailbox) -> None:
    who = address("ina")
    text = "Спасибо\n\n3 мая 2026 г., в 16:45, Acme <a@acme.example> написал(а):\n\n> Всё в пути."
    await box.takes(mail(who, text, "[EXTERNAL] Ответ: Заказ"))
    (message,) = await box.messages(who)
    assert (message["content"], message["metadata"]["original"]) == ("Спасибо", text)


async def test_an_out_of_office_note_is_shown_and_reopens_nothing(box: Mailbox) -> None:
    who = address("otto")
    lamp = {"Message-ID": f"<{fresh('lamp')}@mail.example>"}
    await box.takes(mail(who, "The lamp is broken.", "Lamp broken", lamp))
    conversation = await box.one(who)
    ok(await box.desk.patch(conversation["id"], status="resolved"), 200)
    before = await box.desk.get(conversation["id"])
    note = {
        "In-Reply-To": lamp["Message-ID"],
        "Auto-Submitted": "auto-replied",
        "X-Auto-Response-Suppress": "All",
    }
    await box.takes(mail(who, "I am away until Monday.", "Automatic reply: Lamp broken", note))
    after = await box.desk.get(conversation["id"])
    assert (after["status"], after["unread_count"]) == ("resolved", before["unread_count"])
    shown = (await box.desk.messages(conversation["id"]))[-1]
    assert shown["content"] == "I am away until Monday." and shown["metadata"]["auto_reply"] is True
    await box.takes(mail(who, "I am back.", "Re: Lamp broken"))
    reopened = await box.desk.get(conversation["id"])
    assert reopened["status"] != "resolved" and reopened["unread_count"] == before["unread_count"] + 1


MACHINES = {
    "list": {"List-Id": "<announce.lists.example>", "Precedence": "list"},
    "responder": {"X-Autoresponder": "Will not send another autoreply for 86400 seconds"},
    "bounce": {"Return-Path": "<>", "Content-Type": "multipart/report; report-type=delivery-status"},
    "no-reply": {},
}


@pytest.mark.parametrize("kind", MACHINES)
async def test_no_bot_wakes_and_nobody_is_waited_for_when_machines_write(
    box: Mailbox, desks: dict[str, Desk], kind: str
) -> None:
    rule = {"name": fresh("ack"), "priority": 1, "trigger_type": "channel", "conditions": {"channels": ["email"]},
            "actions": {"reply_text": "Thank you, we received your mail."}, "is_active": True}  # fmt: skip
    made = ok(await desks["admin"].http.post("/v1/bot-rules", json=rule), 201)
    try:
        who, person = address(kind), address("person")
        await asyncio.sleep(0)

        async def answered() -> bool:
            probe = address("probe")
            await box.takes(mail(probe, "Hello", "Hi"))
            return len(await box.messages(probe)) == 2

        await until(answered, "the rule to be in force")
        await box.takes(mail(who, "Release notes", "Release", MACHINES[kind]), mail(person, "Hello", "Hi"))
        conversation = await box.one(who)
        (message,) = await box.desk.messages(conversation["id"])
        assert message["metadata"]["auto_reply"] is True
        assert (conversation["status"], conversation["unread_count"]) == ("resolved", 0)
        queue = ok(await box.desk.http.get("/v1/queue"), 200)
        assert conversation["id"] not in str(queue)
        assert len(await box.messages(person)) == 2
    finally:
        ok(await desks["admin"].http.delete(f"/v1/bot-rules/{made['id']}"), 204)


async def test_an_answer_goes_to_all_whom_the_mail_went_to(box: Mailbox) -> None:
    ines, rosa, paul = address("ines"), address("rosa"), address("paul")
    await box.takes(
        mail(ines, "Please answer all of us", "Group order", ToFull=full(OURS, rosa), CcFull=full(paul))
    )
    conversation = (await box.one(ines))["id"]
    answer = ok(await box.desk.say(conversation, f"To all, {ines}"), 201)
    assert answer["metadata"]["recipients"] == {"to": [ines], "cc": [rosa, paul]}
    sent = await box.sent(f"To all, {ines}")
    assert (sent["To"], sent["Cc"], sent.get("Bcc")) == (ines, f"{rosa}, {paul}", None)
    key = fresh("key")
    only = {"to": [f"Rosa <{rosa.upper()}>"], "cc": [], "bcc": [paul], "client_message_id": key}
    answer = ok(await box.desk.say(conversation, f"To one, {ines}", **only), 201)
    assert answer["metadata"]["recipients"] == {"to": [rosa], "bcc": [paul]}
    ok(await box.desk.say(conversation, f"To one, {ines}", **only), 200)
    problem(await box.desk.say(conversation, f"To one, {ines}", **only | {"to": [ines]}), 409, "conflict")
    sent = await box.sent(f"To one, {ines}")
    assert (sent["To"], sent.get("Cc"), sent["Bcc"]) == (rosa, None, paul)


async def test_other_mailboxes_of_the_account_get_no_copy_and_wake_no_bot(
    box: Mailbox, desks: dict[str, Desk]
) -> None:
    """Each mailbox takes the mail into a conversation of its own, and answers the customer without the other."""
    sales, ines, tagged = address("sales"), address("ines"), f"paul+shop@{fresh('x')}.example"
    made = {
        "type": "email", "name": fresh("Sales"),
        "credentials": {**EMAIL.credentials, "from_address": sales.upper()}, "config": {"addresses": [f"alias.{sales}"], "sent_elsewhere": True},
    }  # fmt: skip
    other = ok(await desks["admin"].http.post("/v1/channels", json=made), 201)
    shared = {
        "ToFull": full(OURS, sales),
        "CcFull": [*full(f"alias.{sales}"), {"Email": tagged, "Name": "", "MailboxHash": "shop"}],
    }
    await box.takes(mail(ines, "To both", "Shared", **shared))
    await box.takes(mail(ines, "To both", "Shared", **shared), channel=other["id"])
    query = {"q": ines}
    both = ok(await box.desk.http.get("/v1/conversations", params=query), 200)["items"]
    assert {c["channel_id"] for c in both} == {EMAIL.id, other["id"]} and len(
        {c["contact_id"] for c in both}
    ) == 1
    for c in both:
        answer = ok(await box.desk.say(c["id"], f"Answer to {ines}"), 201)
        assert answer["metadata"]["recipients"] == {"to": [ines], "cc": [tagged]}
    await box.takes(mail(sales, "Passed on to you", fresh("Internal")))
    own = await box.one(sales)
    (said,) = await box.desk.messages(own["id"])
    assert said["metadata"]["auto_reply"] is True and own["status"] == "resolved"
    ok(await desks["admin"].http.patch(f"/v1/channels/{other['id']}", json={"is_active": False}), 200)


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"cc": ["nobody"]}, "cc[0]"),
        ({"to": ["a@x.example", "a@x.example, b@x.example"]}, "to[1]"),
        ({"to": []}, "to"),
        ({"bcc": [f"a{n}@x.example" for n in range(60)]}, "bcc"),
        ({"to": [f"a{n}@x.example" for n in range(30)], "cc": [f"b{n}@x.example" for n in range(30)]}, "to"),
        ({"cc": ["a@x.example"], "is_private": True}, "cc"),
    ],
)
async def test_wrong_recipients_are_refused(box: Mailbox, fields: dict[str, Any], path: str) -> None:
    opened = await box.desk.open(address("kim"), EMAIL.id, subject="Hi")
    refused = problem(await box.desk.say(opened["id"], "Hello", **fields), 422, "invalid")
    assert path in {error["path"] for error in refused["errors"]}


async def test_other_channels_take_no_recipients(service: Desk) -> None:
    opened = await service.open()
    refused = problem(await service.say(opened["id"], "Hello", cc=["a@x.example"]), 422, "invalid")
    assert refused["errors"][0]["path"] == "cc"


async def test_addresses_are_read_and_checked(box: Mailbox) -> None:
    ana = address("ana")
    opened = await box.desk.open(f"Ana <{ana.upper()}>", EMAIL.id, subject="Hi")
    assert opened["contact_identifier"] == ana
    await box.takes(mail(ana, "Hello", "Re: Hi"))
    assert (await box.one(ana))["id"] == opened["id"]
    for wrong in (
        f"{ana}, bob@mail.example",
        "hello",
        "a b@mail.example",
        f"{'x' * 65}@mail.example",
        "a..b@mail.example",
    ):
        body = {"channel_id": EMAIL.id, "contact_identifier": wrong, "subject": "Hi"}
        refused = problem(await box.desk.http.post("/v1/conversations", json=body), 422, "invalid")
        assert refused["errors"][0]["path"] == "contact_identifier"
        contact = {"name": "x", "identifiers": [{"channel_type": "email", "identifier": wrong}]}
        problem(await box.desk.http.post("/v1/contacts", json=contact), 422, "invalid")


async def test_a_files_name_is_safe_before_anybody_sees_it(box: Mailbox) -> None:
    who = address("eve")
    names = ("invoice\u202egpj.exe", "a\\..\\..\\evil.txt", "inv\r\nX-Evil: 1.txt")
    files = [
        {"Name": name, "ContentType": "text/plain", "Content": base64.b64encode(b"x").decode(), "ContentLength": 1}
        for name in names
    ]  # fmt: skip
    await box.takes(mail(who, "see the file", "Invoice", Attachments=files))
    (message,) = await box.messages(who)
    assert [a["name"] for a in message["attachments"]] == ["invoicegpj.exe", "evil.txt", "invX-Evil: 1.txt"]


async def test_bots_that_mail_over_the_api_are_bounded(box: Mailbox, service: Desk) -> None:
    """Five an hour and conversation, ten to one sender: a machine that answers each of them is not answered for ever."""
    who = address("robot")
    told = 0
    for subject in ("One", "Two", "Three"):
        conversation = (await service.open(who, EMAIL.id, subject=f"{subject} {fresh()}"))["id"]
        for _ in range(5):
            told += 1
            ok(await service.say(conversation, f"{who} {told}.", sender_type="bot"), 201)
        refused = await service.say(conversation, "one more", sender_type="bot")
        assert "/handoff" in problem(refused, 429, "rate_limited")["detail"]

        async def settled(conversation: str = conversation) -> list[dict[str, Any]] | None:
            found = await service.messages(conversation)
            return None if any(m["delivery_status"] == "queued" for m in found) else found

        last = await until(settled, "the mails to be sent or refused")
    assert {m["delivery_status"] for m in last} == {"failed"}
    assert {m["delivery_error"]["code"] for m in last} == {"too_many_automatic"}
    ok(await box.desk.say(conversation, f"{who} a person's"), 201)
    await box.sent(f"{who} a person's")

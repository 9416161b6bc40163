"""postmarker, on the double."""

from __future__ import annotations

import asyncio
from email.mime.text import MIMEText
from typing import Any

import pytest
from desk import CREDENTIALS, Desk
from postmarker.core import PostmarkClient
from postmarker.exceptions import ClientError
from postmarker.models.emails import Delivery

FROM = CREDENTIALS["email"]["from_address"]
MAIL = {"From": FROM, "To": "sara@customer.example", "Subject": "Hi"}


@pytest.fixture
def client(at: Desk) -> PostmarkClient:
    return PostmarkClient(server_token=CREDENTIALS["email"]["server_token"], root_api_url=f"{at.double}/")


@pytest.fixture
async def channel(at: Desk) -> str:
    return await at.register("email")


async def test_one_mail(at: Desk, channel: str, client: PostmarkClient) -> None:
    """The library says null for each field that was not given."""
    file = ("a.pdf", "JVBERg==", "application/pdf")
    sent = await asyncio.to_thread(
        client.emails.send, **MAIL, TextBody="Hej", Cc="b@x.example", Headers={"In-Reply-To": "<a@b>"},
        Attachments=[file], Metadata={"id": "7"},
    )  # fmt: skip
    assert (sent["ErrorCode"], sent["To"]) == (0, MAIL["To"])
    (item,) = await at.sent(channel)
    assert (item["provider_id"], item["text"]) == (sent["MessageID"], "Hej")
    assert await asyncio.to_thread(client.emails.send, **MAIL, HtmlBody="<b>Hej</b>")
    mime = MIMEText("by MIME")
    for name, value in MAIL.items():
        mime[name] = value
    await asyncio.to_thread(client.emails.send, mime)
    assert (await at.sent(channel))[-1]["text"].strip() == "by MIME"


async def test_a_batch_has_an_answer_for_each(at: Desk, channel: str, client: PostmarkClient) -> None:
    mails: list[dict[str, Any]] = [{**MAIL, "TextBody": "1"}, {**MAIL, "To": "nobody", "TextBody": "2"}]
    answers = await asyncio.to_thread(client.emails.send_batch, *mails)
    assert [answer["ErrorCode"] for answer in answers] == [0, 300]
    assert [item["text"] for item in await at.sent(channel)] == ["1"]


async def test_templates(at: Desk, channel: str, client: PostmarkClient) -> None:
    made = await asyncio.to_thread(
        client.templates.create,
        Name="Order", Subject="Order {{order.id}}", HtmlBody="<p>{{name}}</p>", TextBody="Dear {{name}}", Alias="order",
    )  # fmt: skip
    to = {"From": FROM, "To": MAIL["To"]}
    model = {"name": "Ana <3", "order": {"id": 7}}
    await asyncio.to_thread(
        client.emails.send_with_template, **to, TemplateId=made.TemplateId, TemplateModel=model
    )
    batch = [
        {**to, "TemplateAlias": "order", "TemplateModel": model},
        {**to, "TemplateAlias": "no", "TemplateModel": {}},
    ]
    answers = await asyncio.to_thread(client.emails.send_template_batch, *batch)
    assert [answer["ErrorCode"] for answer in answers] == [0, 1101]
    assert [item["text"] for item in await at.sent(channel)] == ["Dear Ana <3"] * 2
    (listed,) = await asyncio.to_thread(client.messages.outbound.all, count=1)
    assert listed.Subject == "Order 7"
    assert len(await asyncio.to_thread(client.templates.all)) == 1
    await asyncio.to_thread(client.templates.edit, made.TemplateId, Name="Orders")
    assert (await asyncio.to_thread(client.templates.get, made.TemplateId)).Name == "Orders"
    await asyncio.to_thread(client.templates.delete, made.TemplateId)
    assert await asyncio.to_thread(client.templates.all) == []


async def test_what_was_sent_is_found_again(at: Desk, channel: str, client: PostmarkClient) -> None:
    for n in range(3):
        await asyncio.to_thread(client.emails.send, **MAIL, TextBody=str(n), Tag=f"t{n}")
    found = await asyncio.to_thread(client.messages.outbound.all)
    assert {message.Tag for message in found} == {"t0", "t1", "t2"}
    (one,) = await asyncio.to_thread(client.messages.outbound.all, tag="t1")
    assert (await asyncio.to_thread(one.get)).TextBody == "1"
    assert (await asyncio.to_thread(client.server.get)).Name == "Double"


async def test_its_webhooks_are_read(at: Desk, channel: str, client: PostmarkClient) -> None:
    paper = {"name": "a.pdf", "content_type": "application/pdf", "data": "JVBERg=="}
    await at.play(
        channel, "email", name="Sara", text="Hej", subject="Hi", cc=["b@x.example"], attachments=[paper]
    )
    _, call = await at.calls.get()
    mail = client.messages.inbound.InboundMessage(call.body.decode())
    assert (mail.FromName, mail.Subject, mail.TextBody) == ("Sara", "Hi", "Hej")
    assert mail.Cc == "b@x.example" and mail["Message-ID"]
    assert [(file.Name, file.decoded) for file in mail.Attachments] == [("a.pdf", b"%PDF")]
    assert mail.as_mime()["Subject"] == "Hi"
    sent = await asyncio.to_thread(client.emails.send, **MAIL, TextBody="x")
    for status in ("delivered", "read", "failed"):
        await at.control("POST", f"/{channel}/receipts", {"provider_id": sent["MessageID"], "status": status})
    bodies = [(await at.calls.get())[1].body.decode() for _ in range(3)]
    delivered = Delivery.from_json(bodies[0], client.emails)
    assert (await asyncio.to_thread(lambda: delivered.message)).MessageID == sent["MessageID"]
    opened = client.messages.outbound.opens.Open(bodies[1])
    bounced = client.bounces.Bounce(bodies[2])
    assert {opened.MessageID, bounced.MessageID} == {sent["MessageID"]} and bounced.Type == "HardBounce"


async def test_errors_are_the_providers_own(at: Desk, channel: str, client: PostmarkClient) -> None:
    with pytest.raises(ClientError, match=r"\[300\] Error parsing 'To'"):
        await asyncio.to_thread(client.emails.send, **MAIL | {"To": "nobody"}, TextBody="x")
    await at.control("PUT", f"/{channel}/faults", {"kind": "refuse"})
    with pytest.raises(ClientError) as refused:
        await asyncio.to_thread(client.emails.send, **MAIL, TextBody="x")
    assert refused.value.error_code == 406
    stranger = PostmarkClient(server_token="none", root_api_url=f"{at.double}/")
    with pytest.raises(ClientError, match=r"\[10\]"):
        await asyncio.to_thread(stranger.emails.send, **MAIL, TextBody="x")

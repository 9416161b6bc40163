"""Objects of every kind, made through the API, for the examples to name."""

from __future__ import annotations

import itertools
import json

import httpx
from desks import Desk, fresh, fresh_phone, ok
from examples import Example
from plain_http import NO_TLS
from serving import OwnServer
from waiting import until

from tertulia.serving.demo import ACCOUNT, demo_id

_numbers = itertools.count(1)


async def more_objects(
    server: OwnServer, name: str, example: Example | None = None, conversation: str | None = None
) -> dict[str, str]:
    """Ids of the demo account's other objects, made under `name`: all kinds, or those that `example` speaks of. The
    attachment is in a message of `conversation`, where that is given."""
    wanted = "" if example is None else f"{dict(example.names)} {example.body} {example.query}"
    made: dict[str, str] = {}

    async def make(path: str, body: dict, **ids: str) -> None:
        if example is None or any("{" + name + "}" in wanted for name in ids.values()):
            answer = ok(await admin.post(path, json=body), 201)
            made.update({name: answer[field] for field, name in ids.items()})

    async with server.client(server.token("admin", "maker")) as admin:
        if example is None or "{session" in wanted:
            phone = fresh_phone()
            made |= {"session": await _session(server, phone), "session_phone": phone}
        await make("/v1/contacts", {"name": name}, id="contact")
        await make("/v1/contacts", {"name": name}, id="second_contact")
        owner = made.get("contact") or ok(await admin.post("/v1/contacts", json={"name": name}), 201)["id"]
        identifier = {"contact_id": owner, "channel_type": "telegram", "identifier": fresh()}
        await make("/v1/contact-identifiers", identifier | {"display_name": name}, id="identifier")
        await make("/v1/channels", {"type": "webchat", "name": name}, id="own_channel")
        if example is None or "{failed_message}" in wanted:
            made["failed_message"] = await failed_message(admin, name)
        await make("/v1/api-clients", {"name": name}, client_id="client", client_secret="client_secret")
        bot = {"type": "telegram", "name": name, "credentials": {"secret_token": "bot-secret"}}
        await make("/v1/channels", bot, id="bot")
        whatsapp = {"type": "whatsapp", "name": name, "credentials": {"verify_token": "knock"}}
        await make("/v1/channels", whatsapp, id="whatsapp")
        if example is None or "{inbound_failure}" in wanted:
            made["inbound_failure"] = await _inbound_failure(admin, bot, name)
        texts = {"title": name, "content": name, "category": name}
        await make("/v1/canned-responses", {"short_code": f"/{fresh(name)}"} | texts, id="canned")
        macro = {"short_code": f"/{fresh(name)}", "actions": {"add_labels": [name]}}
        await make("/v1/canned-responses", macro | texts, id="macro")
        await make("/v1/articles", {"title": name, "body": name}, id="article")
        rule = {
            "name": name,
            "trigger_type": "keyword",
            "conditions": {"keywords": [name]},
            "is_active": False,
        }
        await make("/v1/bot-rules", rule, id="bot_rule")
        await make("/v1/teams", {"name": fresh(name), "description": name}, id="team")
        if example is None or "{member}" in wanted:
            team = (
                made.get("team") or ok(await admin.post("/v1/teams", json={"name": fresh(name)}), 201)["id"]
            )
            await make(f"/v1/teams/{team}/members", {"user_id": fresh(name)}, user_id="member")
        await make(f"/v1/attachments?name={name}.json", {"name": name}, id="attachment")
        if conversation is not None and "attachment" in made:
            url = f"/v1/attachments/{made['attachment']}"
            ok(await Desk(admin).say(conversation, "look", attachments=[{"url": url}]), 201)
        if example is None or "{mail" in wanted:
            made |= await _mail(admin, name)
        if example is None or "{assisted}" in wanted:
            new = await admin.post("/assistant/api/v1/conversations/", json={"title": f"About {name}"})
            made["assisted"] = ok(new, 201)["id"]
        if example is None or "{suggested}" in wanted:
            made |= await _suggestion(admin, name)
        if example is None or "{event_webhook}" in wanted:
            made |= await event_webhook(server, admin, name)
    return made


async def _suggestion(admin: httpx.AsyncClient, name: str) -> dict[str, str]:
    """A conversation with a suggestion that waits for somebody's decision."""
    conversation = (await Desk(admin).open())["id"]
    path = f"/v1/conversations/{conversation}/suggestions"
    return {
        "suggested": conversation,
        "suggestion": ok(await admin.post(path, json={"draft": f"About {name}"}), 201)["id"],
    }


async def _mail(admin: httpx.AsyncClient, name: str) -> dict[str, str]:
    """A conversation that a customer's mail has opened, and a pending suggestion."""
    address = f"{fresh('mail')}@mail.example"
    body = {
        "MessageID": fresh("mail"), "From": address, "FromFull": {"Email": address, "Name": name}, "Subject": f"About {name}",
        "ToFull": [{"Email": "support@demo.example", "Name": ""}], "CcFull": [], "Date": "Sun, 29 Nov 2026 16:00:00 +0000",
        "TextBody": f"Hello {name}", "HtmlBody": "", "Headers": [], "Attachments": [],
    }  # fmt: skip
    async with httpx.AsyncClient(
        base_url=admin.base_url, auth=("demo", "demo-webhook-password"), timeout=30, verify=NO_TLS
    ) as postmark:
        ok(await postmark.post(f"/v1/webhooks/email/{demo_id(17)}", json=body), 200)
    (c,) = ok(await admin.get("/v1/conversations", params={"q": address}), 200)["items"]
    (message,) = await Desk(admin).messages(c["id"])
    draft = {"draft": f"About {name}"}
    made = ok(await admin.post(f"/v1/conversations/{c['id']}/suggestions", json=draft), 201)
    return {"mail": c["id"], "mail_message": message["id"], "mail_suggestion": made["id"]}


async def _inbound_failure(admin: httpx.AsyncClient, bot: dict, name: str) -> str:
    """The id of a payload that was set aside, with `name` in it."""
    channel = ok(await admin.post("/v1/channels", json=bot), 201)["id"]
    secret = {"X-Telegram-Bot-Api-Secret-Token": "bot-secret"}
    ok(await admin.post(f"/v1/webhooks/telegram/{channel}", content=f"{{{name}", headers=secret), 200)
    (failure,) = ok(await admin.get("/v1/inbound-failures", params={"channel_id": channel}))["items"]
    return failure["id"]


async def event_webhook(server: OwnServer, admin: httpx.AsyncClient, name: str) -> dict[str, str]:
    """An event webhook, the account's only one (an account may have so many), and a delivery to it."""
    await server.sql("DELETE FROM event_webhooks WHERE account_id = $1", ACCOUNT)
    body = {"url": "http://127.0.0.1:9/in", "description": name}
    webhook = ok(await admin.post("/v1/event-webhooks", json=body), 201)["id"]
    (row,) = await server.sql(
        "INSERT INTO event_deliveries (id, account_id, webhook_id, event_id, event_type, payload, status,"
        " response_excerpt) VALUES (gen_random_uuid(), $1, $2, 'evt_1', 'conversation:message', $3, 'failed', $4)"
        " RETURNING id::text", ACCOUNT, webhook, json.dumps({"content": name}).encode(), name,
    )  # fmt: skip
    return {"event_webhook": webhook, "event_delivery": row[0]}


async def failed_message(admin: httpx.AsyncClient, name: str) -> str:
    """A message that cannot be delivered: its channel has no credentials."""
    channel = ok(await admin.post("/v1/channels", json={"type": "sms", "name": name}), 201)["id"]
    opening = {
        "channel_id": channel,
        "contact_identifier": f"+49170{next(_numbers):07}",
        "contact_name": name,
    }
    conversation = ok(await admin.post("/v1/conversations", json=opening), 201)["id"]
    path = f"/v1/conversations/{conversation}/messages"
    message = ok(await admin.post(path, json={"content": name}), 201)
    assert message["delivery_status"] == "queued"

    async def failed() -> bool:
        return ok(await admin.get(f"/v1/deliveries/{message['id']}"), 200)["status"] == "failed"

    await until(failed, "the message to fail")
    return message["id"]


async def _session(server: OwnServer, phone: str) -> str:
    """The session id of a conversation on WhatsApp."""
    async with server.client(server.token("service", "maker")) as client:
        answer = await client.post("/sync/api/v1/conversations", json={"userId": phone})
        return ok(answer, 201)["data"]["sessionId"]

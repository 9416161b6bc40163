"""The reply desk's API as its document describes it: a test for each endpoint, status and event."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import postmark
import pytest
from desks import Desk, ok
from readers import open_socket
from serving import OwnServer
from test_cases_mail import EMAIL, OURS, Mailbox, address, box, mail  # noqa: F401  (a fixture)
from waiting import until

LISTED = {
    "id", "subject", "status", "lead_id", "lead", "message_count", "unread_count", "has_pending_suggestion",
    "last_message_at", "last_message_preview", "archived_at", "created_at", "updated_at",
}  # fmt: skip
MESSAGE = {
    "id", "conversation_id", "direction", "sender", "recipient", "subject", "body", "body_html", "status",
    "external_id", "created_at",
}  # fmt: skip
SUGGESTION = {
    "id", "conversation_id", "message_id", "suggested_subject", "suggested_body", "confidence_score", "sentiment",
    "sentiment_score", "intent", "status", "model", "provider", "similar_conversations", "rejection_reason", "created_at",
}  # fmt: skip


class ReplyDesk:
    """A client that knows the reply desk's base URL and its token."""

    def __init__(self, http: httpx.AsyncClient, mailbox: Mailbox) -> None:
        self.http, self.box = http, mailbox
        self.list = str(http.base_url).rstrip("/")

    async def asked(self, text: str = "Where is my refund for order A-1042?", subject: str = "Refund") -> str:
        """A conversation that a lead's mail has opened."""
        sender = address("lead")
        await self.box.takes(mail(sender, text, subject))
        return (await self.box.one(sender))["id"]

    async def regenerate(self, conversation: str, **wishes: Any) -> dict[str, Any]:
        thread = ok(await self.http.get(f"/{conversation}"), 200)
        body = {"message_id": thread["messages"][-1]["id"], **wishes}
        return ok(await self.http.post(f"/{conversation}/regenerate", json=body), 200)


def fault(response: httpx.Response, status: int, conversation: str | None) -> str:
    """The detail of an error, after checking its form."""
    assert response.status_code == status, response.text
    body = response.json()
    assert set(body) == {"detail", "conversation_id", "timestamp"} and body["conversation_id"] == conversation
    return body["detail"]


@pytest.fixture
async def desk(server: OwnServer, box: Mailbox) -> AsyncIterator[ReplyDesk]:  # noqa: F811
    async with server.client(server.token("agent", "agent-1")) as client:
        client.base_url = httpx.URL(f"{server.url}/desk/api/v1/conversations")
        yield ReplyDesk(client, box)


async def test_list_conversations(desk: ReplyDesk) -> None:
    one = await desk.asked(subject="Zyzzyva order")
    two = await desk.asked(subject="Zyzzyva invoice")
    await desk.regenerate(one)
    page = ok(
        await desk.http.get(desk.list, params={"search": "zyzzyva", "page_size": 1, "sort_by": "created_at"}),
        200,
    )
    assert set(page) == {"conversations", "total", "page", "page_size", "has_more"}
    assert (page["page"], page["page_size"]) == (1, 1) and page["total"] >= 2 and page["has_more"]
    (newest,) = page["conversations"]
    assert set(newest) == LISTED and newest["id"] == two and not newest["has_pending_suggestion"]
    assert set(newest["lead"]) == {"id", "name", "email"} and newest["lead"]["id"] == newest["lead_id"]
    mine = ok(await desk.http.get(desk.list, params={"lead_id": newest["lead_id"]}), 200)
    assert [c["id"] for c in mine["conversations"]] == [two] and not mine["has_more"]
    oldest = {"search": "zyzzyva", "sort_by": "created_at", "sort_order": "asc", "page_size": 100}
    found = {c["id"]: c for c in ok(await desk.http.get(desk.list, params=oldest), 200)["conversations"]}
    assert list(found).index(one) < list(found).index(two) and found[one]["has_pending_suggestion"]
    text = ok(await desk.http.get(desk.list, params={"search": "A-1042", "lead_id": newest["lead_id"]}), 200)
    assert text["total"] == 1, "the words of its mails are searched too"


async def test_list_conversations_names_the_wrong_field(desk: ReplyDesk) -> None:
    for query in ({"page": 0}, {"page_size": 101}, {"sort_by": "name"}, {"status": "open"}, {"lead_id": "1"}):
        detail = fault(await desk.http.get(desk.list, params=query), 422, None)
        assert next(iter(query)) in detail


async def test_get_conversation(desk: ReplyDesk) -> None:
    conversation = await desk.asked()
    made = await desk.regenerate(conversation)
    thread = ok(await desk.http.get(f"/{conversation}"), 200)
    assert set(thread) == LISTED | {"messages", "pending_suggestion", "ai_suggestions"}
    (message,) = thread["messages"]
    assert set(message) == MESSAGE and (message["direction"], message["subject"]) == ("inbound", "Refund")
    assert message["sender"]["email"] == thread["lead"]["email"]
    assert message["recipient"]["email"] == OURS
    assert thread["pending_suggestion"] == made and thread["ai_suggestions"] == [made]
    missing = str(uuid4())
    fault(await desk.http.get(f"/{missing}"), 404, missing)


async def test_another_channels_conversation_is_none(desk: ReplyDesk, service: Desk) -> None:
    chat = (await service.open())["id"]
    fault(await desk.http.get(f"/{chat}"), 404, chat)


async def test_get_ai_suggestion(desk: ReplyDesk) -> None:
    conversation = await desk.asked()
    fault(await desk.http.get(f"/{conversation}/ai-suggestion"), 404, conversation)
    made = await desk.regenerate(conversation, tone="formal")
    found = ok(await desk.http.get(f"/{conversation}/ai-suggestion"), 200)
    assert found == made and set(found) == SUGGESTION and UUID(found["id"])
    assert found == found | {"suggested_subject": "Re: Refund", "intent": "refund", "status": "pending"}


async def test_approve(desk: ReplyDesk) -> None:
    conversation = await desk.asked()
    made = await desk.regenerate(conversation)
    body = {
        "suggestion_id": made["id"],
        "edited_body": f"It left today {made['id']}",
        "edited_subject": "Re: Your refund",
    }
    done = ok(await desk.http.post(f"/{conversation}/approve", json=body), 200)
    assert done["success"] is True and done["suggestion_id"] == made["id"]
    sent = await desk.box.sent(made["id"])
    assert sent["Subject"] == "Re: Your refund" and sent["TextBody"] == body["edited_body"]
    last = ok(await desk.http.get(f"/{conversation}"), 200)["messages"][-1]
    assert (last["id"], last["direction"]) == (done["message_id"], "outbound") and last["status"] != "queued"
    detail = fault(await desk.http.post(f"/{conversation}/approve", json=body), 400, conversation)
    assert "already" in detail
    gone = {"suggestion_id": str(uuid4())}
    fault(await desk.http.post(f"/{conversation}/approve", json=gone), 404, conversation)


async def test_approve_renames_nothing_by_a_prefix_or_without_sending(desk: ReplyDesk) -> None:
    conversation = await desk.asked()
    made = await desk.regenerate(conversation)
    body = {"suggestion_id": made["id"], "edited_subject": "RE: AW: Refund"}
    ok(await desk.http.post(f"/{conversation}/approve", json=body), 200)
    again = body | {"edited_subject": "Something else"}
    fault(await desk.http.post(f"/{conversation}/approve", json=again), 400, conversation)
    assert ok(await desk.http.get(f"/{conversation}"), 200)["subject"] == "Refund"


async def test_approve_after_the_lead_wrote_again(desk: ReplyDesk) -> None:
    sender = address("lead")
    await desk.box.takes(mail(sender, "Where is it?", "Refund"))
    conversation = (await desk.box.one(sender))["id"]
    made = await desk.regenerate(conversation)
    await desk.box.takes(mail(sender, "Never mind", "Re: Refund"))
    fault(
        await desk.http.post(f"/{conversation}/approve", json={"suggestion_id": made["id"]}),
        409,
        conversation,
    )
    thread = ok(await desk.http.get(f"/{conversation}"), 200)
    assert {m["direction"] for m in thread["messages"]} == {"inbound"} and thread[
        "pending_suggestion"
    ] is None


async def test_a_send_that_fails_is_500_and_kept_as_failed(desk: ReplyDesk) -> None:
    conversation = await desk.asked()
    made = await desk.regenerate(conversation)
    faults = f"/double/{EMAIL.id}/faults"
    for kind in ("refuse", "500"):
        assert (await desk.box.double.put(faults, json={"kind": kind, "count": 1})).status_code < 300
        if kind == "refuse":
            answer = await desk.http.post(f"/{conversation}/approve", json={"suggestion_id": made["id"]})
        else:
            answer = await desk.http.post(
                f"/{conversation}/reply", json={"subject": "Refund", "body": "Again"}
            )
        assert "Failed to send email" in fault(answer, 500, conversation)
        last = ok(await desk.http.get(f"/{conversation}"), 200)["messages"][-1]
        assert (last["direction"], last["status"]) == ("outbound", "failed")
    await desk.box.double.delete(faults)


async def test_reject(desk: ReplyDesk) -> None:
    conversation = await desk.asked()
    made = await desk.regenerate(conversation)
    body = {"suggestion_id": made["id"], "reason": "Wrong order"}
    assert ok(await desk.http.post(f"/{conversation}/reject", json=body), 200)["success"] is True
    fault(await desk.http.post(f"/{conversation}/reject", json=body), 400, conversation)
    fault(await desk.http.get(f"/{conversation}/ai-suggestion"), 404, conversation)


async def test_reply(desk: ReplyDesk) -> None:
    conversation = await desk.asked()
    mark = uuid4().hex
    body = {
        "subject": "Your refund",
        "body": f"It left {mark}",
        "body_html": "<p>It <b>left</b></p><script>x()</script>",
    }
    done = ok(await desk.http.post(f"/{conversation}/reply", json=body), 200)
    sent = await desk.box.sent(mark)
    assert sent["HtmlBody"] == "<p>It <b>left</b></p>" and "Your refund" in sent["Subject"]
    assert UUID(done["message_id"])
    assert "body" in fault(
        await desk.http.post(f"/{conversation}/reply", json={"subject": "x"}), 422, conversation
    )


async def test_regenerate(desk: ReplyDesk) -> None:
    conversation = await desk.asked()
    first = await desk.regenerate(conversation)
    second = await desk.regenerate(
        conversation, tone="empathetic", length="longer", custom_prompt="Apologise."
    )
    assert second["id"] != first["id"] and set(second) == SUGGESTION
    for wishes in (
        {"tone": "Formal", "length": "short", "custom_prompt": ""},
        {"tone": "warm", "length": "two lines"},
    ):
        assert (await desk.regenerate(conversation, **wishes))["status"] == "pending"
    unknown = {"message_id": str(uuid4())}
    fault(await desk.http.post(f"/{conversation}/regenerate", json=unknown), 404, conversation)


async def test_archive(desk: ReplyDesk) -> None:
    conversation = await desk.asked()
    assert (
        ok(await desk.http.patch(f"/{conversation}/archive", json={"reason": "done"}), 200)["success"] is True
    )
    thread = ok(await desk.http.get(f"/{conversation}"), 200)
    assert thread["status"] == "archived" and thread["archived_at"]
    params = {"status": "archived", "lead_id": thread["lead_id"]}
    assert [c["id"] for c in ok(await desk.http.get(desk.list, params=params), 200)["conversations"]] == [
        conversation
    ]
    assert ok(await desk.http.get(desk.list, params=params | {"status": "active"}), 200)["total"] == 0


async def test_stats(desk: ReplyDesk) -> None:
    before = ok(await desk.http.get("/stats"), 200)
    conversation = await desk.asked()
    made = await desk.regenerate(conversation)
    ok(await desk.http.post(f"/{conversation}/approve", json={"suggestion_id": made["id"]}), 200)
    after = ok(await desk.http.get("/stats"), 200)
    assert set(after) == {
        "total_conversations", "active_conversations", "archived_conversations", "weekly", "ai_performance", "delivery",
    }  # fmt: skip
    assert after["total_conversations"] == before["total_conversations"] + 1
    assert after["weekly"]["emails_received"] == before["weekly"]["emails_received"] + 1
    assert after["weekly"]["emails_sent"] == before["weekly"]["emails_sent"] + 1
    assert after["ai_performance"]["approved"] == before["ai_performance"]["approved"] + 1
    assert (
        0 < after["ai_performance"]["average_confidence"] <= 1
        and 0 < after["ai_performance"]["approval_rate"] <= 1
    )
    assert after["delivery"]["sent"] > before["delivery"]["sent"]


async def test_stats_tell_clicks_from_opens(desk: ReplyDesk) -> None:
    base = ok(await desk.http.get("/stats"), 200)["delivery"]
    for kind in ("Open", "Click", "Click"):
        conversation, mark = await desk.asked(), uuid4().hex
        reply = ok(
            await desk.http.post(f"/{conversation}/reply", json={"subject": "x", "body": mark}),
            200,
        )
        sent = await desk.box.sent(mark)
        told = postmark.CLICK if kind == "Click" else postmark.OPEN
        body = told | {"Metadata": sent["Metadata"], "Recipient": sent["To"], "MessageID": str(uuid4())}
        await desk.box.takes(body, body)
        thread = ok(await desk.http.get(f"/{conversation}"), 200)
        assert (thread["messages"][-1]["id"], thread["messages"][-1]["status"]) == (
            reply["message_id"],
            "read",
        )
    after = ok(await desk.http.get("/stats"), 200)["delivery"]
    assert (after["opened"] - base["opened"], after["clicked"] - base["clicked"]) == (3, 2)
    assert 0 < after["click_rate"] < 1


async def test_without_a_token(server: OwnServer) -> None:
    async with server.client() as client:
        fault(await client.get("/desk/api/v1/conversations"), 401, None)


async def test_events(server: OwnServer, desk: ReplyDesk, service: Desk) -> None:
    heard: list[dict[str, Any]] = []
    async with open_socket(server, server.token("agent", "agent-1"), path="/desk/ws") as socket:
        assert json.loads(await socket.recv())["type"] == "ready"
        async with asyncio.timeout(10):
            await (await socket.ping())

        async def listen() -> None:
            async for text in socket:
                heard.extend([json.loads(text)])

        listening = asyncio.ensure_future(listen())
        chat = await service.open()
        ok(await service.say(chat["id"], "Not a mail", sender_type="contact"), 201)
        conversation = await desk.asked()
        made = await desk.regenerate(conversation)
        done = ok(await desk.http.post(f"/{conversation}/approve", json={"suggestion_id": made["id"]}), 200)
        await desk.box.double.put(f"/double/{EMAIL.id}/faults", json={"kind": "refuse", "count": 1})
        fault(
            await desk.http.post(f"/{conversation}/reply", json={"subject": "x", "body": "y"}),
            500,
            conversation,
        )
        for kind in ("conversation:sent", "conversation:error"):  # of two mails, in any order
            await until(lambda kind=kind: any(e["type"] == kind for e in heard), kind)
        listening.cancel()
    ours = {e["type"]: e for e in heard if e.get("conversation_id") == conversation}
    assert set(ours) == {
        "conversation:new_reply", "conversation:ai_ready", "conversation:sent", "conversation:error",
    }  # fmt: skip
    assert all(e["timestamp"] for e in ours.values())
    assert ours["conversation:new_reply"]["sender"] and ours["conversation:new_reply"]["message_id"]
    ready = ours["conversation:ai_ready"]
    assert (ready["suggestion_id"], ready["confidence"]) == (made["id"], made["confidence_score"])
    assert (
        ours["conversation:sent"]["message_id"] == done["message_id"] and ours["conversation:error"]["error"]
    )
    assert chat["id"] not in {e.get("conversation_id") for e in heard}

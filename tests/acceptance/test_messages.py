"""Messages: numbered without gap whoever writes, once however often they are sent, read page by page."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack

import pytest
from desks import Desk, fresh, ok, problem
from serving import OwnServer


async def test_fifty_writers_on_one_conversation_are_numbered_without_gap(
    server: OwnServer, service: Desk
) -> None:
    c = await service.open()
    async with AsyncExitStack() as stack:
        writers = [
            Desk(await stack.enter_async_context(server.client(server.token("agent", f"writer-{n}"))))
            for n in range(50)
        ]
        answers = await asyncio.gather(
            *(w.say(c["id"], f"{n}") for n, w in enumerate(writers) for _ in range(4))
        )
    made = [ok(a, 201) for a in answers]
    assert sorted(m["seq"] for m in made) == list(range(1, 201))
    stored = await service.messages(c["id"])
    assert [m["seq"] for m in stored] == list(range(1, 201))
    assert {m["id"]: m["content"] for m in stored} == {m["id"]: m["content"] for m in made}
    assert Counter(m["content"] for m in stored) == {f"{n}": 4 for n in range(50)}
    assert (await service.get(c["id"]))["seq"] == 200


async def test_twenty_concurrent_find_or_create_make_one_conversation(
    server: OwnServer, service: Desk
) -> None:
    body = {"channel_id": (await service.open())["channel_id"], "contact_identifier": fresh()}
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(server.client(server.token("service", f"s-{n}")))
            for n in range(20)
        ]
        answers = await asyncio.gather(
            *(c.post("/v1/conversations/find-or-create", json=body) for c in clients)
        )
    assert Counter(a.status_code for a in answers) == {201: 1, 200: 19}
    assert len({a.json()["id"] for a in answers}) == 1
    refused = problem(await service.http.post("/v1/conversations", json=body), 409, "conflict")
    assert refused["current"]["conversation_id"] == answers[0].json()["id"]


async def test_twenty_concurrent_creates_make_one_conversation(server: OwnServer, service: Desk) -> None:
    body = {"channel_id": (await service.open())["channel_id"], "contact_identifier": fresh()}
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(server.client(server.token("service", "s"))) for _ in range(20)
        ]
        answers = await asyncio.gather(*(c.post("/v1/conversations", json=body) for c in clients))
    assert Counter(a.status_code for a in answers) == {201: 1, 409: 19}
    (made,) = [a.json()["id"] for a in answers if a.status_code == 201]
    assert {a.json()["current"]["conversation_id"] for a in answers if a.status_code == 409} == {made}


async def send_with_key(desk: Desk, conversation: str, content: str, key: str, by_header: bool):
    if not by_header:
        return await desk.say(conversation, content, client_message_id=key)
    return await desk.http.post(
        f"/v1/conversations/{conversation}/messages",
        json={"content": content},
        headers={"Idempotency-Key": key},
    )


@pytest.mark.parametrize("by_header", [False, True], ids=["client_message_id", "Idempotency-Key"])
@pytest.mark.parametrize("later", [0, 3, 20], ids=["at once", "in memory", "long after"])
async def test_a_repeat_returns_the_first_message(agent: Desk, by_header: bool, later: int) -> None:
    c = await agent.open()
    first = ok(await send_with_key(agent, c["id"], "hello", "k-1", by_header), 201)
    for n in range(later):
        ok(await agent.say(c["id"], f"between {n}"), 201)
    again = ok(await send_with_key(agent, c["id"], "hello", "k-1", by_header), 200)
    assert again == first
    refused = problem(await send_with_key(agent, c["id"], "other", "k-1", by_header), 409, "conflict")
    assert refused["current"]["message_id"] == first["id"]
    ok(await agent.say(c["id"], "last"), 201)
    assert [m["seq"] for m in await agent.messages(c["id"])] == list(range(1, later + 3))


async def test_identical_posts_at_once_make_one_message(server: OwnServer, agent: Desk) -> None:
    c = await agent.open()
    async with AsyncExitStack() as stack:
        clients = [
            Desk(await stack.enter_async_context(server.client(server.token("agent", "same"))))
            for _ in range(20)
        ]
        answers = await asyncio.gather(*(d.say(c["id"], "once", client_message_id="k") for d in clients))
    assert Counter(a.status_code for a in answers) == {201: 1, 200: 19}
    assert len({a.json()["id"] for a in answers}) == 1
    assert [m["content"] for m in await agent.messages(c["id"])] == ["once"]


async def test_a_key_counts_for_its_sender_alone(desks: dict[str, Desk]) -> None:
    c = await desks["agent"].open()
    ok(await desks["agent"].say(c["id"], "mine", client_message_id="k"), 201)
    ok(await desks["lead"].say(c["id"], "theirs", client_message_id="k"), 201)


async def test_pages_go_forwards_and_backwards(agent: Desk) -> None:
    c = await agent.open()
    for n in range(1, 8):
        ok(await agent.say(c["id"], f"{n}"), 201)
    path = f"/v1/conversations/{c['id']}/messages"

    async def page(**query: int) -> tuple[list[int], bool]:
        found = ok(await agent.http.get(path, params=query), 200)
        return [m["seq"] for m in found["items"]], found["has_more"]

    assert await page() == ([1, 2, 3, 4, 5, 6, 7], False)
    assert await page(limit=3) == ([5, 6, 7], True)
    assert await page(limit=7) == ([1, 2, 3, 4, 5, 6, 7], False)
    assert await page(limit=3, before_seq=5) == ([2, 3, 4], True)
    assert await page(limit=3, before_seq=4) == ([1, 2, 3], False)
    assert await page(limit=3, after_seq=0) == ([1, 2, 3], True)
    assert await page(limit=3, after_seq=4) == ([5, 6, 7], False)
    assert await page(after_seq=7) == ([], False)
    assert await page(limit=2, after_seq=2, before_seq=6) == ([4, 5], True)
    for wrong in ({"limit": 0}, {"limit": 201}, {"after_seq": -1}, {"before_seq": "x"}, {"since": 1}):
        body = problem(await agent.http.get(path, params=wrong), 422, "invalid")
        assert body["errors"][0]["path"] == next(iter(wrong))


async def test_notes_never_reach_the_customer(server: OwnServer, agent: Desk) -> None:
    identifier = fresh()
    c = await agent.open(identifier)
    ok(await agent.say(c["id"], "shown"), 201)
    ok(await agent.say(c["id"], "hidden-note", is_private=True), 201)
    ok(await agent.patch(c["id"], labels=["hidden-note-label"], metadata={"x": "hidden-note-meta"}), 200)
    ok(await agent.say(c["id"], "shown too"), 201)
    base = f"/v1/conversations/{c['id']}"
    async with server.client(server.customer(identifier)) as customer:
        for path in (base, f"{base}/messages", f"{base}/entries", "/v1/webchat/messages",
                     f"{base}?include=messages,contact,assignments"):  # fmt: skip
            answer = await customer.get(path)
            assert "hidden-note" not in answer.text, path
        assert [m["content"] for m in ok(await customer.get(f"{base}/messages"))["items"]] == [
            "shown",
            "shown too",
        ]
        assert [e["seq"] for e in ok(await customer.get(f"{base}/entries"))["items"]] == [1, 4]
        problem(await customer.get(f"{base}/context"), 403, "forbidden")
        refused = await customer.post(f"{base}/messages", json={"content": "x", "is_private": True})
        assert refused.status_code in (403, 422), refused.text
    context = ok(await agent.http.get(f"{base}/context?count=8"))["items"]
    assert [m["content"] for m in context] == ["shown", "shown too"]


async def test_who_may_write_as_whom(server: OwnServer, desks: dict[str, Desk]) -> None:
    identifier = fresh()
    c = await desks["service"].open(identifier)
    for sender in ("contact", "agent", "bot", "system"):
        assert (
            ok(await desks["service"].say(c["id"], sender, sender_type=sender), 201)["sender_type"] == sender
        )
    assert ok(await desks["service"].say(c["id"], "default"), 201)["sender_type"] == "bot"
    m = ok(await desks["agent"].say(c["id"], "me"), 201)
    assert (m["sender_type"], m["sender_id"], m["direction"]) == ("agent", "agent-1", "outbound")
    for sender in ("contact", "bot", "system"):
        problem(await desks["agent"].say(c["id"], "x", sender_type=sender), 403, "forbidden")
    async with server.client(server.customer(identifier)) as customer:
        m = ok(await Desk(customer).say(c["id"], "me"), 201)
        assert (m["sender_type"], m["direction"], m["sender_id"]) == ("contact", "inbound", identifier)
        problem(await Desk(customer).say(c["id"], "x", sender_type="agent"), 403, "forbidden")
    async with server.client(server.customer(fresh())) as stranger:
        problem(await Desk(stranger).say(c["id"], "me"), 404, "not_found")
        problem(await stranger.get(f"/v1/conversations/{c['id']}"), 404, "not_found")


async def test_the_projection_follows_the_messages(server: OwnServer, agent: Desk) -> None:
    identifier = fresh()
    c = await agent.open(identifier, contact_name="Ana")
    assert (c["seq"], c["unread_count"], c["status"], c["contact_name"]) == (0, 0, "open", "Ana")
    async with server.client(server.customer(identifier)) as customer:
        ok(await customer.post("/v1/webchat/messages", json={"content": "one"}), 201)
        ok(await customer.post("/v1/webchat/messages", json={"content": "two"}), 201)
    c = await agent.get(c["id"])
    assert (c["seq"], c["unread_count"], c["first_reply_at"], c["last_message_preview"]) == (
        2,
        2,
        None,
        "two",
    )
    assert ok(await agent.do(c["id"], "read", seq=1))["unread_count"] == 1
    assert ok(await agent.do(c["id"], "read", seq=2))["unread_count"] == 0
    reply = ok(await agent.say(c["id"], "answer"), 201)
    c = await agent.get(c["id"])
    assert (c["seq"], c["first_reply_at"], c["last_message_at"]) == (
        3,
        reply["created_at"],
        reply["created_at"],
    )

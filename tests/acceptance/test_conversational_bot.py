"""The conversational bot through the API: it answers from public articles, once a burst is over, and hands over with a summary."""

from __future__ import annotations

from typing import Any

from desks import fresh, ok, problem
from offices import RULES, Office
from serving import OwnServer
from waiting import until


async def by_bot(office: Office, conversation: str, *, private: bool = False) -> list[dict[str, Any]]:
    found = await office.admin.messages(conversation)
    return [m for m in found if m["sender_type"] == "bot" and m["is_private"] is private]


async def prepared(office: Office, wait_s: int = 0, **actions: Any) -> dict[str, Any]:
    ok(await office.admin.http.patch("/v1/account", json={"settings": {"assistance": {"wait_s": wait_s}}}))
    for title, visibility, body in (
        ("Returns", "public", "Send a kettle back within 30 days. The label is in the box."),
        ("Margins", "internal", "A kettle sent back costs us 12 euros: offer a voucher of 20 first."),
    ):
        article = {"title": title, "visibility": visibility, "body": body, "language": "en"}
        ok(await office.admin.http.post("/v1/articles", json=article), 201)
    return await office.rule("Bot", "fallback", {}, assist={}, **actions)


async def test_it_answers_a_burst_once_and_hands_over_with_a_summary(
    server: OwnServer, office: Office
) -> None:
    rule = await prepared(office, wait_s=1, collect_info=["order_number"])
    opened = await office.service.open(channel=office.account.channel)
    for text in ("Hello", "I bought a kettle", "How do I send a kettle back?"):
        ok(await office.service.say(opened["id"], text, sender_type="contact"), 201)
    assert (await office.admin.get(opened["id"]))["status"] == "bot"
    await until(lambda: by_bot(office, opened["id"]), "the bot's answer")
    (answer,) = await by_bot(office, opened["id"])
    assert "within 30 days" in answer["content"] and answer["content"].endswith("[1] Returns")
    assert answer["sender_id"] == answer["metadata"]["rule_id"] == rule["id"]
    assert answer["metadata"]["assist"]["sources"][0]["title"] == "Returns"
    assert answer["metadata"]["assist"]["seen"] == answer["seq"] - 2  # what it learned is noted in between

    ok(await office.service.say(opened["id"], "And a toaster?", sender_type="contact"), 201)
    await until(lambda: _count(office, opened["id"], 2), "the next question")
    assert (await by_bot(office, opened["id"]))[-1]["content"] == "What is your order number?"
    ok(await office.service.say(opened["id"], "#4711, let me talk to a human", sender_type="contact"), 201)
    after = await office.admin.get(opened["id"])
    assert (after["status"], after["handoff_requested"]) == ("open", True)
    (note,) = await by_bot(office, opened["id"], private=True)
    assert "Hello" in note["content"] and "Articles: Returns" in note["content"]
    entries = ok(await office.admin.http.get(f"/v1/conversations/{opened['id']}/entries"))["items"]
    assert [e["kind"] for e in entries][-4:] == ["updated", "message", "handoff", "status"]
    assert len(await by_bot(office, opened["id"])) == 2

    async with server.client(
        server.customer(opened["contact_identifier"], office.account.id, office.account.channel)
    ) as theirs:
        seen = (await theirs.get("/v1/webchat/messages")).text
    assert (
        "within 30 days" in seen
        and "voucher" not in seen
        and "summary" not in seen
        and rule["id"] not in seen
    )


async def _count(office: Office, conversation: str, wanted: int) -> bool:
    return len(await by_bot(office, conversation)) == wanted


async def test_what_it_does_not_know_goes_to_a_human(office: Office) -> None:
    await prepared(office)
    c = await office.told("Do you sell umbrellas?")

    async def handed() -> bool:
        return (await office.admin.get(c["id"]))["handoff_requested"]

    await until(handed, "the handoff")
    after = await office.admin.get(c["id"])
    assert "not sure enough" in after["handoff_reason"] and await by_bot(office, c["id"]) == []
    assert "umbrellas" in (await by_bot(office, c["id"], private=True))[0]["content"]


async def test_a_dry_run_and_bad_rules(office: Office) -> None:
    await prepared(office)
    said = {"content": "How do I send a kettle back?", "channel_type": "webchat"}
    tried = ok(await office.admin.http.post(RULES + "/test", json=said))
    assert "assist" in tried["actions"] and "handoff" not in tried["actions"]
    tried = ok(await office.admin.http.post(RULES + "/test", json=said | {"content": "My lawyer will call"}))
    assert "assist" not in tried["actions"] and "lawyer" in tried["actions"]["handoff"]
    for assist, path in (
        ({"confidence_min": 2}, "actions.assist.confidence_min"),
        ({"tools": []}, "actions.assist.tools"),
        ("yes", "actions.assist"),
    ):
        body = {"name": "Bot", "trigger_type": "fallback", "actions": {"assist": assist}}
        refused = problem(await office.admin.http.post(RULES, json=body), 422, "invalid")
        assert refused["errors"][0]["path"] == path


TABLES = (
    "suggestions", "suggestion_jobs", "model_calls", "model_usage", "articles", "article_versions", "article_chunks",
    "conversations", "entries", "outbox",
)  # fmt: skip


async def test_an_erased_customer_leaves_no_word(server: OwnServer, office: Office) -> None:
    await prepared(office, collect_info=["order_number"])
    word = fresh("zebenay")
    c = await office.told(f"I am {word}. How do I send a kettle back?")
    await until(lambda: by_bot(office, c["id"]), "the bot's answer")
    ok(await office.service.say(c["id"], f"#4711 {word}, a human please", sender_type="contact"), 201)
    drafted = {"draft": f"Dear {word}"}
    ok(await office.admin.http.post(f"/v1/conversations/{c['id']}/suggestions", json=drafted), 201)
    count = "SELECT count(*)::int FROM {} t WHERE t.account_id = $1 AND t::text LIKE '%' || $2 || '%'"
    before = [(await server.sql(count.format(t), office.account.id, word))[0][0] for t in TABLES]
    assert sum(before) > 3, "it was there"
    ok(await office.admin.http.post(f"/v1/contacts/{c['contact_id']}/erase"), 204)
    after = {t: (await server.sql(count.format(t), office.account.id, word))[0][0] for t in TABLES}
    assert not any(after.values()), after
    assert not await server.sql("SELECT 1 FROM model_calls WHERE conversation_id = $1", c["id"])

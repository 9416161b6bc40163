"""Text made to be expensive, sent through the API beside a quiet client of another account: all of it is accepted, and nobody waits."""

from __future__ import annotations

import asyncio
import uuid

import httpx
import pytest
from desks import Desk, fresh, ok
from hostile import HTML, TEXTS, repeated
from neighbours import QuietNeighbour
from provider_calls import mail
from serving import OwnServer

from tertulia.serving import demo

LONGEST = 65_534
MESSAGES = {
    **{
        name: TEXTS[name]
        for name in ("marks in falling order", "marks of every class", "long compatibility forms")
    },
    "digits": lambda n: "1" * (n - 1) + "x",
    "underscores between": repeated("a_"),
    "home folders": repeated("~/"),
    "emoji": TEXTS["emoji"],
}
"""What kept a turn or a commit busy for seconds to minutes."""
PAGES = {
    "pre and blanks": lambda n: HTML["pre and blanks"](60_000),
    "attributes of many names": HTML["attributes of many names"],
    "ampersands": lambda n: "&" * n,
    "breaks and blanks": HTML["breaks and blanks"],
    "paragraphs": repeated("<p>hello</p>\n"),
}
LONG_PAGE = 10_000_000


@pytest.mark.parametrize("name", MESSAGES)
async def test_a_message(quiet: QuietNeighbour, service: Desk, server: OwnServer, name: str) -> None:
    content = MESSAGES[name](LONGEST)[:LONGEST]
    conversation = (await service.open())["id"]
    async with quiet:
        said = await service.say(conversation, content, sender_type="contact")
        # the next one has its turn after it, and its commit
        await service.say(conversation, "and now?", sender_type="contact")
    assert ok(said, 201)["content"] == content
    quiet.check()


def by_postmark(server: OwnServer, sent: object) -> httpx.Response:
    """Posts a mail as the demo's e-mail provider does."""
    channel = next(channel for channel in demo.CHANNELS if channel.type == "email")
    proof = (channel.credentials["webhook_user"], channel.credentials["webhook_password"])
    return httpx.post(f"{server.url}/v1/webhooks/email/{channel.id}", json=sent, auth=proof, timeout=60)


@pytest.mark.parametrize("name", PAGES)
async def test_a_mail(quiet: QuietNeighbour, server: OwnServer, name: str) -> None:
    sender = f"{fresh()}@customers.example"
    sent = mail(f"{uuid.uuid4()}@customers.example", sender, "Hello", "", X_A="b") | {
        "HtmlBody": PAGES[name](LONG_PAGE)
    }
    async with quiet:
        answer = await asyncio.to_thread(by_postmark, server, sent)
    assert answer.status_code == 200, answer.text
    taken = await server.sql("SELECT count(*) FROM contact_identifiers WHERE identifier = $1", sender)
    assert taken[0][0] == 1
    quiet.check()

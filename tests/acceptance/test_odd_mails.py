"""Malformed mails through the real webhook: none is lost or refused; each is in a conversation, or set aside unchanged.

`make interop` sends a thousand.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from typing import Any

import httpx
import pytest
from desks import ok
from odd_mails import SHAPES, Mail, odd_mail
from plain_http import NO_TLS
from serving import OwnServer

from tertulia.serving import demo

EMAIL = next(channel for channel in demo.CHANNELS if channel.type == "email")
COUNT = int(os.environ.get("ODD_MAILS", "56"))
SEED = int(os.environ.get("ODD_MAILS_SEED", "0"))
AT_ONCE = 4


async def give(server: OwnServer, mails: Sequence[Mail]) -> list[tuple[Mail, int]]:
    """Each mail with the status of its answer."""
    proof = EMAIL.credentials["webhook_user"], EMAIL.credentials["webhook_password"]
    places = asyncio.Semaphore(AT_ONCE)
    headers = {"Content-Type": "application/json"}

    async def one(http: httpx.AsyncClient, mail: Mail) -> tuple[Mail, int]:
        async with places:
            path = f"/v1/webhooks/email/{EMAIL.id}"
            return mail, (await http.post(path, content=mail.body, headers=headers)).status_code

    async with httpx.AsyncClient(base_url=server.url, auth=proof, timeout=60, verify=NO_TLS) as http:
        return list(await asyncio.gather(*(one(http, mail) for mail in mails)))


async def shown(http: httpx.AsyncClient, mails: Sequence[Mail]) -> dict[str, dict[str, Any]]:
    """The messages of these mails' conversations, by the provider's id."""
    wanted, found = {mail.id for mail in mails}, dict[str, dict[str, Any]]()
    cursor = None
    while wanted - found.keys():
        query = {"channel_id": EMAIL.id, "limit": 100} | ({"cursor": cursor} if cursor else {})
        page = ok(await http.get("/v1/conversations", params=query), 200)
        for conversation in page["items"]:
            path = f"/v1/conversations/{conversation['id']}/messages"
            for message in ok(await http.get(path, params={"limit": 200}), 200)["items"]:
                found[message["external_id"]] = message
        cursor = page["next_cursor"]
        if cursor is None:
            break
    return found


async def set_aside(http: httpx.AsyncClient, among: set[str]) -> set[str]:
    """The ids of these mails that stand in a failure's raw payload."""
    found, cursor = set[str](), None
    while True:
        query = {"channel_id": EMAIL.id, "limit": 100} | ({"cursor": cursor} if cursor else {})
        page = ok(await http.get("/v1/inbound-failures", params=query), 200)
        for failure in page["items"]:
            if among - found:
                payload = ok(await http.get(f"/v1/inbound-failures/{failure['id']}"), 200)["payload"]
                found |= {id for id in among if id in payload}
        if not (cursor := page["next_cursor"]):
            return found


@pytest.mark.timeout(1800)
async def test_no_mail_is_lost(server: OwnServer) -> None:
    mails = [odd_mail(seed) for seed in range(SEED, SEED + COUNT)]
    if len(SHAPES) < COUNT:
        mails += [odd_mail(SEED + COUNT + n, "large_html") for n in range(max(1, COUNT // 250))]
    answers = await give(server, mails)
    assert {f"{mail.shape} {status}" for mail, status in answers if status != 200} == set()
    async with server.client(server.token("admin", "admin-1")) as http:
        messages = await shown(http, mails)
        rest = {mail.id for mail in mails} - messages.keys()
        aside = await set_aside(http, rest)
    assert [(m.shape, m.id) for m in mails if m.id in rest - aside] == []
    unread = [m for m in mails if m.mark and m.id in messages and m.mark not in messages[m.id]["content"]]
    assert [(mail.shape, messages[mail.id]["content"][:200]) for mail in unread] == []
    assert {mail.shape for mail in mails if mail.id in aside} <= {
        "missing",
        "not_a_mail",
        "header_flood",
        "addresses",
    }
    print(f"{len(mails)} mails: {len(messages.keys() & {m.id for m in mails})} shown, {len(aside)} set aside")

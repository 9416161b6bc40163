"""What strangers, customers and providers send does not reach the log of a served project, nor does any token; one record is a line."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx
import pytest
from desks import Desk, fresh, ok
from provider_calls import CREDENTIALS, mail, path, signed, telegram_message, whatsapp_said, whatsapp_value
from readers import open_socket
from serving import OwnServer
from waiting import until

from tertulia.serving.demo import WEBCHAT

CANARY = "canary-8e61"
FORGED = f'{CANARY}\n{{"event": "forged"}}\r\n\x1b[2J\u202e\u2028'
_numbers = itertools.count(1)


class Channel(NamedTuple):
    id: str
    type: str


def payloads() -> dict[str, Any]:
    n = next(_numbers)
    return {
        "whatsapp": whatsapp_value(
            messages=[whatsapp_said(f"w-{n}", FORGED, phone=f"1650555{n:04}")],
            statuses=[{"id": "x", "status": "failed", "timestamp": "1", "recipient_id": "1", "errors": [{"code": 1, "title": "t"}]}],
        ),
        "messenger": {
            "object": "page",
            "entry": [{"id": "1", "time": 1, "messaging": [{
                "sender": {"id": str(n)}, "recipient": {"id": "1"}, "timestamp": 1_760_000_000_000,
                "message": {"mid": f"m-{n}", "text": FORGED}}]}],
        },
        "telegram": telegram_message(n, n, FORGED),
        "email": mail(f"{n}@example.com", "ana@example.com", FORGED, FORGED),
        "sms": {"MessageSid": f"SM{n}", "From": f"+4917012{n:06}", "To": "+14155238886", "Body": FORGED, "NumMedia": "0"},
    }  # fmt: skip


def spoiled(value: Any) -> Iterator[Any]:
    """`value` with one of its leaves replaced by the canary; each in turn."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from (value | {name: other} for other in spoiled(inner))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from ([*value[:index], other, *value[index + 1 :]] for other in spoiled(inner))
    else:
        yield FORGED


async def providers(server: OwnServer, admin: httpx.AsyncClient, client: httpx.AsyncClient) -> int:
    """Calls of every kind: good ones, those of which a part makes no sense, and those that prove nothing. How many were taken in."""
    taken = 0
    for type, said in payloads().items():
        new = {"type": type, "name": fresh(type), "credentials": CREDENTIALS[type]}
        channel = Channel(ok(await admin.post("/v1/channels", json=new), 201)["id"], type)
        for payload in (said, *spoiled(said)):
            body, headers = signed(channel, CREDENTIALS[type], payload)
            answer = await client.post(path(channel), content=body, headers=headers)
            taken += answer.status_code == 200
        for body in (FORGED.encode(), b"{" + FORGED.encode()):
            _, headers = signed(channel, CREDENTIALS[type], body if type != "sms" else {"a": FORGED})
            await client.post(path(channel), content=body, headers=headers)
        await client.post(
            path(channel), content=FORGED.encode(), headers={"Authorization": f"Basic {CANARY}"}
        )
        await client.get(
            f"{path(channel)}?hub.mode=subscribe&hub.challenge={CANARY}&hub.verify_token={CANARY}"
        )
    return taken


async def strangers(server: OwnServer, client: httpx.AsyncClient) -> None:
    """Canaries wherever a request has a place for one."""
    here = quote(FORGED)
    secret = base64.b64encode(f"client:{CANARY}".encode()).decode()
    for headers in (
        {"User-Agent": CANARY}, {"X-Request-Id": CANARY * 20}, {"X-Request-Id": f"{CANARY}\t\x1b"}, {"Referer": CANARY},
        {"Authorization": f"Bearer {CANARY}"}, {"Authorization": f"Basic {secret}"}, {"Cookie": f"tertulia_token={CANARY}"},
        {"Idempotency-Key": CANARY}, {"X-Account-Id": CANARY}, {"X-Forwarded-For": CANARY}, {"Origin": f"https://{CANARY}"},
        {"Content-Type": CANARY}, {"Last-Event-ID": CANARY}, {"Accept": CANARY},
    ):  # fmt: skip
        for url in (
            "/health",
            f"/v1/stream?ticket={CANARY}",
            f"/v1/ws?ticket={here}",
            f"/v1/{here}",
            f"/{here}?{here}={here}",
        ):
            await client.get(url, headers=headers)
            await client.post(url, headers=headers, content=FORGED.encode())
    await client.post(
        "/v1/auth/token",
        json={"grant_type": "client_credentials", "client_id": CANARY, "client_secret": CANARY},
    )
    await client.post(
        f"/v1/webchat/{WEBCHAT}/sessions", json={"contact_identifier": "x", "identity_hash": CANARY}
    )
    for raw in (
        f"GET /{CANARY} HTTP/9\r\n\r\n",
        f"{CANARY} / HTTP/1.1\r\n\r\n",
        f"GET / HTTP/1.1\r\n{CANARY}\x00: a\r\n\r\n",
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(raw.encode())
        await reader.read()
        writer.close()


async def customers(server: OwnServer, service: Desk) -> None:
    identifier = fresh()
    i = (await service.open(identifier, metadata={"x": FORGED.replace("\x00", "")}))["id"]
    async with server.client(server.customer(identifier)) as customer:
        await Desk(customer).say(i, FORGED)
        await Desk(customer).say(i, FORGED, sender_type=CANARY)
        await customer.post(
            "/v1/attachments?name=x", content=FORGED.encode(), headers={"Content-Type": f"{CANARY}/x"}
        )
    async with open_socket(server, server.customer(identifier)) as ws:
        for said in (
            CANARY,
            json.dumps({"type": FORGED, "ref": FORGED}),
            json.dumps({"type": "message:send", CANARY: 1}),
        ):
            await ws.send(said)
        await ws.send(json.dumps({"type": "ping", "ref": "last"}))
        while json.loads(await ws.recv()).get("ref") != "last":
            pass


@pytest.mark.slow
async def test_nothing_that_was_sent_is_in_the_log(server: OwnServer, service: Desk) -> None:
    before = len(server.output)
    async with server.client() as client, server.client(server.token("admin", "maker")) as admin:
        assert await providers(server, admin, client) > 30
        await strangers(server, client)
        await customers(server, service)
        new = {"type": "telegram", "name": "last", "credentials": CREDENTIALS["telegram"]}
        last = Channel(ok(await admin.post("/v1/channels", json=new), 201)["id"], "telegram")
        body, headers = signed(last, CREDENTIALS["telegram"], b"{")
        for _ in range(10):  # over both gateways, whose output reaches us by ways of their own
            ok(await client.post(path(last), content=body, headers=headers | {"Connection": "close"}), 200)
    records = [json.dumps({"channel": last.id})[1:-1]] * 10
    await until(
        lambda: sum(records[0] in line for line in server.output) >= len(records), "the last call's records"
    )
    said = server.output[before:]
    assert not [line for line in said if CANARY in line or "forged" in line]
    assert not [line for line in said if "Traceback" in line]
    for line in said:
        record = line[line.index("{") :] if "{" in line else ""
        if record:
            assert "event" in json.loads(record), line

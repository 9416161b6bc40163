"""A channel's `config.base_url` on a demo server without allowed networks: only the demo account's may point to this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import httpx
import pytest
from aiohttp import web
from desks import Desk, fresh, ok, problem, second_account
from provider_calls import CREDENTIALS, path, signed, telegram_message
from receivers import Receiver, receiving
from serving import OwnServer
from waiting import until

from tertulia.serving import demo

CANARY = "canary-5c1e"


class Channel(NamedTuple):
    id: str
    type: str = "telegram"


@pytest.fixture
async def inner() -> AsyncIterator[Receiver]:
    """A service of this machine that answers whatever it is asked, its secret in every form a provider's answer may have."""

    async def answer(request: web.Request) -> web.StreamResponse:
        said = {"ok": False, "description": CANARY, "error": {"message": CANARY}, "message": CANARY}
        return web.json_response(said, status=200 if request.method == "GET" else 400)

    async with receiving() as made:
        made.answering = answer
        yield made


async def settled(client: httpx.AsyncClient, message_id: str) -> dict[str, Any]:
    async def failed() -> Any:
        found = ok(await client.get(f"/v1/deliveries/{message_id}"))
        return found if found["status"] == "failed" else None

    return await until(failed, "the message to fail")


@pytest.mark.slow
async def test_another_tenants_channel_reads_nothing_of_this_machine(
    guarded: OwnServer, inner: Receiver
) -> None:
    server = guarded
    other = await second_account(server)
    base = inner.url.rpartition("/")[0]
    (double,) = {row[0] for row in await server.sql(
        "SELECT config ->> 'base_url' FROM channels WHERE account_id = $1 AND type = 'telegram'", demo.ACCOUNT)}  # fmt: skip
    new = {"type": "telegram", "name": "x", "credentials": CREDENTIALS["telegram"]}
    async with (
        server.client(server.token("admin", "b", other.id)) as admin,
        server.client(server.token("admin", "a")) as demos,
        server.client() as provider,
    ):
        for url in (
            base,
            double,
            "https://127.0.0.1",
            "https://localhost",
            "http://[::1]:1",
            "https://169.254.169.254",
        ):
            refused = problem(
                await admin.post("/v1/channels", json=new | {"config": {"base_url": url}}), 422, "invalid"
            )
            assert [e["path"] for e in refused["errors"]] == ["config.base_url"]
        channel = Channel(ok(await admin.post("/v1/channels", json=new), 201)["id"])
        refused = await admin.patch(f"/v1/channels/{channel.id}", json={"config": {"base_url": base}})
        problem(refused, 422, "invalid")

        # one that was written before this rule, and a name whose address nobody knows until it is called
        for url in (base, double, base.replace("127.0.0.1", "localhost")):
            await server.sql(
                "UPDATE channels SET config = jsonb_build_object('base_url', $2::text) WHERE id = $1",
                channel.id,
                url,
            )
            number = int(fresh("7").rpartition("-")[2]) + 1000
            photo = telegram_message(
                number, number, "", photo=[{"file_id": "1", "file_unique_id": "1", "width": 1, "height": 1}]
            )
            del photo["message"]["text"]
            body, headers = signed(channel, CREDENTIALS["telegram"], photo)
            ok(await provider.post(path(channel), content=body, headers=headers), 200)
            found = ok(await admin.get("/v1/conversations", params={"channel_id": channel.id}))["items"][0]
            (message,) = await Desk(admin).messages(found["id"])
            (attachment,) = message["attachments"]

            async def gone(url: str = attachment["url"]) -> Any:
                answer = await admin.get(url)
                return answer if answer.status_code == 410 else None

            answer = await until(gone, "the file to be given up")
            assert "private" in answer.text and CANARY not in answer.text and "127.0.0.1" not in answer.text
            reply = ok(await Desk(admin).say(found["id"], "hello"), 201)
            failed = await settled(admin, reply["id"])
            assert failed["error"]["code"] == "unreachable" and "private" in failed["error"]["detail"]
            ok(await Desk(admin).patch(found["id"], status="closed"), 200)
        assert inner.got == []

        for url in (double, base):  # the demo's own account has its double, and doubles of its own
            own = new | {"config": {"base_url": url}}
            ok(await demos.post("/v1/channels", json=own), 201)

"""Web chat as the widget uses it: proofs of identity, renewed sessions, forms, hours, and where the conversation stands."""

from __future__ import annotations

import time
from typing import Any

import httpx
import jwt
import pytest
from desks import Desk, fresh, ok, problem
from serving import DESK, OwnServer

from tertulia.http.pages.files import version
from tertulia.http.pages.widget_page import FOLDER
from tertulia.serving.demo import WEBCHAT

SECRET = "an-identity-secret-of-many-bytes"


async def channel(server: OwnServer, **config: Any) -> str:
    """A web chat channel with this configuration."""
    body = {
        "type": "webchat",
        "name": fresh("shop"),
        "config": config,
        "credentials": {"identity_secret": SECRET},
    }
    async with server.client(server.token("admin")) as admin:
        return ok(await admin.post("/v1/channels", json=body), 201)["id"]


def proof(identifier: str, **claims: Any) -> str:
    return jwt.encode({"sub": identifier, "exp": int(time.time()) + 300} | claims, SECRET, "HS256")


async def session(client: httpx.AsyncClient, channel_id: str, **body: Any) -> dict[str, Any]:
    return ok(await client.post(f"/v1/webchat/{channel_id}/sessions", json=body), 201)


async def test_a_token_proves_who_the_customer_is(server: OwnServer, service: Desk) -> None:
    shop, marta = await channel(server), fresh("marta")
    async with server.client() as nobody:
        path = f"/v1/webchat/{shop}/sessions"
        made = await session(nobody, shop, identity_token=proof(marta, name="Marta"), contact_name="Somebody")
        assert made["contact_identifier"] == marta
        for wrong in (
            {"identity_token": proof(marta, exp=1)},
            {"identity_token": proof(marta)[:-3] + "AAA"},
            {"identity_token": proof(marta), "contact_identifier": fresh("other")},
        ):
            problem(await nobody.post(path, json=wrong), 403, "forbidden")
    async with server.client(made["token"]) as customer:
        message = ok(await customer.post("/v1/webchat/messages", json={"content": "hello"}), 201)
    assert (await service.get(message["conversation_id"]))["contact_name"] == "Marta"


async def test_a_channel_for_known_customers_alone(server: OwnServer) -> None:
    shop, marta = await channel(server, require_identity=True), fresh("marta")
    path = f"/v1/webchat/{shop}/sessions"
    async with server.client() as nobody:
        assert ok(await nobody.get(f"/v1/webchat/{shop}"))["require_identity"] is True
        for anyone in ({}, {"contact_name": "Marta"}, {"contact_identifier": marta}):
            problem(await nobody.post(path, json=anyone), 403, "forbidden")
        made = await session(nobody, shop, identity_token=proof(marta))
    async with server.client(made["token"]) as customer:  # a session renews no proof
        problem(await customer.post(path, json={}), 403, "forbidden")


async def test_a_session_is_renewed_by_its_own_customer(server: OwnServer) -> None:
    shop, other = await channel(server, session_hours=2), await channel(server)
    async with server.client() as nobody:
        made = await session(nobody, shop, contact_name="Ana")
    claims = jwt.decode(made["token"], options={"verify_signature": False})
    assert 7199 <= claims["exp"] - claims["iat"] <= 7201
    async with server.client(made["token"]) as customer:
        renewed = await session(customer, shop)
        assert renewed["contact_identifier"] == made["contact_identifier"]
        again = jwt.decode(renewed["token"], options={"verify_signature": False})
        assert again["contact_name"] == "Ana"
        elsewhere = await session(customer, other)
        assert elsewhere["contact_identifier"] != made["contact_identifier"]
        stranger = {"contact_identifier": fresh("stranger")}
        problem(await customer.post(f"/v1/webchat/{shop}/sessions", json=stranger), 403, "forbidden")
    async with server.client(server.token("agent")) as agent:  # who may not vouch for anybody, but visit
        known = {"contact_identifier": made["contact_identifier"]}
        problem(await agent.post(f"/v1/webchat/{shop}/sessions", json=known), 403, "forbidden")
        assert (await session(agent, shop))["contact_identifier"].startswith("visitor-")


async def test_what_the_widget_asks_is_kept_with_the_conversation(server: OwnServer, service: Desk) -> None:
    widget = {"title": "Shop", "prechat_form": [{"name": "name", "required": True}, {"name": "order"}]}
    shop = await channel(server, widget=widget)
    async with server.client() as nobody:
        shown = ok(await nobody.get(f"/v1/webchat/{shop}"))
        assert (shown["title"], [f["name"] for f in shown["form"]], shown["is_open"]) == (
            "Shop",
            ["name", "order"],
            True,
        )
        token = (await session(nobody, shop))["token"]
    async with server.client(token) as customer:
        wrong = {"content": "hello", "form": {"size": "XL"}}
        refused = problem(await customer.post("/v1/webchat/messages", json=wrong), 422, "invalid")
        assert [e["path"] for e in refused["errors"]] == ["form.size"]
        long = {"content": "hello", "form": {"order": "x" * 301}}
        problem(await customer.post("/v1/webchat/messages", json=long), 422, "invalid")
        body = {"content": "hello", "form": {"name": "Ana", "order": "A-1042"}}
        made = ok(await customer.post("/v1/webchat/messages", json=body), 201)
        assert "A-1042" not in str(
            ok(await customer.get(f"/v1/conversations/{made['conversation_id']}"))["metadata"]
        )
    c = await service.get(made["conversation_id"])
    assert c["metadata"] == {"form": {"name": "Ana", "order": "A-1042"}} and c["contact_name"] == "Ana"


async def test_outside_of_the_hours_the_other_form_is_asked(server: OwnServer) -> None:
    day = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[(time.gmtime().tm_wday + 3) % 7]
    shop = await channel(server)
    async with server.client(server.token("admin")) as admin:
        hours = {"schedule": [{"days": [day], "start": "09:00", "end": "10:00"}]}
        ok(await admin.patch("/v1/account", json={"settings": {"business_hours": hours}}))
        try:
            closed = ok(await admin.get(f"/v1/webchat/{shop}"))
        finally:
            ok(await admin.patch("/v1/account", json={"settings": {"business_hours": None}}))
    assert closed["is_open"] is False and closed["opens_at"].endswith("T09:00:00.000Z")
    assert [(f["name"], f["required"]) for f in closed["form"]] == [("name", False), ("email", True)]


async def test_where_a_conversation_stands(server: OwnServer, service: Desk) -> None:
    async with server.client() as nobody:
        token = (await session(nobody, WEBCHAT))["token"]
    async with server.client(token) as customer:

        async def standing() -> dict[str, Any]:
            return ok(await customer.get("/v1/webchat/conversation"))

        assert await standing() == {
            "conversation": None,
            "agent_name": None,
            "estimated_wait_s": None,
            "can_rate": False,
        }
        i = ok(await customer.post("/v1/webchat/messages", json={"content": "hello"}), 201)["conversation_id"]
        assert (await standing())["conversation"]["id"] == i
        async with server.client(server.token("lead", "named-lead", name="Lena Lead")) as lead:
            ok(await Desk(lead).patch(i, assignee_id="named-lead"))
        now = await standing()
        assert (now["agent_name"], now["conversation"]["status"]) == ("Lena Lead", "assigned")
        assert now["conversation"]["labels"] == [] and now["can_rate"] is False


async def test_the_frame_is_shown_by_the_channels_sites_alone(server: OwnServer) -> None:
    shop = await channel(server, allowed_origins=["https://shop.example"])
    async with server.client() as nobody:
        page = await nobody.get(f"/widget/channels/{shop}")
        ancestors = page.headers["Content-Security-Policy"].rpartition("frame-ancestors ")[2].split()
        assert ancestors[:2] == ["'self'", "https://shop.example"] and DESK in ancestors
        assert (
            "X-Frame-Options" not in page.headers and "unsafe" not in page.headers["Content-Security-Policy"]
        )
        other = (await nobody.get(f"/widget/channels/{WEBCHAT}")).headers["Content-Security-Policy"]
        assert "shop.example" not in other
        problem(await nobody.get("/widget/channels/nonsense"), 404, "not_found")
        kept = await nobody.get(f"/widget/{version(FOLDER)}/app.js")
        assert "immutable" in kept.headers["Cache-Control"] and version(FOLDER) in page.text
        older = await nobody.get(f"/widget/{'0' * 16}/app.js")
        assert older.status_code == 200 and older.headers["Cache-Control"] == "no-cache"
        problem(await nobody.get("/widget/frame.html"), 404, "not_found")
        assert (await nobody.get("/widget.js")).headers["Cross-Origin-Resource-Policy"] == "cross-origin"


@pytest.mark.parametrize("path", ["/demo/shop", "/demo/shop/shop.css"])
async def test_the_demos_shop(server: OwnServer, path: str) -> None:
    async with server.client() as nobody:
        assert (await nobody.get(path)).status_code == 200

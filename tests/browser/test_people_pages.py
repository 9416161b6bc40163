"""What leads and admins set up for people, in a real browser: agents, teams, routing, service targets by priority."""

from __future__ import annotations

import secrets

import pytest
from browser_pages import Customer, OpenPage
from desks import ok
from playwright.async_api import Locator, Page, expect
from serving import OwnServer
from test_accessibility import violations
from test_admin_pages import row, settings_restored

pytestmark = pytest.mark.browser


@pytest.fixture
async def admin(server: OwnServer, open_page: OpenPage) -> Page:
    return await open_page(token=server.token("admin", "people-admin", name="Ada"))


def group(page: Page, name: str) -> Locator:
    return page.get_by_role("group", name=name, exact=True)


async def saved(page: Page) -> None:
    await page.get_by_role("button", name="Save", exact=True).first.click()
    await expect(page.locator(".toast", has_text="Saved.").last).to_be_visible()


async def test_an_agent_is_changed_and_removed_once_nothing_is_assigned(
    server: OwnServer, admin: Page, customer: Customer
) -> None:
    me = f"leaver-{secrets.token_hex(3)}"
    conversation = await customer.say("Hello")
    async with server.client(server.token("agent", me, name=me)) as agent:
        ok(await agent.put("/v1/agents/me/presence", json={"status": "online"}), 200)
        ok(await agent.post(f"/v1/conversations/{conversation}/assign", json={"agent_id": "me"}), 200)
        await admin.goto("/inbox#/admin/agents")
        await admin.reload()  # the names
        await row(admin, me).get_by_role("button", name="Change").click()
        await admin.get_by_label("Languages, comma separated").fill("am, en")
        await group(admin, "Channels; none means any").get_by_label("E-mail").check()
        await admin.get_by_role("button", name="Add hours").click()
        await expect(admin.get_by_label("Mon")).to_be_focused()
        await admin.get_by_label("Mon").check()
        await admin.get_by_label("From").fill("09:00")
        await admin.get_by_label("Until").fill("09:00")
        await admin.get_by_role("button", name="Save", exact=True).click()
        until = admin.get_by_label("Until")
        await expect(until).to_have_attribute("aria-invalid", "true")  # the server's words, at the field
        await expect(until).to_be_focused()
        await expect(admin.locator(".fault")).to_contain_text("must differ from start")
        await expect(admin.get_by_label("Languages, comma separated")).to_have_value("am, en")
        await until.fill("17:00")
        await saved(admin)
        await expect(row(admin, me)).to_contain_text("am, en")
        await expect(row(admin, me).get_by_role("button", name="Change")).to_be_focused()
        kept = ok(await agent.get("/v1/agent-preferences/me"), 200)
        assert kept["available_channels"] == ["email"]
        assert kept["available_hours"]["schedule"] == [{"days": ["mon"], "start": "09:00", "end": "17:00"}]
        admin.on("dialog", lambda dialog: dialog.accept())
        await row(admin, me).get_by_role("button", name="Remove").click()
        await expect(admin.get_by_role("alert")).to_contain_text("still holds conversations")
        await expect(admin.get_by_role("alert").get_by_role("link")).to_have_attribute(
            "href", f"#/inbox/all/{conversation}"
        )
        ok(await agent.post(f"/v1/conversations/{conversation}/release"), 200)
    await row(admin, me).get_by_role("button", name="Remove").click()
    await expect(row(admin, me)).to_have_count(0)


async def test_a_lead_may_not_remove_agents(server: OwnServer, open_page: OpenPage) -> None:
    page = await open_page(token=server.token("lead", "people-lead"))
    await page.goto("/inbox#/admin/agents")
    await page.locator("tbody tr").first.wait_for()
    await expect(page.get_by_role("button", name="Remove")).to_have_count(0)


async def test_a_team_gets_another_name(admin: Page) -> None:
    name = f"Team {secrets.token_hex(3)}"
    await admin.goto("/inbox#/admin/teams")
    await admin.get_by_label("Name", exact=True).fill(name)
    await admin.get_by_role("button", name="Create a team").click()
    await row(admin, name).get_by_role("button", name="Change").click()
    await admin.get_by_label("Name", exact=True).fill(f"{name} two")
    await saved(admin)
    await expect(row(admin, f"{name} two")).to_be_visible()
    admin.once("dialog", lambda dialog: dialog.accept())
    await row(admin, name).get_by_role("button", name="Delete").click()
    await expect(row(admin, name)).to_have_count(0)


async def test_service_targets_by_priority(server: OwnServer, admin: Page) -> None:
    async with settings_restored(server), server.client(server.token("admin", "people-admin")) as client:
        await admin.goto("/inbox#/admin/account")
        await admin.get_by_label("First reply: All conversations").fill("30")
        await admin.get_by_label("First reply: Urgent").fill("5")
        await admin.get_by_label("Mood of an English message").fill("-0.7")
        await admin.get_by_label("Tokens per day").fill("")
        await admin.get_by_label("Time zone").fill("Mars/Base")
        await admin.get_by_role("button", name="Save", exact=True).click()
        await expect(admin.get_by_label("Time zone")).to_have_attribute("aria-invalid", "true")
        await expect(admin.locator(".fault")).to_have_text("no such IANA time zone")
        await admin.get_by_label("Time zone").fill("Africa/Addis_Ababa")
        await saved(admin)
        await expect(admin.locator(".fault")).to_have_count(0)
        settings = ok(await client.get("/v1/account"), 200)["settings"]
        assert settings["sla"]["priorities"]["urgent"]["first_reply_minutes"] == 5
        assert set(settings["sla"]["priorities"]) == {"urgent"}
        assert (settings["handoff_sentiment"], settings["assistance"]["daily_tokens"]) == (-0.7, None)
        await admin.get_by_label("First reply: Urgent").fill("")  # as for all
        async with admin.expect_response(lambda r: r.url.endswith("/v1/account") and r.ok):
            await admin.get_by_role("button", name="Save", exact=True).click()
        assert ok(await client.get("/v1/account"), 200)["settings"]["sla"]["priorities"] == {}


async def test_routing_and_its_shadow(server: OwnServer, admin: Page, customer: Customer) -> None:
    name = f"Overflow {secrets.token_hex(3)}"
    async with settings_restored(server), server.client(server.token("admin", "people-admin")) as client:
        team = ok(await client.post("/v1/teams", json={"name": name}), 201)["id"]
        await admin.goto("/inbox#/admin/routing")
        await admin.reload()  # the teams
        await admin.get_by_label("Who gets a new conversation").select_option("least_busy")
        await admin.get_by_label("Urgent").fill("90")
        await admin.get_by_role("button", name="Add a step").click()
        await admin.get_by_label("After minutes", exact=True).fill("10")
        await admin.get_by_label("No longer matters").select_option("language")
        await admin.get_by_label("A team that then helps").select_option(label=name)
        await admin.get_by_label("After minutes of waiting").fill("25")
        await admin.get_by_label("What each decision is compared with").select_option("longest_idle")
        await saved(admin)
        routing = ok(await client.get("/v1/account"), 200)["settings"]["routing"]
        assert routing["relax"] == [{"after_minutes": 10, "drop": "language"}]
        assert routing["overflow"] == {"after_minutes": 25, "team_id": team}
        assert routing["head_start_minutes"] == {"normal": 15, "high": 30, "urgent": 90}
        assert routing["shadow_policy"] == "longest_idle"
        await expect(admin.locator("[data-shadow]")).to_contain_text("longest for a conversation")
        await client.patch("/v1/agent-preferences/me", json={"auto_accept": True})
        await customer.say("Hello")
        shown = admin.locator("[data-shadow] .figure").first.locator("b")
        await expect(shown).not_to_have_text("0", timeout=30_000)  # it looks every ten seconds
        assert await violations(admin) == []
        await admin.get_by_role("button", name="Remove this step 1").click()
        await admin.get_by_label("A team that then helps").select_option("")
        await admin.get_by_label("What each decision is compared with").select_option("")
        async with admin.expect_response(lambda r: r.url.endswith("/v1/account") and r.ok):
            await admin.get_by_role("button", name="Save", exact=True).click()
        routing = ok(await client.get("/v1/account"), 200)["settings"]["routing"]
        assert (routing["relax"], routing["overflow"], routing["shadow_policy"]) == ([], None, None)
        await expect(admin.locator("[data-shadow]")).to_have_count(0)
        ok(await client.delete(f"/v1/teams/{team}"), 204)

"""What leads and admins set up, in a real browser: a test for each page."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from browser_pages import Customer, OpenPage
from desks import ok
from playwright.async_api import Locator, Page, expect
from receivers import receiving
from serving import OwnServer

from tertulia.serving.demo import demo_id

pytestmark = pytest.mark.browser
TELEGRAM = demo_id(14)


@pytest.fixture
async def admin(server: OwnServer, open_page: OpenPage) -> Page:
    return await open_page(token=server.token("admin", "pages-admin", name="Ada"))


def row(page: Page, text: str) -> Locator:
    return page.locator("tbody tr", has_text=text)


async def test_a_team_and_its_members(admin: Page) -> None:
    name = f"Team {secrets.token_hex(3)}"
    await admin.goto("/inbox#/admin/teams")
    await admin.get_by_label("Name", exact=True).fill(name)
    await admin.get_by_role("button", name="Create a team").click()
    await row(admin, name).get_by_role("button", name="Members").click()
    await row(admin, name).get_by_label("Agent").select_option(label="Abeba")
    await row(admin, name).get_by_role("button", name="Add").click()
    await expect(row(admin, name).locator("li")).to_contain_text("Abeba")
    admin.once("dialog", lambda dialog: dialog.accept())
    await row(admin, name).get_by_role("button", name="Delete").click()
    await expect(row(admin, name)).to_have_count(0)


async def test_a_bot_rule_and_what_it_would_do(server: OwnServer, admin: Page) -> None:
    word = f"zephyr{secrets.token_hex(3)}"
    await admin.goto("/inbox#/admin/bot_rules")
    await admin.get_by_label("Name", exact=True).fill(word)
    await admin.get_by_label("Keywords, comma separated").fill(word)
    await admin.get_by_role("textbox", name="Answer").fill("We hear you.")
    await admin.get_by_role("button", name="Save").click()
    await expect(row(admin, word)).to_be_visible()
    await admin.get_by_label("A customer writes").fill(f"Tell me about {word}")
    await admin.get_by_role("button", name="Try").click()
    await expect(admin.locator("[data-dry-run] li", has_text=word)).to_contain_text("matches")
    await expect(admin.locator("[data-dry-run] pre")).to_contain_text("We hear you.")
    admin.once("dialog", lambda dialog: dialog.accept())
    await row(admin, word).get_by_role("button", name="Delete").click()
    await expect(row(admin, word)).to_have_count(0)


async def test_a_channel_is_set_up_tried_and_given_other_credentials(admin: Page) -> None:
    name = f"Line {secrets.token_hex(3)}"
    await admin.goto("/inbox#/admin/channels")
    await admin.get_by_label("Provider").select_option("telegram")
    await admin.get_by_label("Name", exact=True).first.fill(name)
    await admin.get_by_label("bot token").fill("14:demo-bot-token")
    await admin.get_by_role("button", name="Create, then show the steps").click()
    guide = admin.locator("section.secret")
    first = await guide.locator("dd code").text_content()
    assert first is not None
    await expect(guide.locator(".steps")).to_contain_text(first)
    await guide.get_by_text("Replace the credentials").first.click()
    await guide.get_by_label("bot token").fill("14:another-bot-token")
    await guide.get_by_role("button", name="Replace the credentials").click()
    await expect(guide.locator("dd code")).not_to_have_text(first)
    await guide.get_by_label("Name", exact=True).fill(f"{name} two")
    await guide.get_by_role("button", name="Save").click()
    await expect(row(admin, f"{name} two")).to_be_visible()
    await guide.get_by_role("button", name="Close").click()
    admin.once("dialog", lambda dialog: dialog.accept())
    await row(admin, name).get_by_role("button", name="Delete").click()
    await expect(row(admin, name)).to_have_count(0)


async def test_a_test_message_goes_out(admin: Page) -> None:
    await admin.goto("/inbox#/admin/channels")
    await row(admin, "Telegram").first.get_by_role("button", name="Set-up").click()
    await admin.get_by_label("Send a test message to").fill(str(secrets.randbelow(10**8)))
    await admin.locator("section.secret").get_by_role("button", name="Send").click()
    await admin.locator("section.secret").get_by_role("link", name="Open").click()
    await expect(admin.locator(".message.out .text")).to_have_text("This is a test message.")
    await expect(admin.locator(".message.out .receipt")).to_contain_text("Sent", timeout=30_000)


async def test_what_failed_is_shown_and_replayed(server: OwnServer, admin: Page) -> None:
    mark = secrets.token_hex(6)
    async with server.client() as provider:
        headers = {"X-Telegram-Bot-Api-Secret-Token": "demo-secret-token", "Content-Type": "application/json"}
        body = f'{{"update_id": "{mark}"}}'
        ok(await provider.post(f"/v1/webhooks/telegram/{TELEGRAM}", content=body, headers=headers), 200)
    await admin.goto("/inbox#/admin/failures")
    newest = admin.locator("tbody tr").first
    await newest.get_by_role("button", name="Show").click()
    await expect(admin.locator("pre")).to_contain_text(mark)
    await newest.get_by_role("button", name="Replay").click()
    await expect(admin.locator(".toast.error")).to_contain_text("It still cannot be processed")


@asynccontextmanager
async def settings_restored(server: OwnServer) -> AsyncIterator[None]:
    async with server.client(server.token("admin", "pages-admin")) as client:
        before = ok(await client.get("/v1/account"), 200)
        try:
            yield
        finally:
            ok(
                await client.patch(
                    "/v1/account", json={"name": before["name"], "settings": before["settings"]}
                ),
                200,
            )


async def test_the_accounts_settings(server: OwnServer, admin: Page) -> None:
    async with settings_restored(server):
        await admin.goto("/inbox#/admin/account")
        await admin.get_by_label("First reply: All conversations").fill("7")
        await admin.get_by_role("button", name="Add hours").click()
        await admin.get_by_label("Until", exact=True).fill("17:30")
        await admin.get_by_label("From", exact=True).fill("08:30")
        await admin.get_by_label("Mon").check()
        await admin.get_by_label("When a language model drafts a reply").select_option("off")
        await admin.get_by_role("button", name="Save").click()
        await expect(admin.get_by_text("Saved.")).to_be_visible()
        async with server.client(server.token("admin", "pages-admin")) as client:
            settings = ok(await client.get("/v1/account"), 200)["settings"]
        assert settings["sla"]["first_reply_minutes"] == 7 and settings["assistance"]["suggestions"] == "off"
        assert settings["business_hours"]["schedule"] == [{"days": ["mon"], "start": "08:30", "end": "17:30"}]
        assert settings["routing"]["strategy"] == "manual_queue"  # what the form does not change stays


async def test_an_api_client_and_the_audit_log(admin: Page) -> None:
    name = f"Machine {secrets.token_hex(3)}"
    await admin.goto("/inbox#/admin/clients")
    await admin.get_by_label("Name", exact=True).fill(name)
    await admin.get_by_role("button", name="Create a client").click()
    await expect(admin.locator(".secret dd code")).to_have_count(2)
    await admin.get_by_role("button", name="I have copied it").click()
    await expect(row(admin, name)).to_be_visible()
    await admin.goto("/inbox#/admin/audit")
    await admin.get_by_label("Only this action").fill("api_client.created")
    await admin.get_by_label("Only this action").blur()
    await expect(admin.locator("tbody tr").first).to_contain_text("Ada")


async def test_an_event_webhook_and_its_deliveries(
    server: OwnServer, admin: Page, customer: Customer
) -> None:
    async with receiving() as receiver:
        await admin.goto("/inbox#/admin/webhooks")
        await admin.get_by_label("URL").fill(receiver.url)
        await admin.get_by_role("button", name="Create a webhook").click()
        await admin.get_by_role("button", name="I have copied it").click()
        hook = row(admin, receiver.url)
        await hook.get_by_role("button", name="Test").click()
        await expect(admin.locator(".toast")).to_contain_text("Answered 204")
        await customer.say("Hello")
        await receiver.count(2)
        await hook.get_by_role("button", name="Deliveries").click()
        delivery = admin.get_by_role("region", name="Deliveries").locator("tbody tr").first
        await expect(delivery).to_contain_text("Delivered")
        async with admin.expect_response(lambda r: "/replay" in r.url and r.ok):
            await delivery.get_by_role("button", name="Send again").click()
        admin.once("dialog", lambda dialog: dialog.accept())
        await hook.get_by_role("button", name="Delete").click()
        await expect(hook).to_have_count(0)

"""What agents do with conversations, in a real browser: a test for each thing."""

from __future__ import annotations

import asyncio
import re
import secrets

import httpx
import pytest
from browser_pages import Customer, OpenPage, mail
from desks import ok
from plain_http import NO_TLS
from playwright.async_api import Page, expect
from serving import OwnServer

from tertulia.serving.demo import demo_id

pytestmark = pytest.mark.browser
TELEGRAM = demo_id(14)


async def begin(page: Page, conversation: str) -> None:
    """Open a conversation and take it."""
    await page.goto(f"/inbox#/inbox/all/{conversation}")
    await page.get_by_role("button", name="Take it").click()
    await expect(page.locator(".assignee")).to_have_text("you")


async def chosen(page: Page, text: str) -> None:
    """Choose from the palette."""
    await page.get_by_role("combobox").last.fill(text)
    await page.locator("#choices li", has_text=text).first.click()


async def test_a_note_stays_inside(server: OwnServer, open_page: OpenPage, customer: Customer) -> None:
    conversation = await customer.say("Hello")
    page = await open_page(token=server.token("agent", "note-taker"))
    await begin(page, conversation)
    await page.get_by_role("button", name="Note", exact=True).click()
    await page.locator("#composer").fill("A difficult customer")
    await page.get_by_role("button", name="Add note").click()
    await expect(page.locator(".message.note:not(.unsent)")).to_contain_text("A difficult customer")
    assert "A difficult customer" not in await customer.heard()


async def test_canned_answers_and_macros(server: OwnServer, open_page: OpenPage, customer: Customer) -> None:
    code = f"/m{secrets.token_hex(3)}"
    async with server.client(server.token("lead", "canner")) as client:
        macro = {"add_labels": ["refund"], "priority": "high", "status": "resolved"}
        body = {
            "short_code": code,
            "title": "Refund",
            "content": "Dear {{contact_name}}, it is done.",
            "actions": macro,
        }
        ok(await client.post("/v1/canned-responses", json=body), 201)
    conversation = await customer.say("I want a refund")
    page = await open_page(token=server.token("agent", "macro-user"))
    await begin(page, conversation)
    await page.locator("#composer").press_sequentially(code)
    await page.keyboard.press("Enter")
    await expect(page.locator("#composer")).to_have_value(f"Dear {customer.name}, it is done.")
    await page.keyboard.press("Enter")
    await expect(page.locator(".thread-title .status")).to_have_text("Resolved")
    await expect(page.locator(f"#row-{conversation} .label, .details .label").first).to_contain_text("refund")
    assert f"Dear {customer.name}, it is done." in await customer.heard()


async def test_an_offer_is_accepted(server: OwnServer, open_page: OpenPage, customer: Customer) -> None:
    me = f"offered-{secrets.token_hex(3)}"
    page = await open_page(token=server.token("agent", me))
    await expect(page.locator('[data-badge="stream"]')).to_have_attribute("data-freshness", "live")
    conversation = await customer.say("Hello?")
    async with server.client(
        server.token("lead", "offerer")
    ) as client:  # a team of one, so that nobody else is asked
        team = ok(await client.post("/v1/teams", json={"name": me}), 201)
        ok(await client.post(f"/v1/teams/{team['id']}/members", json={"user_id": me}))
        entrust = {"team_id": team["id"], "strategy": "least_busy"}
        ok(await client.post(f"/v1/conversations/{conversation}/assign", json=entrust), 200)
    offer = page.locator(f'[data-offer="{conversation}"]')
    await expect(offer.locator(".countdown")).to_contain_text("s")
    await offer.get_by_role("button", name="Accept").click()
    await expect(page.locator(".assignee")).to_have_text("you")


async def test_transfer_between_two_agents(
    server: OwnServer, open_page: OpenPage, customer: Customer
) -> None:
    conversation = await customer.say("Who helps me?")
    first = await open_page(token=server.token("agent", "first-agent", name="Ana First"))
    second = await open_page(token=server.token("agent", "second-agent", name="Bo Second"))
    await expect(second.locator('[data-badge="stream"]')).to_have_attribute("data-freshness", "live")
    await begin(first, conversation)
    await first.get_by_role("toolbar").get_by_role("button", name="Assign …").click()
    await chosen(first, "Bo Second")
    await expect(first.locator(".assignee")).to_have_text("Bo Second")
    await expect(
        second.locator(f"#row-{conversation}")
    ).to_be_visible()  # it is on the other's list, without a reload


async def test_two_agents_on_one_conversation(
    server: OwnServer, open_page: OpenPage, customer: Customer
) -> None:
    conversation = await customer.say("Hello")
    first = await open_page(token=server.token("agent", "pair-one", name="Ana One"))
    second = await open_page(token=server.token("agent", "pair-two", name="Bo Two"))
    await begin(first, conversation)
    await second.goto(f"/inbox#/inbox/all/{conversation}")
    await second.locator(".message").first.wait_for()
    await first.locator("#composer").fill("I am writing this")
    await expect(second.locator(".viewers")).to_contain_text("Ana One")
    await expect(second.locator(".colleague-draft")).to_contain_text("Ana One")
    await first.locator("#composer").press("Enter")
    await expect(second.locator(".message.out .text")).to_have_text("I am writing this")
    await expect(second.locator(".colleague-draft")).to_have_count(0)
    await expect(first.locator(".message.out:not(.unsent)")).to_have_count(1)


async def test_resolve_snooze_label_and_priority(
    server: OwnServer, open_page: OpenPage, customer: Customer
) -> None:
    conversation = await customer.say("Soon")
    page = await open_page(token=server.token("agent", "worker"))
    await begin(page, conversation)
    await page.locator(".thread-title h1").click()
    await page.keyboard.press("z")
    await chosen(page, "In an hour")
    await expect(page.locator(".entry", has_text="snoozed until")).to_be_visible()
    await page.keyboard.press("l")
    await page.get_by_role("combobox").last.fill("late")
    await page.keyboard.press("Enter")
    await expect(page.locator(".details .label")).to_contain_text("late")
    await page.keyboard.press("p")
    await chosen(page, "Urgent")
    await expect(page.locator(".details #priority")).to_have_value("urgent")
    await page.keyboard.press("e")
    await expect(page.get_by_text("Resolved.", exact=True)).to_be_visible()
    async with server.client(server.token("agent", "worker")) as client:
        found = ok(await client.get(f"/v1/conversations/{conversation}"), 200)
    assert (found["status"], found["labels"], found["priority"]) == ("resolved", ["late"], "urgent")


async def test_search_and_filters(server: OwnServer, open_page: OpenPage, customer: Customer) -> None:
    word = f"zebra{secrets.token_hex(4)}"
    conversation = await customer.say(f"My {word} is late")
    page = await open_page(token=server.token("agent", "searcher"))
    await page.goto("/inbox#/inbox/all")
    await page.get_by_label("Search conversations").fill(word)
    await expect(page.locator(".row")).to_have_count(1)
    await expect(page.locator(f"#row-{conversation} mark").first).to_have_text(word)
    await customer.say(
        "Something else, later"
    )  # the row shows the hit, though it is no longer the newest message
    await page.get_by_label("Search conversations").fill(word.upper())
    await expect(page.locator(f"#row-{conversation} .preview mark")).to_have_text(word)
    await page.get_by_label("Search conversations").fill("")
    await page.get_by_role("button", name="Filters", exact=True).click()
    await page.locator("select[name=channel_type]").select_option("email")
    await expect(page.locator(f"#row-{conversation}")).to_have_count(0)
    await page.get_by_label("Name of this filter").fill("Mails")
    await page.get_by_role("button", name="Save", exact=True).click()
    await page.get_by_role("button", name="Clear", exact=True).click()
    await expect(page.locator(f"#row-{conversation}")).to_be_visible()
    await page.get_by_role("button", name="Mails", exact=True).click()
    await expect(page.locator(f"#row-{conversation}")).to_have_count(0)


async def test_a_mail_with_copies_and_quotes(server: OwnServer, open_page: OpenPage) -> None:
    sender = f"m{secrets.token_hex(4)}@example.org"
    subject = f"Order {secrets.token_hex(3)}"
    await mail(server, sender, subject, "Where is it?")
    page = await open_page(token=server.token("agent", "mailer"))
    await page.goto("/inbox#/inbox/all")
    row = page.locator(".row", has_text=sender)
    await row.click()
    await page.get_by_role("button", name="Take it").click()
    await expect(page.locator(".mail-head")).to_contain_text("boss@example.org", use_inner_text=False)
    await page.locator(".recipients-box summary").click()
    await page.get_by_label("Cc", exact=True).fill("copy@example.org")
    await page.get_by_label("To", exact=True).fill(sender)
    await page.locator("#composer").fill("On its way")
    await page.locator("#composer").press("Control+Enter")
    sent = page.locator(".message.out:not(.unsent)")
    await expect(sent).to_contain_text("On its way")
    await expect(sent.locator(".mail-head dl")).to_contain_text("copy@example.org", use_inner_text=False)


async def test_files_are_sent_and_shown(server: OwnServer, open_page: OpenPage, customer: Customer) -> None:
    conversation = await customer.say("Send me the form")
    page = await open_page(token=server.token("agent", "filer"))
    await begin(page, conversation)
    png = bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
        "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
    )
    await page.locator('input[type="file"]').set_input_files(
        {"name": "form.png", "mimeType": "image/png", "buffer": png}
    )
    await expect(page.locator(".attached li.ready")).to_be_visible()
    await page.get_by_role("button", name="Send", exact=True).click()
    await expect(page.locator(".message.out:not(.unsent) img")).to_be_visible()


async def test_a_page_that_was_opened_without_https_sends_and_copies_too(
    server: OwnServer, open_page: OpenPage, customer: Customer
) -> None:
    """Browsers keep some functions from pages of plain http at other addresses than this machine's."""
    conversation = await customer.say("Hello")
    page = await open_page(token=server.token("admin", "plain", name="Plain"))
    await page.context.add_init_script(
        "delete Crypto.prototype.randomUUID; delete Navigator.prototype.clipboard"
    )
    await page.reload()
    await begin(page, conversation)
    await page.locator("#composer").fill("Hello from the café's tablet")
    await page.locator("#composer").press("Enter")
    await expect(page.locator(".message.out:not(.unsent)")).to_have_count(1)
    await page.goto("/inbox#/admin/channels")
    await page.locator("tbody tr", has_text="Café Tertulia").get_by_role("button", name="Set-up").click()
    await page.get_by_role("button", name="Copy").first.click()
    await expect(page.get_by_text("Select the text and copy it.")).to_be_visible()


async def test_a_closed_conversation_says_so(
    server: OwnServer, open_page: OpenPage, customer: Customer
) -> None:
    conversation = await customer.say("Hello")
    page = await open_page(token=server.token("agent", "closer"))
    await begin(page, conversation)
    page.once("dialog", lambda dialog: dialog.accept())
    await page.get_by_role("button", name="Close", exact=True).click()
    await expect(page.locator(".composer.ended")).to_contain_text("closed for good")
    await expect(page.locator("#composer")).to_have_count(0)


async def test_the_title_counts_what_is_unread(
    server: OwnServer, open_page: OpenPage, customer: Customer
) -> None:
    conversation = await customer.say("Hello")
    page = await open_page(token=server.token("agent", f"titled-{secrets.token_hex(3)}"))
    await begin(page, conversation)
    await page.goto("/inbox#/inbox/mine")
    await customer.say("Are you there?")
    await expect(page).to_have_title("(1) Tertulia inbox")
    await page.locator(f"#row-{conversation}").click()
    await expect(page).to_have_title("Tertulia inbox")


async def test_what_is_no_token_is_said(open_page: OpenPage) -> None:
    page = await open_page()
    await page.get_by_label("Access token").fill("abc")
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await expect(page.get_by_role("alert")).to_have_text("This is not an access token of this server.")


async def test_an_unsent_message_is_kept_and_sent_again(
    server: OwnServer, open_page: OpenPage, customer: Customer
) -> None:
    conversation = await customer.say("Hello")
    page = await open_page(token=server.token("agent", "retrier"))
    await begin(page, conversation)
    blocked = asyncio.Event()

    async def refuse(route):
        await (route.continue_() if blocked.is_set() else route.abort())

    await page.route("**/messages", refuse)
    await page.locator("#composer").fill("Can you read me?")
    await page.locator("#composer").press("Enter")
    await expect(page.locator('[data-unsent="failed"]')).to_contain_text("Not sent", timeout=30_000)
    blocked.set()
    await page.locator('[data-unsent="failed"]').get_by_role("button", name="Try again").click()
    await expect(page.locator(".message.out:not(.unsent) .text")).to_have_text("Can you read me?")
    assert (await customer.heard()).count("Can you read me?") == 1


async def test_what_the_provider_refuses_says_why_and_is_sent_again(
    server: OwnServer, open_page: OpenPage
) -> None:
    page = await open_page(token=server.token("admin", "refused-admin"))
    async with server.client(server.token("admin", "refused-admin")) as client:
        channel = ok(await client.get(f"/v1/channels/{TELEGRAM}"), 200)
        opened = {"channel_id": TELEGRAM, "contact_identifier": str(secrets.randbelow(10**8))}
        conversation = ok(await client.post("/v1/conversations/find-or-create", json=opened))["id"]
    await begin(page, conversation)
    async with httpx.AsyncClient(base_url=channel["config"]["base_url"], verify=NO_TLS) as double:
        ok(await double.put(f"/double/{TELEGRAM}/faults", json={"kind": "refuse", "count": 1}))
    await page.locator("#composer").fill("Your parcel is here.")
    await page.locator("#composer").press("Enter")
    receipt = page.locator(".message.out .receipt")
    await expect(receipt).to_contain_text(re.compile(r"Not delivered\s*: \w+"))
    await receipt.get_by_role("button", name="Send again").click()
    await expect(page.locator(".message.out .receipt.sent")).to_have_count(1)


async def test_notices_are_the_agents_own_on_every_browser(server: OwnServer, open_page: OpenPage) -> None:
    token = server.token("agent", f"quiet-{secrets.token_hex(3)}")
    first = await open_page(token=token)
    await first.goto("/inbox#/preferences")
    async with first.expect_response(lambda r: r.request.method == "PATCH" and r.ok):
        await first.get_by_label("A sound for offers").uncheck()
    second = await open_page(token=token)
    await second.goto("/inbox#/preferences")
    await expect(second.get_by_label("A sound for offers")).not_to_be_checked()


async def test_a_clock_runs_until_the_reply(
    server: OwnServer, open_page: OpenPage, customer: Customer
) -> None:
    async with server.client(server.token("admin", "sla-admin")) as admin:
        ok(await admin.patch("/v1/account", json={"settings": {"sla": {"first_reply_minutes": 15}}}))
        try:
            conversation = await customer.say("How long will it take?")
            page = await open_page(token=server.token("agent", "clocked"))
            await page.goto(f"/inbox#/inbox/all/{conversation}")
            clock = page.locator('.thread-head [data-sla="first_reply"]')
            await expect(clock).to_contain_text("SLA in 14 min")
            await expect(page.locator(f"#row-{conversation} [data-sla]")).to_have_count(1)
            await page.get_by_role("button", name="Take it").click()
            await page.locator("#composer").fill("Not long")
            await page.locator("#composer").press("Enter")
            await expect(clock).to_have_count(0)
        finally:
            ok(await admin.patch("/v1/account", json={"settings": {"sla": None}}))

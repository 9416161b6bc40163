"""What customers do with the widget, in a real browser: a test for each thing."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import AsyncIterator
from typing import Any

import jwt
import pytest
from browser_pages import OpenPage
from desks import fresh, ok
from playwright.async_api import expect
from serving import OwnServer
from test_accessibility import violations
from waiting import until
from widget_site import SECRET, Site, Widget, answer, newest, serving

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture
async def site(server: OwnServer) -> AsyncIterator[Site]:
    async with serving(server) as one:
        yield one


async def opened(open_page: OpenPage, site: Site, **options: Any) -> Widget:
    return await Widget(await open_page(site.url, **options)).open()


def proof(identifier: str, **claims: Any) -> str:
    return jwt.encode({"sub": identifier, "exp": int(time.time()) + 300} | claims, SECRET, "HS256")


async def test_from_the_widget_to_the_inbox_and_back(
    server: OwnServer, open_page: OpenPage, site: Site
) -> None:
    channel = await site.channel()
    widget = await opened(open_page, site)
    await widget.say("Is anybody there?")
    conversation = (await newest(server, channel))["id"]
    await expect(widget.frame.locator("[data-queue]")).to_contain_text(re.compile("queue|next"))
    inbox = await open_page(token=server.token("lead", "widget-lead", name="Lena"))
    await inbox.goto(f"/inbox#/inbox/all/{conversation}")
    await inbox.get_by_role("button", name="Take it").click()
    await expect(widget.frame.locator("header p")).to_have_text("You are talking to Lena")
    await expect(widget.frame.locator("[data-queue]")).to_have_count(0)
    await inbox.locator("#composer").press_sequentially("I am")
    await expect(widget.frame.locator(".typing")).to_contain_text("is writing")
    await inbox.locator("#composer").press("Enter")
    await expect(widget.theirs.locator(".text")).to_have_text("I am")
    await widget.box.press_sequentially("Good")
    await expect(inbox.locator(".typing")).not_to_have_text("")
    await widget.box.press("Enter")
    await expect(inbox.locator(".message.in .text").last).to_have_text("Good")


async def test_files_both_ways(server: OwnServer, open_page: OpenPage, site: Site) -> None:
    channel = await site.channel()
    widget = await opened(open_page, site)
    picture = {"name": "box.png", "mimeType": "image/png", "buffer": PIXEL}
    await widget.frame.locator('input[type="file"]').set_input_files([picture])  # pyright: ignore[reportArgumentType]
    await expect(widget.frame.locator('.attached [data-state="ready"]')).to_have_count(1)
    await widget.frame.get_by_role("button", name="Send").click()
    await expect(widget.own.locator("img")).to_be_visible()
    drop = await widget.box.evaluate_handle(
        """(_, bytes) => { const data = new DataTransfer(); data.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], 'dropped.png', { type: 'image/png' })); return data; }""",
        base64.b64encode(PIXEL).decode(),
    )
    await widget.frame.locator(".panel").dispatch_event("drop", {"dataTransfer": drop})
    await expect(widget.frame.locator('.attached [data-state="ready"]')).to_contain_text("dropped.png")
    await widget.frame.get_by_role("button", name="Remove dropped.png").click()
    await expect(widget.frame.locator(".attached")).to_have_count(0)
    async with server.client(server.token("agent", "sender")) as agent:
        url = ok(
            await agent.post(
                "/v1/attachments?name=guide.png", content=PIXEL, headers={"Content-Type": "image/png"}
            ),
            201,
        )
    await answer(
        server, channel, "see", attachments=[{k: url[k] for k in ("url", "name", "content_type", "size")}]
    )
    await expect(widget.theirs.locator("img")).to_be_visible()
    async with widget.page.expect_download() as downloading:
        await widget.theirs.get_by_role("button", name="Download guide.png").click()
    assert (await downloading.value).suggested_filename == "guide.png"


async def test_a_customer_gives_a_score_once(server: OwnServer, open_page: OpenPage, site: Site) -> None:
    channel = await site.channel()
    async with server.client(server.token("admin", "site-admin")) as admin:
        ok(await admin.patch("/v1/account", json={"settings": {"csat_enabled": True}}))
        try:
            widget = await opened(open_page, site)
            await widget.say("That was all")
            conversation = (await newest(server, channel))["id"]
            ok(await admin.patch(f"/v1/conversations/{conversation}", json={"status": "resolved"}))
            await widget.frame.locator(".rating").wait_for(timeout=30_000)
        finally:
            ok(await admin.patch("/v1/account", json={"settings": {"csat_enabled": None}}))
        await widget.frame.get_by_role("radio", name="4").check()
        await widget.frame.get_by_label("Anything to add?").fill("Quick")
        await widget.frame.locator(".rating").get_by_role("button", name="Send").click()
        await expect(widget.frame.locator("[data-rated]")).to_be_visible()
        entries = ok(await admin.get(f"/v1/conversations/{conversation}/entries"))["items"]
    assert [e["data"] for e in entries if e["kind"] == "rated"] == [{"score": 4, "comment": "Quick"}]
    await widget.page.reload()
    await expect(widget.own).to_have_count(1)
    await expect(widget.frame.locator(".rating")).to_have_count(0)


async def test_a_site_says_who_its_customer_is(server: OwnServer, open_page: OpenPage, site: Site) -> None:
    channel = await site.channel(require_identity=True)
    widget = await opened(open_page, site)
    await expect(widget.frame.locator("[data-needs-proof]")).to_be_visible()
    await expect(widget.box).to_have_count(0)
    marta, other = fresh("marta"), fresh("other")
    await widget.page.evaluate("(token) => window.tertulia.identify({ token })", proof(marta, name="Marta"))
    await widget.say("It is me")
    c = await newest(server, channel)
    assert (c["contact_identifier"], c["contact_name"]) == (marta, "Marta")
    await widget.page.evaluate("(token) => window.tertulia.identify({ token })", proof(other))
    await expect(widget.box).to_be_visible()
    await expect(widget.own).to_have_count(0)  # somebody else sees nothing of it
    expired = proof(marta, exp=int(time.time()) - 3600)
    await widget.page.evaluate(
        "(token) => { window.ended = 0; window.tertulia.on('identity-expired', () => { window.ended += 1; }); window.tertulia.identify({ token }); }",
        expired,
    )
    await expect(widget.frame.locator("[data-needs-proof]")).to_be_visible()
    await widget.page.wait_for_function("window.ended > 0")
    site.attributes["token"] = proof(marta)  # as the site's server writes it into the page
    again = await opened(open_page, site)
    await expect(again.own).to_have_text(re.compile("It is me"))


async def test_what_is_asked_before_the_first_message(
    server: OwnServer, open_page: OpenPage, site: Site
) -> None:
    form = [{"name": "name", "required": True}, {"name": "size", "label": "Shoe size"}]
    channel = await site.channel(widget={"prechat_form": form})
    widget = await opened(open_page, site)
    await widget.box.fill("Do you have these in my size?")
    await widget.frame.get_by_role("button", name="Send").click()
    await expect(widget.frame.locator(".form")).to_be_visible()  # the name is required
    await widget.frame.get_by_label("Name").fill("Ana")
    await widget.frame.get_by_label("Shoe size").fill("38")
    await widget.frame.get_by_role("button", name="Send").click()
    await expect(widget.own).to_have_count(1)
    c = await newest(server, channel)
    assert c["metadata"]["form"] == {"name": "Ana", "size": "38"} and c["contact_name"] == "Ana"
    inbox = await open_page(token=server.token("agent", "form-reader"))
    await inbox.goto(f"/inbox#/inbox/all/{c['id']}")
    await expect(inbox.locator(".details")).to_contain_text("38")


async def test_outside_of_the_hours(server: OwnServer, open_page: OpenPage, site: Site) -> None:
    channel = await site.channel()
    day = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[(time.gmtime().tm_wday + 3) % 7]
    hours = {"schedule": [{"days": [day], "start": "09:00", "end": "10:00"}]}
    async with server.client(server.token("admin", "site-admin")) as admin:
        ok(await admin.patch("/v1/account", json={"settings": {"business_hours": hours}}))
        try:
            widget = await opened(open_page, site)
            await expect(widget.frame.locator("[data-closed]")).to_contain_text("closed until")
        finally:
            ok(await admin.patch("/v1/account", json={"settings": {"business_hours": None}}))
    await widget.frame.get_by_label("E-mail").fill("ana@example.com")
    await widget.box.fill("Call me back, please")
    await widget.frame.get_by_role("button", name="Send").click()
    await expect(widget.own).to_have_count(1)
    assert (await newest(server, channel))["metadata"]["form"] == {"email": "ana@example.com"}


async def test_nothing_is_lost_in_a_cut(server: OwnServer, open_page: OpenPage, site: Site) -> None:
    channel = await site.channel()
    widget = await opened(open_page, site)
    await widget.say("before")
    await widget.page.context.set_offline(True)
    await widget.box.fill("during")
    await widget.box.press("Enter")
    await expect(widget.frame.locator(".unsent")).to_have_count(1)
    await answer(server, channel, "one", "two", "three")
    await widget.page.context.set_offline(False)
    await expect(widget.theirs).to_have_count(3, timeout=40_000)
    await expect(widget.own).to_have_count(2, timeout=40_000)
    assert await widget.texts() == ["before", "one", "two", "three", "during"]
    assert (await newest(server, channel))["seq"] == 5


async def test_a_message_on_its_way_survives_a_reload(
    server: OwnServer, open_page: OpenPage, site: Site
) -> None:
    channel = await site.channel()
    widget = await opened(open_page, site)
    await widget.say("first")
    held: list[Any] = []
    await widget.page.route(
        "**/v1/webchat/messages",
        lambda route: held.append(route) if route.request.method == "POST" else route.continue_(),
    )
    await widget.box.fill("second")
    await widget.box.press("Enter")
    await expect(widget.frame.locator(".unsent")).to_have_count(1)
    await widget.box.fill("a draft")
    await widget.page.unroute_all(behavior="ignoreErrors")
    await widget.page.reload()
    await expect(widget.own).to_have_count(2)
    await expect(widget.box).to_have_value("a draft")
    assert (await newest(server, channel))["seq"] == 2


async def test_a_phone_is_filled(server: OwnServer, open_page: OpenPage, site: Site) -> None:
    await site.channel()
    widget = await opened(open_page, site, viewport={"width": 390, "height": 780}, has_touch=True)
    frame = widget.page.locator("tertulia-widget iframe")
    assert await frame.bounding_box() == {"x": 0, "y": 0, "width": 390, "height": 780}
    await expect(widget.button).to_be_hidden()
    await widget.page.set_viewport_size({"width": 390, "height": 420})  # as when the keyboard comes up
    await expect(widget.box).to_be_in_viewport()
    box = await frame.bounding_box()
    assert box is not None and box["height"] == 420
    await widget.frame.get_by_role("button", name="Close the chat").click()
    await expect(widget.button).to_be_focused()
    assert await widget.page.evaluate("document.documentElement.style.overflow") == ""


async def test_the_scripts_interface(server: OwnServer, open_page: OpenPage, site: Site) -> None:
    channel = await site.channel()
    page = await open_page(site.url)
    widget = Widget(page)
    await page.wait_for_function("window.tertulia")
    await page.evaluate("""() => { window.heard = []; for (const name of ['open', 'close', 'unread', 'message'])
        window.tertulia.on(name, (detail) => window.heard.push([name, typeof detail === 'object' ? detail.content : detail])); window.tertulia.open(); }""")
    await widget.say("hello")
    await widget.box.press("Escape")
    await expect(page.locator("tertulia-widget iframe")).to_be_hidden()
    await answer(server, channel, "are you there?")
    await expect(widget.button.locator("span")).to_have_text("1")
    heard = await page.evaluate("window.heard")
    assert [h for h in heard if h[0] in ("open", "close", "message")] == [
        ["open", None],
        ["close", None],
        ["message", "are you there?"],
    ]
    assert ["unread", 1] in heard and await page.evaluate("window.tertulia.unread") == 1
    await page.evaluate("window.tertulia.forget()")
    await widget.open()
    await expect(widget.own).to_have_count(0)


async def test_a_site_that_is_not_named_shows_nothing(
    server: OwnServer, open_page: OpenPage, site: Site, faults: list[str]
) -> None:
    await site.channel(allowed_origins=["https://shop.example"])
    widget = Widget(await open_page(site.url))
    async with widget.page.expect_console_message(lambda said: "frame-ancestors" in said.text):
        await widget.button.click()
    await expect(widget.frame.locator(".panel")).to_have_count(0)
    assert all("frame-ancestors" in fault for fault in faults) and faults
    faults.clear()


async def named(server: OwnServer, site: Site) -> bool:
    """Whether the site may show its channel, as several connections, and so each gateway, say."""
    for _ in range(8):
        async with server.client() as client:
            frame = await client.get(f"/widget/channels/{site.attributes['channel']}")
        if site.url not in frame.headers["Content-Security-Policy"]:
            return False
    return True


async def test_an_admin_sets_it_up(server: OwnServer, open_page: OpenPage, site: Site) -> None:
    inbox = await open_page(token=server.token("admin", "widget-admin"))
    await inbox.goto("/inbox#/admin/channels")
    name = fresh("Shop ")
    await inbox.get_by_label("Name", exact=True).first.fill(name)
    await inbox.get_by_role("button", name="Create, then show the steps").click()
    setup = inbox.locator(".widget-setup")
    await setup.get_by_label("Origins").fill(f"{site.url}/, https://shop.example")
    await setup.get_by_label("Greeting").fill("Good day")
    await setup.get_by_role("group", name="Form before").get_by_label("Order number").check()
    await setup.get_by_label("Days").fill("7")
    await setup.get_by_role("button", name="Save").click()
    await expect(setup.get_by_label("Origins")).to_have_value(f"{site.url}, https://shop.example")
    assert await violations(inbox) == []
    tag = await inbox.get_by_label("Before the end of the body").input_value()
    assert (
        tag.startswith(f'<script async src="{server.url}/widget.js" data-channel="') and "data-color" in tag
    )
    site.attributes = dict(re.findall(r'data-(\w+)="([^"]*)"', tag))
    await until(lambda: named(server, site), "every gateway to know the site")
    widget = await opened(open_page, site)
    await expect(widget.frame.locator(".greeting")).to_have_text("Good day")
    await widget.frame.get_by_label("Order number").fill("A-1")
    await widget.box.fill("Where is it?")
    await widget.frame.get_by_role("button", name="Send").click()
    await expect(widget.own).to_have_count(1)
    assert (await newest(server, site.attributes["channel"]))["metadata"]["form"] == {"order": "A-1"}


@pytest.mark.parametrize("language", ["es", "am", "ar"])
async def test_it_speaks_the_visitors_language(open_page: OpenPage, site: Site, language: str) -> None:
    await site.channel()
    widget = await opened(open_page, site, locale=language)
    await expect(widget.frame.locator("html")).to_have_attribute("lang", language)
    await expect(widget.frame.locator("html")).to_have_attribute("dir", "rtl" if language == "ar" else "ltr")
    assert await widget.box.get_attribute("placeholder") != "Write a message …"


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_in_the_widget(
    server: OwnServer, open_page: OpenPage, site: Site, scheme: str
) -> None:
    """The frame's own page, where axe can look into everything; and the shop's page with the button."""
    form = [{"name": "name"}, {"name": "email", "type": "email", "required": True}]
    channel = await site.channel(widget={"prechat_form": form, "greeting": "Hello https://example.com"})
    page = await open_page(f"/widget/channels/{channel}", color_scheme=scheme)
    found = {}
    await page.locator(".form").wait_for()
    found["form"] = await violations(page)
    await page.get_by_label("E-mail").fill("ana@example.com")
    await page.locator("#message").fill("Hello https://example.com")
    await page.get_by_role("button", name="Send").click()
    await page.locator(".message.own:not(.unsent)").wait_for()
    await answer(server, channel, "Good day mail@example.com")
    await page.locator(".message:not(.own):not(.greeting)").wait_for()
    await page.locator('input[type="file"]').set_input_files(
        [{"name": "a.png", "mimeType": "image/png", "buffer": PIXEL}]
    )
    await page.locator('[data-state="ready"]').wait_for()
    found["thread"] = await violations(page)
    shop = await open_page("/demo/shop", color_scheme=scheme)
    await shop.locator("tertulia-widget button").wait_for()
    found["shop"] = await violations(shop)
    assert {view: faults for view, faults in found.items() if faults} == {}

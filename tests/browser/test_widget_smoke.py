"""The widget in a real browser, in short: on a site of another origin under a strict policy, from the first message to a reload."""

from __future__ import annotations

from browser_pages import OpenPage
from playwright.async_api import expect
from serving import OwnServer
from widget_site import Widget, answer, serving

LATE_CLOSE = """
  const post = MessagePort.prototype.postMessage;
  if (parent === window) MessagePort.prototype.postMessage = function (message) {
    if (message.type === 'close') setTimeout(() => post.call(this, message), 3000);
    else post.call(this, message);
  };
"""
"""A page that is busy, and tells the widget late that it has closed it."""


async def test_a_customer_writes_on_a_site_under_a_strict_policy(
    server: OwnServer, open_page: OpenPage
) -> None:
    async with serving(server) as site:
        channel = await site.channel(widget={"greeting": "How can we help?"})
        page = await open_page(site.url)  # `faults` fails the test on any violation of the site's policy
        loaded: list[str] = []
        page.on("request", lambda request: loaded.append(request.url))
        await page.reload(wait_until="networkidle")
        assert [url for url in loaded if url.startswith(server.url)] == [f"{server.url}/widget.js"]
        widget = await Widget(page).open()
        await expect(widget.frame.locator(".greeting")).to_have_text("How can we help?")
        await widget.say("<b>Where</b> is my parcel?")
        await answer(server, channel, "On its way <img src=x onerror=alert(1)>")
        await expect(widget.theirs.locator(".text")).to_have_text("On its way <img src=x onerror=alert(1)>")
        thread = await widget.texts()
        await page.reload()  # it is open again, where it was
        await expect(widget.theirs).to_have_count(1)
        second = Widget(await page.context.new_page())
        await second.page.goto(site.url)
        await page.context.add_init_script(LATE_CLOSE)
        await page.reload()
        await expect(widget.theirs).to_have_count(1)
        await widget.box.press("Escape")
        await answer(server, channel, "At your door")
        for tab in (widget, second):
            await expect(tab.button.locator("span")).to_have_text("1", timeout=15_000)
        await second.open()
        await second.say("Thank you")
        for tab in (widget, second):
            await expect(tab.own).to_have_count(2)
            await expect(tab.theirs).to_have_count(2)
            assert await tab.texts() == [*thread, "At your door", "Thank you"]
            await expect(tab.button.locator("span")).to_be_hidden()  # read in one tab is read in the other
        # what identifies the customer is out of the site's reach
        assert "eyJ" not in await page.evaluate(
            "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"
        )

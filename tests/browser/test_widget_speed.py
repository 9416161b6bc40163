"""How fast the widget is, as the browser sees it. Prints the figures; the bounds leave room for a busy machine."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from browser_pages import OpenPage
from desks import ok
from playwright.async_api import Frame
from serving import OwnServer
from test_speed import p95
from widget_site import Widget, newest, serving

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

WATCH = """
  window.figures = { paints: [], long: [] };
  const painted = (done) => requestAnimationFrame(() => { const c = new MessageChannel(); c.port1.onmessage = done; c.port2.postMessage(0); });
  const Original = WebSocket;
  window.WebSocket = class extends Original {
    constructor(...given) {
      super(...given);
      this.addEventListener('message', ({ data }) => {
        const event = JSON.parse(data), at = performance.now();
        if (event.type !== 'conversation:message' || event.data.sender_type === 'contact') return;
        const look = () => (document.querySelector(`[data-id="${event.data.id}"]`)
          ? painted(() => window.figures.paints.push(performance.now() - at)) : performance.now() - at < 2000 && requestAnimationFrame(look));
        look();
      });
    }
  };
  new PerformanceObserver((found) => found.getEntries().forEach((e) => window.figures.long.push(e.duration))).observe({ type: 'longtask' });
"""
OPEN = """() => new Promise((done) => { const at = performance.now(); addEventListener('message', () => null); window.tertulia.open();
  window.tertulia.on('unread', () => done(performance.now() - at)); })"""
"""From the click until the frame has painted the panel and told the page so."""


def frame_of(page: Any) -> Frame:
    return next(frame for frame in page.frames if "/widget/channels/" in frame.url)


async def test_how_fast_it_opens_and_paints(server: OwnServer, open_page: OpenPage) -> None:
    async with serving(server) as site:
        channel = await site.channel()
        opened = []
        for _ in range(5):
            page = await open_page(site.url)
            await page.wait_for_function("window.tertulia")
            opened.append(await page.evaluate(OPEN))
            await page.context.close()
        page = await open_page(site.url)
        await page.context.add_init_script(WATCH)
        await page.reload()
        widget = await Widget(page).open()
        sizes: dict[str, int] = await frame_of(page).evaluate(
            "Object.fromEntries([...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
            ".filter((e) => !e.name.includes('/v1/')).map((e) => [new URL(e.name).pathname, e.encodedBodySize]))"
        )
        await widget.say("Hello")
        conversation = (await newest(server, channel))["id"]
        async with server.client(server.token("service", "fast")) as client:

            async def one(n: int) -> None:
                await asyncio.sleep(n / 20)
                body = {"content": f"answer {n}", "sender_type": "agent"}
                ok(await client.post(f"/v1/conversations/{conversation}/messages", json=body), 201)

            await asyncio.gather(*(one(n) for n in range(60)))
        await widget.theirs.nth(59).wait_for()
        figures = await frame_of(page).evaluate("window.figures")
    print(
        f"\nopened in {sorted(opened)[2]:.0f} ms (median of {len(opened)}, cold), {sum(sizes.values())} B in {len(sizes)} files;"
        f" event to paint p95 {p95(figures['paints']):.0f} ms of {len(figures['paints'])}, tasks over 50 ms: {figures['long']}"
    )
    assert len(figures["paints"]) >= 55 and p95(figures["paints"]) <= 400
    assert sum(sizes.values()) <= 35 * 1024 and sorted(opened)[2] <= 3000

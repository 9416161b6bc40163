"""The page's speed as the browser sees it. Prints the figures; the bounds leave room for a busy machine.

`make browser-speed` measures with 10,000 conversations and 20,000 messages in one thread.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics

import pytest
from browser_pages import MANY_CONVERSATIONS, Customer, OpenPage, crowd, scroll_to_the_end
from desks import ok
from playwright.async_api import Browser, expect
from serving import OwnServer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

MANY = int(os.environ.get("MANY_MESSAGES", "2000"))
TYPED = "The quick brown fox jumps over the lazy dog"
MEASURE = """
  window.figures = { paints: [], keys: [], long: [], list: null };
  const painted = (done) => requestAnimationFrame(() => { const c = new MessageChannel(); c.port1.onmessage = done; c.port2.postMessage(0); });
  const Original = WebSocket;
  window.WebSocket = class extends Original {
    constructor(...given) {
      super(...given);
      this.addEventListener('message', ({ data }) => {
        const event = JSON.parse(data), at = performance.now();
        if (event.type !== 'conversation:message') return;
        const look = () => (document.querySelector(`.message[data-seq="${event.seq}"]`)
          ? painted(() => window.figures.paints.push(performance.now() - at)) : performance.now() - at < 2000 && requestAnimationFrame(look));
        look();
      });
    }
  };
  new PerformanceObserver((found) => found.getEntries().forEach((e) => e.name === 'keydown' && window.figures.keys.push(e.duration)))
    .observe({ type: 'event', durationThreshold: 16, buffered: true });
  new PerformanceObserver((found) => found.getEntries().forEach((e) => window.figures.long.push(e.duration))).observe({ type: 'longtask' });
  new MutationObserver((_, watch) => { if (document.querySelector('.row')) { window.figures.list ??= performance.now(); watch.disconnect(); } })
    .observe(document, { subtree: true, childList: true });
"""


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1] if len(values) > 1 else max(values, default=0)


async def test_the_speed_of_hand(server: OwnServer, open_page: OpenPage, customer: Customer) -> None:
    await crowd(server)
    conversation = await customer.say("0")
    token = server.token("agent", "speedy")
    page = await open_page(token=token)
    await page.context.add_init_script(MEASURE)
    await page.goto("about:blank")
    await page.goto(f"/inbox#/inbox/all/{conversation}")
    await page.locator(".message").first.wait_for()
    first_list = await page.evaluate("window.figures.list")
    await page.locator("#composer").focus()
    await page.evaluate("window.figures.long = []")
    for n in range(60):
        await customer.say(f"message {n}")
    await expect(page.locator(".message .text").last).to_have_text("message 59")
    await page.locator("#composer").press_sequentially(TYPED, delay=15)
    figures = await page.evaluate("window.figures")
    keys = figures["keys"] + [16] * max(
        0, len(TYPED) - len(figures["keys"])
    )  # the browser reports slower ones only
    print(f"\nfirst list {first_list:.0f} ms, event to paint p95 {p95(figures['paints']):.0f} ms of {len(figures['paints'])}, "
          f"key to paint p95 {p95(keys):.0f} ms, tasks over 50 ms: {figures['long']}")  # fmt: skip
    assert first_list <= 4000 and p95(figures["paints"]) <= 400 and p95(keys) <= 250


def tasks_of(trace: bytes) -> list[float]:
    """CPU time of the tasks of the page's main thread, in ms: what a busy machine does not change."""
    events = json.loads(trace)["traceEvents"]
    mains = {
        (e["pid"], e["tid"])
        for e in events
        if e["name"] == "thread_name" and e["args"]["name"] == "CrRendererMain"
    }
    tasks = (e for e in events if e["name"].endswith("RunTask") and (e["pid"], e["tid"]) in mains)
    return [e["tdur"] / 1000 for e in tasks if "tdur" in e]


async def test_sixty_messages_a_second(
    server: OwnServer, browser: Browser, open_page: OpenPage, customer: Customer
) -> None:
    await crowd(server)
    conversation = await customer.say("0")
    page = await open_page(token=server.token("agent", "flooded"))
    await page.context.add_init_script(MEASURE)
    await page.goto("about:blank")
    await page.goto(f"/inbox#/inbox/all/{conversation}")
    await page.locator(".message").first.wait_for()
    await scroll_to_the_end(page, MANY_CONVERSATIONS)
    await page.locator("#rows").evaluate("(box) => { box.scrollTop = 0; }")
    await page.locator("#composer").focus()
    await page.evaluate("window.figures.long = []")
    await browser.start_tracing(page=page, categories=["toplevel", "disabled-by-default-devtools.timeline"])
    async with server.client(server.token("service", "flood")) as client:

        async def one(n: int) -> None:
            await asyncio.sleep(n / 60)
            body = {"content": f"flood {n}", "sender_type": "contact"}
            ok(await client.post(f"/v1/conversations/{conversation}/messages", json=body), 201)

        await asyncio.gather(*(one(n) for n in range(300)))
    await expect(page.locator('[data-badge="thread"]')).to_have_attribute(
        "data-place", str(await _seq(server, conversation))
    )
    tasks = tasks_of(await browser.stop_tracing())
    figures = await page.evaluate("window.figures")
    print(
        f"\n60 messages/s for 5 s: event to paint p95 {p95(figures['paints']):.0f} ms, tasks over 50 ms on the clock:"
        f" {figures['long']}, of CPU: {[round(t) for t in tasks if t > 50]} (longest {max(tasks):.0f} of {len(tasks)}, {sum(tasks):.0f} in all)"
    )
    assert p95(figures["paints"]) <= 600 and max(tasks) <= 50


async def test_a_long_thread_opens_at_once(
    server: OwnServer, open_page: OpenPage, customer: Customer
) -> None:
    conversation = await customer.say("0")
    async with server.client(server.token("service", "writer")) as client:
        gate = asyncio.Semaphore(64)

        async def one(n: int) -> None:
            async with gate:
                body = {"content": f"message {n}", "sender_type": "contact"}
                ok(await client.post(f"/v1/conversations/{conversation}/messages", json=body), 201)

        await asyncio.gather(*(one(n) for n in range(MANY)))
    page = await open_page(token=server.token("agent", "historian"))
    await page.goto("/inbox#/inbox/all")
    await page.locator(f"#row-{conversation}").wait_for()
    took = await page.evaluate(
        """(id) => new Promise((done) => { const at = performance.now();
            new MutationObserver((_, watch) => { if (document.querySelector('.message')) { watch.disconnect(); requestAnimationFrame(() => done(performance.now() - at)); } })
              .observe(document.body, { subtree: true, childList: true });
            document.getElementById(`row-${id}`).click(); })""", conversation,
    )  # fmt: skip
    print(f"\na thread of {MANY} messages opens in {took:.0f} ms")
    entries = page.locator(".entries")
    for _ in range(10):  # older ones load as one scrolls, and what is in the document stays bounded
        low = int(await page.locator("[data-seq]").first.get_attribute("data-seq") or 0)
        await entries.evaluate("(box) => { box.scrollTop = 0; }")
        await page.wait_for_function(
            "(low) => Number(document.querySelector('[data-seq]').dataset.seq) < low || low === 1", arg=low
        )
        assert await page.locator(".entries [data-seq]").count() <= 420
    await page.get_by_role("button", name="To the newest").click()
    await expect(page.locator(".message").last).to_have_attribute(
        "data-seq", str(await _seq(server, conversation))
    )
    assert took <= 2000


async def _seq(server: OwnServer, conversation: str) -> int:
    async with server.client(server.token("agent", "counter")) as client:
        return ok(await client.get(f"/v1/conversations/{conversation}"), 200)["seq"]

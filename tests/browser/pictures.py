"""`make images`: the screenshots of docs/images, taken anew of a server of its own with a café's ordinary day.

`make images ARGS="reports floor"` takes those of some views only.
"""

from __future__ import annotations

import asyncio
import io
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from desks import ok
from node import program
from PIL import Image
from playwright.async_api import Browser, Page, async_playwright, expect
from scene import ABEBA, CHEN, DANA, set_up
from serving import ROOT, OwnServer

from tertulia.core.accounts.demo_account import AGENTS

IMAGES: Final = ROOT / "docs/images"
SCREENS: Final[dict[str, dict[str, Any]]] = {
    "light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 800}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 800}},
    "phone": {"color_scheme": "light", "viewport": {"width": 360, "height": 740}, "has_touch": True},
}
ADMIN: Final = (
    "queue", "agents", "teams", "canned", "articles", "deliveries", "channels", "bot_rules", "routing", "account", "clients",
    "webhooks", "failures", "audit",
)  # fmt: skip
VIEWS: Final = {
    "list": "inbox/all",
    "floor": "floor",
    "reports": "reports",
    "preferences": "preferences",
    **{f"settings-{page.replace('_', '-')}": f"admin/{page}" for page in ADMIN},
}
"""Name of the picture → address, besides the thread and the sign-in."""


async def save(page: Page, name: str) -> None:
    """A picture of 256 colours at most: a third of the size, and no difference to be seen."""
    taken = Image.open(io.BytesIO(await page.screenshot(animations="disabled")))
    small = taken.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    small.save(IMAGES / f"{name}.png", optimize=True)
    print(f"docs/images/{name}.png", flush=True)


@asynccontextmanager
async def opened(browser: Browser, server: OwnServer, **options: Any) -> AsyncIterator[Page]:
    context = await browser.new_context(base_url=server.url, **{"locale": "en-GB", **options})
    try:
        yield await context.new_page()
    finally:
        await context.close()


async def sign_in(page: Page, server: OwnServer, agent: str) -> None:
    name, role = AGENTS[agent]
    await page.goto("/inbox")
    await page.locator("#token").fill(server.token(role, agent, name=name))
    await page.locator('button[type="submit"]').click()
    await expect(page.locator('[data-badge="stream"]')).to_have_attribute("data-freshness", "live")


DRAWN = """new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => {
  done(!document.querySelector('.loading, .loading-more'));
})))"""


async def settle(page: Page) -> None:
    """Everything has been loaded and drawn."""
    await page.wait_for_function(DRAWN)
    await page.wait_for_function("document.fonts.status === 'loaded'")
    for plot in await page.locator(".plot").all():
        await plot.locator("canvas").wait_for()


async def thread(page: Page, conversation: str, name: str) -> None:
    """The conversation that is shown, with what a colleague writes meanwhile."""
    await page.goto(f"/inbox#/inbox/all/{conversation}")
    await expect(page.locator('[data-badge="thread"]')).to_have_attribute("data-freshness", "fresh")
    await page.locator(".thread-head [data-sla]").first.wait_for()
    await expect(page.locator(".colleague-draft").or_(page.locator(".viewers")).first).to_be_attached()
    await settle(page)
    await save(page, name)


async def inbox(browser: Browser, server: OwnServer, conversation: str, wanted: Iterable[str]) -> None:
    for screen, options in SCREENS.items():
        async with opened(browser, server, **options) as page:
            await page.goto("/inbox")
            await page.locator("[data-demo]").first.wait_for()
            if "sign-in" in wanted:
                await save(page, f"inbox-sign-in-{screen}")
            await sign_in(page, server, DANA)
            for name, address in VIEWS.items():
                if name not in wanted:
                    continue
                await page.goto(f"/inbox#/{address}")
                await page.locator("h1, .row").first.wait_for()
                await settle(page)
                await save(page, f"inbox-{name}-{screen}")
        if "thread" in wanted:
            async with opened(browser, server, **options) as page:
                await sign_in(page, server, CHEN)
                await thread(page, conversation, f"inbox-{screen}")
    if "arabic" in wanted:
        async with opened(browser, server, **{**SCREENS["light"], "locale": "ar"}) as page:
            await sign_in(page, server, CHEN)
            await thread(page, conversation, "inbox-arabic")


async def widget(browser: Browser, server: OwnServer) -> None:
    """The demo's shop: a customer has asked, and Chen has answered."""
    for name, options in {**SCREENS, "arabic": {**SCREENS["light"], "locale": "ar"}}.items():
        async with opened(browser, server, **options) as page:
            await page.goto("/demo/shop")
            await page.locator("tertulia-widget button").click()
            frame = page.frame_locator("tertulia-widget iframe")
            asked = (
                "هل تناسب هذه القهوة الجبنة؟"
                if name == "arabic"
                else "Hello! Does the Yirgacheffe suit a jebena?"
            )
            await frame.locator("#message").fill(asked)
            await frame.locator("#message").press("Enter")
            await frame.locator(".message.own:not(.unsent)").wait_for()
            async with server.client(server.token("lead", CHEN)) as chen:
                page_of = ok(await chen.get("/v1/conversations", params={"q": asked, "limit": 1}))
                path = f"/v1/conversations/{page_of['items'][0]['id']}"
                ok(await chen.post(f"{path}/assign", json={"agent_id": "me"}))
                answer = (
                    "نعم، وننصح بتحميص متوسط."
                    if name == "arabic"
                    else "It does. Take the medium roast, ground fine."
                )
                ok(await chen.post(f"{path}/messages", json={"content": answer}))
            await frame.locator(".message:not(.own):not(.greeting)").wait_for()
            await expect(frame.locator("[data-queue]")).to_have_count(0)
            await save(page, f"widget-{name}")


async def main(wanted: set[str]) -> None:
    everything = {"sign-in", "thread", "arabic", "widget", *VIEWS}
    if unknown := wanted - everything:
        sys.exit(f"no such view: {', '.join(unknown)}; there are {', '.join(sorted(everything))}")
    wanted = wanted or everything
    with tempfile.TemporaryDirectory() as folder:
        server = OwnServer(Path(folder))
        await server.start()
        try:
            conversation = await set_up(server)
            async with server.client(server.token("agent", ABEBA, name="Abeba")) as abeba:
                draft = {"content": "I called the depot: it is on the van.", "is_private": False}
                ok(await abeba.put(f"/v1/conversations/{conversation}/draft", json=draft))
            async with async_playwright() as playwright:
                path = program("chromium-headless-shell", "chromium-headless-shell")
                browser = await playwright.chromium.launch(
                    executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"]
                )
                await inbox(browser, server, conversation, wanted)
                if "widget" in wanted:
                    await widget(browser, server)
                await browser.close()
        finally:
            await server.kill_all()


if __name__ == "__main__":
    asyncio.run(main(set(sys.argv[1:])))

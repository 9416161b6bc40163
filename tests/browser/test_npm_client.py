"""The npm package in a browser, as plain ES modules: streams over all transports, through a lost network."""

from __future__ import annotations

import asyncio
import json

import pytest
from desks import fresh
from playwright.async_api import Browser, Route
from serving import ROOT, OwnServer

from tertulia.client import AsyncClient
from tertulia.serving.demo import WEBCHAT

PAGE = """<!doctype html><script type="module">
import { TertuliaClient } from "./index.js";
const { token, conversation } = JSON.parse(decodeURIComponent(location.hash.slice(1)));
const client = new TertuliaClient(location.origin, { token: async () => token });
window.seen = { fetch: [], eventsource: [], websocket: [] };
window.streams = {};
for (const over of Object.keys(seen)) {
  streams[over] = client.events({ topics: ["account"], over });
  (async () => {
    for await (const event of streams[over]) {
      if (event.type === "conversation:message" && event.conversation_id === conversation) seen[over].push(event.data.content);
    }
  })().catch((error) => { window.failed = String(error); });
}
await Promise.all(Object.values(streams).map((stream) => stream.ready));
const posted = await client.post("/v1/conversations/{id}/messages", { params: { path: { id: conversation } }, body: { content: "0" } });
window.posted = posted.seq;
</script>"""


async def serve(route: Route) -> None:
    """A file of the package, or the page."""
    name = route.request.url.split("#")[0].rsplit("/", 1)[1]
    if name == "page.html":
        await route.fulfill(body=PAGE, content_type="text/html")
    else:
        await route.fulfill(body=(ROOT / "client/npm" / name).read_text(), content_type="text/javascript")


@pytest.mark.browser
async def test_streams_in_a_browser_survive_a_lost_network(server: OwnServer, browser: Browser) -> None:
    token = server.token("lead")
    async with AsyncClient(server.url, token) as lead:
        conversation = (await lead.create_conversation(channel_id=WEBCHAT, contact_identifier=fresh()))["id"]
        context = await browser.new_context(
            permissions=["local-network-access"]
        )  # the page is not served by it
        page = await context.new_page()
        await page.route("**/npm-client/*", serve)
        given = json.dumps({"token": token, "conversation": conversation})
        await page.goto(f"{server.url}/npm-client/page.html#{given}")
        await page.wait_for_function("window.posted !== undefined")
        await context.set_offline(True)
        for number in range(1, 5):
            await lead.create_message(conversation, content=str(number))
        await asyncio.sleep(0.3)
        await context.set_offline(False)
        for number in range(5, 9):
            await lead.create_message(conversation, content=str(number))
        wanted = json.dumps([str(number) for number in range(9)])
        for over in ("fetch", "eventsource", "websocket"):
            await page.wait_for_function(
                f"JSON.stringify(seen.{over}) === {json.dumps(wanted.replace(' ', ''))}"
            )
        assert await page.evaluate("window.failed") is None
        await context.close()

"""The knowledge base in a real browser: leads keep it, customers search its public part."""

from __future__ import annotations

import io
import zipfile

from browser_pages import OpenPage
from desks import fresh, ok
from playwright.async_api import expect
from serving import OwnServer
from test_accessibility import violations
from widget_site import Widget, serving


def archive(name: str, text: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as out:
        out.writestr(name, text)
        out.writestr("logo.png", b"")
    return packed.getvalue()


async def test_a_lead_writes_restores_imports_and_tries_articles(
    server: OwnServer, open_page: OpenPage
) -> None:
    word = fresh("sprocket")
    page = await open_page(token=server.token("lead", "article-lead", name="Lena"))
    await page.goto("/inbox#/admin/articles")
    await page.get_by_label("Title", exact=True).fill(f"About the {word}")
    await page.get_by_label("Text, in Markdown").fill(f"# Care\nOil the {word} <b>monthly</b>.")
    await page.get_by_role("button", name="Save").click()
    await page.get_by_label("Part of the title").fill(word)
    await page.get_by_role("button", name=f"Change About the {word}").click()
    await expect(page.get_by_label("Text, in Markdown")).to_have_value(
        f"# Care\nOil the {word} <b>monthly</b>."
    )
    await page.get_by_label("Text, in Markdown").fill(f"# Care\nNever oil the {word}.")
    await page.locator('form select[name="visibility"]').first.select_option("public")
    await page.get_by_role("button", name="Save").click()
    await page.get_by_text("Version 1 of").click()
    await expect(page.locator(".versions pre")).to_contain_text("monthly")
    await page.get_by_role("button", name="Restore version 1").click()
    await expect(page.get_by_label("Text, in Markdown")).to_have_value(
        f"# Care\nOil the {word} <b>monthly</b>."
    )
    await page.get_by_label("Zip archive").set_input_files(
        [{"name": "help.zip", "mimeType": "application/zip", "buffer": archive("a.md", f"# More\nThe {word} is blue.")}]
    )  # fmt: skip
    await page.get_by_role("button", name="Import", exact=True).click()
    await expect(page.locator("[data-imported]")).to_contain_text("1 files were skipped")
    await page.get_by_label("Question").fill(f"oil the {word} monthly")
    await page.get_by_role("button", name="Search").click()
    await expect(page.locator("[data-found] li").first).to_contain_text(f"Oil the {word} <b>monthly</b>.")
    await page.get_by_role("button", name="Ask for an answer").click()
    await expect(page.locator("[data-found] blockquote")).to_contain_text("[1]")
    assert await violations(page) == []


async def test_a_customer_searches_public_articles(server: OwnServer, open_page: OpenPage) -> None:
    word = fresh("gasket")
    async with server.client(server.token("lead", "article-lead")) as lead:
        for visibility, body in (
            ("public", f"Change the {word} every year."),
            ("internal", f"The {word} costs us two."),
        ):
            article = {"title": "Gaskets", "body": body, "visibility": visibility}
            ok(await lead.post("/v1/articles", json=article), 201)
    async with serving(server) as site:
        await site.channel()
        widget = await Widget(await open_page(site.url)).open()
        await widget.frame.get_by_role("button", name="Search for an answer").click()
        await widget.frame.get_by_label("Your question").fill(f"when do I change the {word}")
        await widget.frame.get_by_role("button", name="Search", exact=True).click()
        found = widget.frame.locator(".articles li")
        await expect(found.first).to_contain_text(f"Change the {word} every year.")
        assert "costs us" not in " ".join(await found.all_text_contents())
        frame = next(f for f in widget.page.frames if f.url.startswith(server.url))
        assert await violations(frame) == []  # pyright: ignore[reportArgumentType]
        await widget.frame.get_by_role("button", name="Back to the chat").click()
        await widget.say("Thank you")

"""axe-core on every view, in both themes, and the page's languages and sizes."""

from __future__ import annotations

import functools
import gzip
import json
import re
import secrets
import subprocess
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pytest
from browser_pages import Customer, OpenPage
from desks import ok
from node import program
from playwright.async_api import Page, Route, expect
from serving import ROOT, OwnServer

AXE = "4.14.1"
PAGES = ROOT / "http/pages/inbox"
WIDGET = ROOT / "http/pages/widget"
SCRIPTS = [path for folder in (PAGES, WIDGET, ROOT / "http/static/pages") for path in folder.rglob("*.js")]
VIEWS = [
    "inbox/all", "floor", "reports", "preferences",
    *(f"admin/{page}" for page in ("queue", "agents", "teams", "canned", "articles", "deliveries", "channels", "bot_rules", "routing",
                                   "account", "clients", "webhooks", "failures", "audit")),
]  # fmt: skip
CHANNEL_NAMES = {"Web chat", "E-mail"}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@functools.cache
def axe() -> str:
    """axe-core's script, from the npm registry, kept in build/."""
    folder = ROOT / "build/axe"
    package = folder / f"axe-core-{AXE}.tgz"
    if not package.exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            [program("npm", "npm"), "pack", "--silent", f"axe-core@{AXE}"],
            cwd=folder,
            check=True,
            capture_output=True,
        )
    with tarfile.open(package) as archive:
        member = archive.extractfile("package/axe.min.js")
        assert member is not None
        return member.read().decode()


async def violations(page: Page) -> list[str]:
    await page.evaluate(axe())
    found = await page.evaluate(
        "async (tags) => (await axe.run(document, { runOnly: tags })).violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target).join(' | ')}`)",
        RULES,
    )
    return list(found)


@pytest.mark.browser
@pytest.mark.timeout(300)
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing(
    server: OwnServer, open_page: OpenPage, customer: Customer, scheme: str
) -> None:
    conversation = await customer.say("Hello https://example.com")
    page = await open_page(color_scheme=scheme)
    await page.locator("#token").wait_for()
    found = {"sign-in": await violations(page)}
    await page.get_by_label("Access token").fill(server.token("admin", "axe-admin"))
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await page.locator(".list").wait_for()
    for view in VIEWS:
        await page.goto(f"/inbox#/{view}")
        await page.locator("h1, .row").first.wait_for()
        await expect(page.locator(".loading")).to_have_count(0)
        found[view] = await violations(page)
    await page.goto(f"/inbox#/inbox/all/{conversation}")
    await page.get_by_role("button", name="Take it").click()
    await page.locator("#composer").fill("A draft")
    await page.get_by_role("button", name="Filters", exact=True).click()
    await page.get_by_role("button", name="Explain").click()
    await page.locator(".why").wait_for()
    found["thread"] = await violations(page)
    await page.locator(".thread-title h1").click()
    await page.keyboard.press("?")
    found["help"] = await violations(page)
    await page.keyboard.press("Escape")
    await page.keyboard.press(":")
    found["palette"] = await violations(page)
    assert {view: faults for view, faults in found.items() if faults} == {}


CHANGED: Final = {
    "agents": ("Change", "form[aria-labelledby=agent-title]"), "teams": ("Change", "form h2"), "canned": ("Change", "button:text('Cancel')"),
    "articles": ("Change", "button:text('Cancel')"), "bot_rules": ("Change", "button:text('Cancel')"), "channels": ("Set-up", "section.secret"),
    "webhooks": ("Change", "button:text('Cancel')"),
}  # fmt: skip
"""Admin page → the button of its rows that opens a form, and what shows that it is open."""


@pytest.mark.browser
@pytest.mark.timeout(300)
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_in_forms_that_are_open(
    server: OwnServer, open_page: OpenPage, scheme: str
) -> None:
    mark = secrets.token_hex(3)
    async with server.client(server.token("admin", "axe-admin")) as client:
        for resource, body in (
            ("teams", {"name": f"Axe {mark}"}),
            ("canned-responses", {"short_code": f"/axe{mark}", "title": "Axe", "content": "Hello", "actions": {"status": "resolved"}}),
            ("articles", {"title": f"Axe {mark}", "language": "en", "visibility": "internal", "body": "# Axe"}),
            ("bot-rules", {"name": f"Axe {mark}", "trigger_type": "keyword", "is_active": False, "conditions": {"keywords": [mark]},
                           "actions": {"reply_text": "Hello"}}),
            ("event-webhooks", {"url": f"https://hooks.example.com/{mark}", "event_types": ["conversation:new"]}),
        ):  # fmt: skip
            ok(await client.post(f"/v1/{resource}", json=body), 201)
    page = await open_page(token=server.token("admin", "axe-admin"), color_scheme=scheme)
    found: dict[str, list[str]] = {}
    for view, (button, opened) in CHANGED.items():
        await page.goto(f"/inbox#/admin/{view}")
        rows = page.locator(f"[data-page={view}] tbody tr")
        await rows.first.wait_for()
        for n in range(await rows.count() if view == "channels" else 1):  # each provider's steps are others
            await rows.nth(n).get_by_role("button", name=button, exact=view == "channels").first.click()
            await page.locator(opened).first.wait_for()
            for folded in await page.locator(".admin-page details:not([open]) > summary").all():
                await folded.click()
            found[f"{view} {n}"] = await violations(page)
    assert {view: faults for view, faults in found.items() if faults} == {}


@pytest.mark.browser
async def test_a_phone_shows_one_pane_at_a_time(
    server: OwnServer, open_page: OpenPage, customer: Customer
) -> None:
    conversation = await customer.say("Hello")
    page = await open_page(token=server.token("agent", "phone"), viewport={"width": 360, "height": 740})
    await page.goto("/inbox#/inbox/all")
    await page.locator(f"#row-{conversation}").click()
    await expect(page.locator("#composer")).to_be_visible()
    await expect(page.locator(".list")).to_be_hidden()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    await page.get_by_role("button", name="Back to the list").click()
    await expect(page.locator(f"#row-{conversation}")).to_be_visible()


@pytest.mark.browser
async def test_arabic_reads_from_right_to_left(server: OwnServer, open_page: OpenPage) -> None:
    page = await open_page(token=None, locale="ar")
    await expect(page.locator("html")).to_have_attribute("dir", "rtl")
    await page.locator("#token").fill(server.token("agent", "arabic"))
    await page.locator('button[type="submit"]').click()
    await page.locator(".list").wait_for()
    box = await page.locator(".list").bounding_box()
    assert box is not None and box["x"] > 600  # the list is on the right


def modules_of(start: str, folder: Path = PAGES) -> set[Path]:
    """The files that the first view loads: `start` and what it imports, besides what is loaded on demand."""
    found: set[Path] = set()
    todo = [folder / start]
    while todo:
        path = todo.pop().resolve()
        if path in found:
            continue
        found.add(path)
        names = re.findall(r"""from ['"](\.{0,2}/[^'"]+\.js)""", path.read_text())
        todo += [
            ROOT / "http/static" / name.removeprefix("/static/")
            if name.startswith("/static/")
            else path.parent / name
            for name in names
        ]
    return found


def test_the_first_load_is_small() -> None:
    files = modules_of("app.js") | modules_of("shell.js") | {PAGES / "index.html", PAGES / "style.css"}
    assert len(files) > 20
    page = (PAGES / "index.html").read_text()
    for path in files:  # they begin to load with the page
        if path.suffix == ".js":
            name = path.relative_to(PAGES if path.is_relative_to(PAGES) else ROOT / "http/static").as_posix()
            assert f"/{name}" in page, name
    assert sum(len(gzip.compress(path.read_bytes(), 9)) for path in files) <= 120 * 1024


PARSE = """
import { readFileSync } from "node:fs";
import { SourceTextModule } from "node:vm";
for (const path of process.argv.slice(1)) new SourceTextModule(readFileSync(path, "utf8"), { identifier: path });
"""


def test_modules_are_small_and_parse(tmp_path: Path) -> None:
    for path in SCRIPTS:
        if path.parent.name != "catalog":  # a line for each text
            assert len(path.read_text().splitlines()) < 400, path

    def parsed(*paths: Path) -> subprocess.CompletedProcess[bytes]:
        command = [program("node", "nodejs"), "--experimental-vm-modules", "--input-type=module", "-e", PARSE]
        return subprocess.run([*command, *map(str, paths)], capture_output=True, check=False)

    checked = parsed(*SCRIPTS)
    assert checked.returncode == 0, checked.stderr.decode()
    broken = tmp_path / "broken.js"
    broken.write_text("export const a = ;")
    assert parsed(broken).returncode != 0, "what does not parse is not seen"


def test_no_module_makes_markup_of_text() -> None:
    forbidden = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|dangerouslySetInnerHTML|document\.write|\beval\(|new Function"
    )
    assert [str(path) for path in SCRIPTS if forbidden.search(path.read_text())] == []


def said(paths: Iterable[Path]) -> set[str]:
    """The texts that modules show in the page's language."""
    return {m[1] for path in paths for m in re.finditer(r"\bt\('((?:[^'\\])*)'", path.read_text())}


def test_the_widget_is_small() -> None:
    """The loader by itself, and all that opening the widget loads, in the language whose catalogue is the largest."""

    def packed(path: Path) -> int:
        return len(gzip.compress(path.read_bytes(), 9))

    opened = modules_of("app.js", WIDGET) | {WIDGET / "frame.html", WIDGET / "style.css"}
    assert len(opened) > 12
    for path in opened:  # they begin to load with the page
        if path.suffix == ".js" and path.name not in ("app.js", "signals-core.js"):
            assert path.name in (WIDGET / "frame.html").read_text(), path
    catalogue = max(map(packed, (WIDGET / "catalog").glob("*.js")))
    print(f"loader {packed(WIDGET / 'loader.js')} B, opened {sum(map(packed, opened)) + catalogue} B")
    assert packed(WIDGET / "loader.js") <= 3 * 1024
    assert sum(map(packed, opened)) + catalogue <= 35 * 1024


def test_catalogues_translate_what_customers_read() -> None:
    texts = said(WIDGET.glob("*.js"))
    assert len(texts) > 40
    for path in (WIDGET / "catalog").glob("*.js"):
        assert set(re.findall(r"^  '((?:[^'\\])*)':", path.read_text(), re.M)) == texts, path.name


NAMED: Final = {"agent", "lead", "admin", "online", "away", "offline"}
"""Said by their value: roles and presence."""


def test_catalogues_translate_what_agents_read() -> None:
    texts = said(PAGES.rglob("*.js"))
    assert len(texts) > 500
    for path in (PAGES / "catalog").glob("*.js"):
        found = dict(re.findall(r"^  '((?:[^'\\])*)': '(.*)',$", path.read_text(), re.M))
        assert texts - set(found) == set(), f"{path.name} leaves texts in English"
        assert set(found) - texts - NAMED - CHANNEL_NAMES == set(), f"{path.name} translates what nobody says"
        for text, translation in found.items():  # what is filled in stays
            assert sorted(re.findall(r"\{\w+\}", text)) == sorted(re.findall(r"\{\w+\}", translation)), (
                path.name,
                text,
            )


SHOWN = """() => {
  const outside = 'code, pre, time, input, textarea, td, dd, tbody th, kbd, summary, [lang], .visually-hidden + *, .row, .message, .data, script, style, option.data';
  const found = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim(), box = walker.currentNode.parentElement;
    if (/\\p{L}{2}/u.test(text) && !/⟦/.test(text) && !box.closest(outside)) found.add(text);
  }
  for (const name of ['aria-label', 'placeholder', 'title', 'alt']) {
    for (const box of document.querySelectorAll(`[${name}]`)) {
      const text = box.getAttribute(name);
      if (/\\p{L}{2}/u.test(text) && !/⟦/.test(text) && !box.closest(outside)) found.add(`${name}: ${text}`);
    }
  }
  return [...found];
}"""


@pytest.mark.browser
@pytest.mark.timeout(300)
async def test_no_text_is_outside_the_catalogue(
    server: OwnServer, open_page: OpenPage, customer: Customer
) -> None:
    """With a catalogue that puts brackets around every text, no text of a view is without them but data."""
    conversation = await customer.say("Hello")
    texts = said(PAGES.rglob("*.js")) | NAMED | CHANNEL_NAMES
    bracketed = "export default " + json.dumps({text: f"⟦{text}⟧" for text in texts})
    page = await open_page(locale="es-ES")

    async def fulfil(route: Route) -> None:
        await route.fulfill(body=bracketed, content_type="text/javascript")

    await page.route("**/catalog/es.js*", fulfil)
    await page.reload()
    await page.locator("#token").fill(server.token("admin", "pseudo-admin"))
    await page.locator("button[type=submit], form button").first.click()
    await page.locator(".list").wait_for()
    found: dict[str, list[str]] = {}
    for view in [*VIEWS, f"inbox/all/{conversation}"]:
        await page.goto(f"/inbox#/{view}")
        await page.locator("h1, .row").first.wait_for()
        await expect(page.locator(".loading")).to_have_count(0)
        if outside := await page.evaluate(SHOWN):
            found[view] = outside
    assert found == {}

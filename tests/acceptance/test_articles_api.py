"""The knowledge base through the API: versions, imports, searches by role, and what drafts take from it."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from archives import archive
from desks import Desk, fresh, ok, problem
from serving import OwnServer
from test_suggestions import asked, drafted

from tertulia.serving.demo import WEBCHAT


async def imported(desk: Desk, content: bytes, **query: str) -> Any:
    return await desk.http.post(
        "/v1/articles/import", content=content, params=query, headers={"Content-Type": "application/zip"}
    )


@pytest.fixture
def lead(desks: dict[str, Desk]) -> Desk:
    return desks["lead"]


async def written(desk: Desk, body: str, **fields: Any) -> dict[str, Any]:
    return ok(await desk.http.post("/v1/articles", json={"title": fresh(), "body": body} | fields), 201)


async def search(desk: Desk, q: str, **query: str) -> list[dict[str, Any]]:
    return ok(await desk.http.get("/v1/articles/search", params={"q": q} | query))["items"]


async def test_an_article_with_its_versions(lead: Desk) -> None:
    word = fresh("wibble")
    made = await written(lead, f"# Start\nTurn the {word} left.", language="en")
    assert (made["version"], made["visibility"], made["language"]) == (1, "internal", "en")
    path = f"/v1/articles/{made['id']}"
    after = ok(await lead.http.patch(path, json={"body": f"Turn the {word} right.", "visibility": "public"}))
    assert (after["version"], after["body"]) == (2, f"Turn the {word} right.")
    kept = ok(await lead.http.get(f"{path}/versions"))["items"]
    assert [(v["version"], v["visibility"]) for v in kept] == [(2, "public"), (1, "internal")]
    (found,) = [p for p in await search(lead, f"how to turn the {word}") if p["article_id"] == made["id"]]
    assert (found["content"], found["visibility"]) == (f"Turn the {word} right.", "public")
    assert found["relevance"] > 0.4 and "words" in found["found_by"]
    assert (await lead.http.delete(path)).status_code == 204
    assert made["id"] not in [p["article_id"] for p in await search(lead, word)]
    problem(await lead.http.get(path), 404, "not_found")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"title": "", "body": "x"}, "title"),
        ({"title": "x", "body": " \n"}, "body"),
        ({"title": "x", "body": "x" * 100_001}, "body"),
        ({"title": "x", "body": "x", "language": "klingon!"}, "language"),
        ({"title": "x", "body": "x", "visibility": "secret"}, "visibility"),
    ],
)
async def test_bad_articles_name_the_field(lead: Desk, body: dict[str, Any], path: str) -> None:
    said = problem(await lead.http.post("/v1/articles", json=body), 422, "invalid")
    assert said["errors"][0]["path"] == path


async def test_a_folder_of_markdown(lead: Desk) -> None:
    word, folder = fresh("gadget"), fresh("help")
    files: dict[str, str | bytes] = {
        f"{folder}/setup.md": f"---\ntitle: Setting up\nlanguage: en\nvisibility: public\n---\nPlug the {word} in.",
        f"{folder}/es/limpieza.md": f"# Limpiar el {word}\nCon agua.",
        f"{folder}/logo.png": b"\x89PNG",
        f"{folder}/latin.md": "garant\xeda".encode("latin-1"),
        f"{folder}/empty.md": "---\ntitle: x\n---\n",
        "../../etc/passwd.md": f"Nothing but a name {folder}.",
    }
    done = ok(await imported(lead, archive(files), language="es"))
    assert (done["created"] + done["unchanged"] + done["updated"], done["created"] >= 2) == (3, True)
    assert {s["path"].rsplit("/", 1)[-1]: s["reason"] for s in done["skipped"]} == {
        "logo.png": "is not a Markdown file", "latin.md": "is not in UTF-8", "empty.md": "is empty",
    }  # fmt: skip
    found = {p["title"]: p for p in await search(lead, word)}
    assert found["Setting up"]["visibility"] == "public" and found["Setting up"]["language"] == "en"
    assert (
        found[f"Limpiar el {word}"]["visibility"] == "internal"
        and found[f"Limpiar el {word}"]["language"] == "es"
    )
    again = ok(await imported(lead, archive(files), language="es"))
    assert (again["created"], again["updated"], again["unchanged"]) == (0, 0, 3)
    files[f"{folder}/setup.md"] = f"# Setting up\nPlug the {word} out."
    changed = ok(await imported(lead, archive(files), language="es"))
    assert (changed["updated"], changed["unchanged"]) == (1, 2)


async def test_archives_that_are_none_or_too_large(lead: Desk) -> None:
    bomb = {f"{n}.md": "a" * 399_000 for n in range(60)}
    for content, why in [
        (b"PK\x03\x04 nothing", "is not a zip archive that can be read"),
        (archive({f"{n}.txt": "x" for n in range(501)}), "at most 500 files"),
        (archive(bomb), "its files have more than 20971520 bytes"),
    ]:
        said = problem(await imported(lead, content), 422, "invalid")
        assert said["errors"] == [{"path": "file", "message": why}]


async def test_a_customer_finds_public_articles_of_their_account(server: OwnServer, lead: Desk) -> None:
    word = fresh("sprocket")
    shown = await written(lead, f"A {word} costs ten.", visibility="public")
    await written(lead, f"A {word} costs us two.")
    other = server.token("lead", "them", account=str(uuid.uuid4()))
    async with server.client(other) as them:
        assert await search(Desk(them), word) == []
    async with server.client() as visitor:
        session = ok(await visitor.post(f"/v1/webchat/{WEBCHAT}/sessions", json={"contact_name": "Eva"}), 201)
        visitor.headers["Authorization"] = f"Bearer {session['token']}"
        found = ok(await visitor.get("/v1/webchat/articles", params={"q": f"what does a {word} cost"}))[
            "items"
        ]
        assert [(p["article_id"], p["content"]) for p in found if word in p["content"]] == [
            (shown["id"], f"A {word} costs ten.")
        ]
        problem(await visitor.get("/v1/articles/search", params={"q": word}), 403, "forbidden")


async def test_a_draft_cites_what_it_is_based_on(lead: Desk, agent: Desk, service: Desk) -> None:
    word = fresh("flange")
    made = await written(lead, f"The {word} is replaced free of charge within two years.")
    conversation = await asked(service, f"My {word} broke, is it replaced free of charge?")
    draft = await drafted(agent, conversation)
    assert draft["sources"][0] == {"kind": "article", "id": made["id"], "title": made["title"]}
    assert f"The {word} is replaced free of charge" in draft["body"] and "[1]" in draft["body"]
    nothing = await drafted(agent, await asked(service, "Zyx qwv plugh?"))
    assert nothing["sources"] == []


async def test_an_answer_with_citations(server: OwnServer, lead: Desk, agent: Desk) -> None:
    word = fresh("gasket")
    shown = await written(lead, f"A {word} is changed every two years.", visibility="public")
    await written(lead, f"A {word} costs us two euros, and we sell it for nine.")
    path = "/v1/articles/answers"
    found = ok(await agent.http.post(path, json={"question": f"How often is a {word} changed?"}))
    assert "every two years" in found["answer"] and "[1]" in found["answer"] and found["confidence"] > 0
    assert found["citations"][0]["number"] == 1 and found["citations"][0]["article_id"] == shown["id"]
    assert (found["provider"], found["failed_provider"]) == ("rules", None)
    unknown = ok(await agent.http.post(path, json={"question": "Wxyz qqqq vvvv?"}))
    assert (unknown["answer"], unknown["citations"], unknown["provider"]) == (None, [], None)
    secret = {"question": f"What does a {word} cost us, and for how much do we sell it?"}
    assert "two euros" in ok(await agent.http.post(path, json=secret))["answer"]
    assert "euros" not in (await agent.http.post(path, json=secret | {"visibility": "public"})).text
    other = server.token("lead", "them", account=str(uuid.uuid4()))
    async with server.client(other) as them:
        problem(await them.post(path, json=secret), 404, "not_found")
    async with server.client() as visitor:
        session = ok(await visitor.post(f"/v1/webchat/{WEBCHAT}/sessions", json={"contact_name": "Eva"}), 201)
        visitor.headers["Authorization"] = f"Bearer {session['token']}"
        asked_too = {"question": f"How often is a {word} changed?"}
        theirs = ok(await visitor.post("/v1/webchat/answers", json=asked_too))
        assert theirs.keys() == {"answer", "citations"} and "every two years" in theirs["answer"]
        assert "euros" not in (await visitor.post("/v1/webchat/answers", json=secret)).text
        problem(await visitor.post(path, json=secret), 403, "forbidden")
        said = problem(
            await visitor.post("/v1/webchat/answers", json={"question": "x" * 501}), 422, "invalid"
        )
        assert said["errors"][0]["path"] == "question"


async def test_a_saved_website_with_its_sitemap(lead: Desk) -> None:
    word, host = fresh("grommet"), f"{fresh('help')}.example"
    urls = ("", "returns", "care/", "gone", "care/#top")
    loc = "".join(f"<url><loc>https://{host}/{url}</loc></url>" for url in urls)
    page = "<html lang='es'><head><title>{0}</title><script>steal()</script></head><body><nav>Home</nav><h1>{0}</h1><p>{1}</p>"
    files: dict[str, str | bytes] = {
        "saved/sitemap.xml": f"<?xml version='1.0'?><!DOCTYPE x SYSTEM 'http://169.254.169.254/'><urlset>{loc}</urlset>",
        f"saved/{host}/index.html": page.format("Start", f"The {word} shop"),
        f"saved/{host}/returns.html": page.format("Returns", f"A {word} comes back &amp; is paid back"),
        f"saved/{host}/care/index.html": page.format("Care", f"Oil the {word}"),
        f"saved/{host}/secret.html": page.format("Secret", "not listed"),
    }
    done = ok(await imported(lead, archive(files), visibility="public"))
    assert done["created"] == 3
    assert {(s["path"].rsplit("/", 1)[-1], s["reason"]) for s in done["skipped"]} == {
        ("gone", "the archive does not hold this page"), ("sitemap.xml", "is the sitemap"), ("secret.html", "is not in the sitemap"),
    }  # fmt: skip
    (found,) = [p for p in await search(lead, f"{word} paid back") if f"A {word} comes" in p["content"]]
    assert found["title"] == "Returns" and found["content"] == f"A {word} comes back & is paid back"
    assert found["language"] == "es"
    kept = ok(await lead.http.get(f"/v1/articles/{found['article_id']}"))
    assert (
        kept["source"] == f"https://{host}/returns"
        and "steal" not in kept["body"]
        and "Home" not in kept["body"]
    )
    again = ok(await imported(lead, archive(files), visibility="public"))
    assert (again["created"], again["unchanged"]) == (0, 3)

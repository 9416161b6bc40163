"""What the agents' page needs from the server besides the API: its files, its session cookie, the demo's sign-in."""

from __future__ import annotations

import gzip
import re
from http.cookies import SimpleCookie

import jwt
from desks import ok, problem
from serving import OwnServer

from tertulia.core.accounts.demo_account import ACCOUNT, AGENTS
from tertulia.serving.server import Serving
from tertulia.settings import Settings


async def test_the_files_of_a_version_are_kept_by_browsers(server: OwnServer) -> None:
    async with server.client() as client:
        page = (await client.get("/inbox")).text
        names = re.findall(r'(?:href|src)="(/inbox/[0-9a-f]{16}/[^"]+)"', page)
        assert len(names) > 30 and "{version}" not in page
        for name in names:
            answer = await client.get(name)
            assert answer.status_code == 200 and "immutable" in answer.headers["Cache-Control"], name
        older = await client.get(f"/inbox/{'0' * 16}/app.js")
        assert older.status_code == 200 and older.headers["Cache-Control"] == "no-cache"
        problem(await client.get("/inbox/index.html"), 404, "not_found")


async def test_the_session_is_a_cookie_that_scripts_cannot_read(server: OwnServer) -> None:
    token = server.token("agent", "sitter")
    async with server.client() as client:
        assert ok(await client.get("/inbox/session"), 200) == {"token": None, "account_id": None}
        kept = await client.post("/inbox/session", headers={"Authorization": f"Bearer {token}"})
        ok(kept, 200)
        (cookie,) = SimpleCookie(kept.headers["Set-Cookie"]).values()
        assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Strict", "/inbox/session")
        assert 3500 < int(cookie["max-age"]) <= 3600
        assert ok(await client.get("/inbox/session"), 200) == {"token": token, "account_id": ACCOUNT}
        problem(
            await client.get("/inbox/session", headers={"Sec-Fetch-Site": "cross-site"}), 403, "forbidden"
        )
        ok(await client.delete("/inbox/session"), 204)
        assert ok(await client.get("/inbox/session"), 200)["token"] is None


async def test_a_session_that_is_not_good_is_forgotten(server: OwnServer) -> None:
    async with server.client() as client:
        forged = server.token("admin", "x")[:-4] + "AAAA"
        answer = await client.get("/inbox/session", headers={"Cookie": f"tertulia_inbox={ACCOUNT}.{forged}"})
        assert ok(answer, 200)["token"] is None and "Max-Age=0" in answer.headers["Set-Cookie"]
        customer = server.customer("marta")
        answer = await client.post("/inbox/session", headers={"Authorization": f"Bearer {customer}"})
        problem(answer, 403, "forbidden")
        # the cookie opens nothing but the session
        assert (
            await client.get(
                "/v1/conversations", headers={"Cookie": f"tertulia_inbox={ACCOUNT}.{server.token()}"}
            )
        ).status_code == 401


async def test_the_demo_signs_in_its_own_agents_for_an_hour(server: OwnServer) -> None:
    async with server.client() as client:
        agents = ok(await client.get("/inbox/demo"), 200)["items"]
        assert {(a["user_id"], a["name"]) for a in agents} == {(i, name) for i, (name, _) in AGENTS.items()}
        made = ok(await client.post("/inbox/demo", json={"user_id": agents[0]["user_id"]}), 201)
        claims = jwt.decode(made["token"], options={"verify_signature": False})
        assert claims["exp"] - claims["iat"] <= 3601 and claims["accounts"] == {ACCOUNT: agents[0]["role"]}
        problem(await client.post("/inbox/demo", json={"user_id": "somebody"}), 404, "not_found")


def test_there_is_no_such_sign_in_without_the_demo() -> None:
    asked_for = Settings(demo=True)
    assert not Serving(asked_for, print, with_demo=False).settings.demo
    assert Serving(Settings(), print, with_demo=True).settings.demo


async def test_files_are_compressed_and_validated(server: OwnServer) -> None:
    async with server.client() as client:
        plain = await client.get("/inbox/app.js", headers={"Accept-Encoding": "identity"})
        assert plain.headers["Content-Type"] == "text/javascript; charset=utf-8"
        async with client.stream("GET", "/inbox/app.js", headers={"Accept-Encoding": "gzip"}) as packed:
            raw = b"".join([part async for part in packed.aiter_raw()])
        assert packed.headers["Content-Encoding"] == "gzip" and gzip.decompress(raw) == plain.content
        known = await client.get("/inbox/app.js", headers={"If-None-Match": plain.headers["ETag"]})
        assert known.status_code == 304
        for path in ("index.html", "../agents_page.py", "%2e%2e/agents_page.py", "nothing.js"):
            assert (await client.get(f"/inbox/{path}")).status_code == 404

"""`/` for browsers and programs, and the figures of connections."""

from __future__ import annotations

import re

import httpx
import pytest
from desks import problem
from serving import OwnServer
from waiting import until


@pytest.mark.parametrize(
    ("accept", "html"),
    [
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", True),
        ("*/*", False), ("", False), ("application/json", False), ("text/html;q=0.5, application/json", False),
        ("application/json;q=0.5, TEXT/HTML", True), ("text/html;q=0", False), ("text/html;q=x", False),
    ],
)  # fmt: skip
async def test_the_page_or_its_links(server: OwnServer, accept: str, html: bool) -> None:
    async with server.client() as client:
        answer = await client.get("/", headers={"Accept": accept})
        assert answer.status_code == 200 and "Accept" in answer.headers["Vary"].split(", ")
        if not html:
            links = answer.json()["links"].values()
        else:
            assert answer.headers["Content-Type"].startswith("text/html")
            assert "unsafe" not in answer.headers["Content-Security-Policy"]
            assert "<script" not in answer.text and "style=" not in answer.text
            links = [f"/{link}" for link in re.findall(r'(?:href|src)="([a-z.]+)"', answer.text)]
            assert "/welcome.css" in links and "/inbox" in links
        for link in links:
            assert (await client.get(link)).status_code == 200, link


async def test_open_connections_and_refused_streams_are_counted(server: OwnServer) -> None:
    async with server.client(server.token()) as client, client.stream("GET", "/v1/stream") as stream:
        assert stream.status_code == 200
        for _ in range(3):
            problem(
                await client.get("/v1/stream", headers={"Origin": "https://evil.example"}), 403, "forbidden"
            )

        async def counted() -> (
            bool
        ):  # by the gateway of the same connection, whose figures are gathered once a second
            now = figures(await client.get("/metrics"))
            return (
                now["tertulia_streams_refused_total", "origin"] >= 3
                and now["tertulia_connections_open", "request"] >= 1
            )

        await until(counted, "the refused streams")
        now = figures(await client.get("/metrics"))
    assert {why for name, why in now if name == "tertulia_streams_refused_total"} > {
        "user",
        "address",
        "account",
    }
    assert {bound for name, bound in now if name == "tertulia_connections_refused_total"} == {
        "address",
        "gateway",
    }


def figures(page: httpx.Response) -> dict[tuple[str, str], float]:
    """Name and last label → figure."""
    lines = re.findall(r'^(\w+)\{.*?(?:kind|reason|bound)="(\w+)".*?\} (\S+)$', page.text, re.M)
    return {(name, label): float(value) for name, label, value in lines}

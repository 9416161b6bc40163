"""Requests to providers: addresses that are never called, and responses that are never unpacked. (The rest: tests/storage/test_sending.py.)"""

from __future__ import annotations

import socket
import zlib
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tertulia.actors.dispatcher.provider_client import ProviderClient, ProviderResponse
from tertulia.channels.outgoing.guard import Guard
from tertulia.core.channels.delivery_policy import Failure
from tertulia.core.channels.messages import ProviderRequest
from tertulia.core.url_policy import Grant


async def failure_of(url: str, grant: Grant | None = None) -> Failure:
    guard = Guard()
    try:
        answer = await ProviderClient(guard, deadline=2).send(
            ProviderRequest("POST", url, json={}), (grant,) if grant else ()
        )
    finally:
        await guard.close()
    assert isinstance(answer, Failure)
    return answer


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Where sockets connected to; the name metadata.test stands at a metadata address, and inner.test at this machine."""
    seen: list[Any] = []
    monkeypatch.setattr(socket.socket, "connect", lambda _, where: seen.append(where))
    names = {"metadata.test": "169.254.169.254", "inner.test": "127.0.0.1"}
    resolve = socket.getaddrinfo

    def resolved(name: Any, *arguments: Any, **options: Any) -> Any:
        return resolve(names.get(name, name), *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    return seen


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "[::ffff:169.254.169.254]", "[fd00:ec2::254]", "0.0.0.0", "metadata.test"]
)
@pytest.mark.parametrize("networks", [None, ("0.0.0.0/0", "::/0")])
async def test_addresses_that_hand_out_credentials_are_never_called(
    host: str, networks: tuple[str, ...] | None, connected: list[Any]
) -> None:
    url = f"http://{host}"
    answer = await failure_of(f"{url}/latest", Grant(url, networks))
    assert answer.code == "unreachable" and not answer.unknown and not answer.retry
    assert "never called" in answer.detail and connected == []


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:6379", "https://127.0.0.1", "http://inner.test", "https://inner.test"]
)
@pytest.mark.parametrize("networks", [(), ("10.0.0.0/8",), None])
async def test_a_channel_leads_nowhere_inside(
    url: str, networks: tuple[str, ...] | None, connected: list[Any]
) -> None:
    """No network is allowed, another one is, and there is no grant at all."""
    answer = await failure_of(f"{url}/x", None if networks is None else Grant(url, networks))
    assert answer.code == "unreachable" and not answer.retry and connected == []
    assert "127.0.0.1" not in answer.detail and "6379" not in answer.detail


async def test_what_could_not_be_reached_names_no_address() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        answer = await failure_of(url, Grant(url))
    assert (answer.code, answer.detail, answer.retry) == (
        "unreachable",
        "the provider could not be reached",
        True,
    )


async def test_an_answer_that_was_packed_is_not_unpacked() -> None:
    asked: list[str | None] = []

    async def packed(request: web.Request) -> web.Response:
        asked.append(request.headers.get("Accept-Encoding"))
        body = zlib.compress(bytes(100_000_000))
        return web.Response(body=body, status=400, headers={"Content-Encoding": "deflate"})

    app = web.Application()
    app.router.add_post("/", packed)
    async with TestServer(app) as server:
        guard, url = Guard(), str(server.make_url("/"))
        try:
            answer = await ProviderClient(guard, deadline=10).send(
                ProviderRequest("POST", url, json={}), (Grant(url),)
            )
        finally:
            await guard.close()
    assert isinstance(answer, ProviderResponse) and (answer.status, answer.body) == (400, b"")
    assert asked == ["identity"]

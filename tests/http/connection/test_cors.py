"""Which pages may read an answer: by the settings, by a web chat channel, on the fast path and on the standard path."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from message_rig import CONVERSATION, DESK, OTHER, Channels, Gate, request

from tertulia.core.accounts.principal import Role

MESSAGES = f"/v1/conversations/{CONVERSATION}/messages"
SESSIONS = "/v1/webchat/{}/sessions"


@pytest.fixture
async def gate() -> AsyncIterator[Gate]:
    gate = Gate()
    await gate.start()
    yield gate
    await gate.stop()


async def preflight(gate: Gate, path: str, origin: str, method: str = "POST") -> tuple[int, dict[str, str]]:
    asked = f"OPTIONS {path} HTTP/1.1\r\nHost: a\r\nOrigin: {origin}\r\nAccess-Control-Request-Method: {method}\r\n\r\n"
    reader, writer = await gate.open()
    writer.write(asked.encode())
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
    writer.close()
    return int(first.split()[1]), dict(line.split(": ", 1) for line in lines)


@pytest.mark.parametrize(
    "origin", [DESK, "https://desk.example.com:443", "HTTPS://DESK.example.com", "http://localhost:8080"]
)
async def test_the_fast_path_and_the_standard_path_name_the_origin(gate: Gate, origin: str) -> None:
    before = gate.fast
    for body in ({"content": "x"}, {"content": ""}):
        _, quick, _ = await gate.ask(request(gate.token, body, Origin=origin))
        _, slow, _ = await gate.ask(
            request(gate.token, body, Origin=origin, Accept="a", Expect="100-continue")
        )
        for headers in (quick, slow):
            assert headers.get("Access-Control-Allow-Origin") == (
                origin if "desk" in origin.lower() else None
            )
            assert headers["Vary"] == "Origin"
    assert gate.fast - before == ("desk" in origin.lower())


@pytest.mark.parametrize(
    "origin",
    ["null", "*", "https://evil.example", "https://desk.example.com.evil.example", "http://desk.example.com",
     "https://desk.example.com/", "https://desk.example.com, https://evil.example", Channels.origin],
)  # fmt: skip
async def test_staff_answers_are_for_pages_of_the_settings_alone(gate: Gate, origin: str) -> None:
    for token, status in ((gate.token, 201), (gate.token_of(Role.AGENT), 201)):
        answered, headers, _ = await gate.ask(request(token, Origin=origin))
        assert answered == status and not any(name.startswith("Access-Control") for name in headers)


async def test_a_customer_reads_on_the_pages_of_the_own_channel(gate: Gate) -> None:
    own = gate.token_of(Role.CUSTOMER, channel_id=Channels.id, contact_identifier="kim")
    foreign = gate.token_of(Role.CUSTOMER, channel_id=OTHER, contact_identifier="kim")
    for token, allowed in ((own, True), (foreign, False)):
        _, headers, _ = await gate.ask(request(token, {"content": "x"}, Origin=Channels.origin))
        assert ("Access-Control-Allow-Origin" in headers) is allowed
    # that a token is refused must be readable: the page gets a new one
    status, headers, _ = await gate.ask(request("no token", Origin=Channels.origin))
    assert status == 401 and headers["Access-Control-Allow-Origin"] == Channels.origin


async def test_preflights_tell_the_methods_of_the_path(gate: Gate) -> None:
    status, headers = await preflight(gate, MESSAGES, DESK)
    assert status == 204 and headers["Access-Control-Allow-Origin"] == DESK
    assert headers["Access-Control-Allow-Methods"] == "GET, HEAD, POST"
    assert headers["Access-Control-Allow-Credentials"] == "true"
    assert "Authorization" in headers["Access-Control-Allow-Headers"].split(", ")
    assert int(headers["Access-Control-Max-Age"]) > 0 and "Origin" in headers["Vary"].split(", ")
    # the path of one conversation has more methods than this sibling
    _, headers = await preflight(gate, "/v1/conversations/stats", DESK, "DELETE")
    assert headers["Access-Control-Allow-Methods"] == headers["Allow"].replace(", OPTIONS", "") == "GET, HEAD"


async def test_preflights_of_a_channels_pages(gate: Gate) -> None:
    own, other = SESSIONS.format(Channels.id), SESSIONS.format(OTHER)
    shop = Channels.origin
    assert (await preflight(gate, own, shop))[0] == 204
    assert (await preflight(gate, "/v1/webchat/messages", shop))[0] == 204
    assert (await preflight(gate, MESSAGES, shop))[0] == 204
    for path, origin, method in (
        (other, shop, "POST"),  # another channel's
        ("/v1/teams", shop, "GET"),  # not for customers
        (f"/v1/conversations/{CONVERSATION}", shop, "DELETE"),
        (own, "https://evil.example", "POST"),
        (own, "null", "POST"),
        ("/v1/auth/token", DESK, "POST"),  # for machines, which keep a secret
        (f"/v1/webhooks/sms/{OTHER}", DESK, "POST"),
    ):
        status, headers = await preflight(gate, path, origin, method)
        assert status == 403 and "Access-Control-Allow-Origin" not in headers, (path, origin)


async def test_the_name_of_a_rebound_host_is_no_origin(gate: Gate) -> None:
    rebound = request(gate.token, Host="evil.example", Origin="http://evil.example")
    assert (await gate.ask(rebound))[0] == 421


async def test_options_of_the_server_and_of_a_path(gate: Gate) -> None:
    for target, allow in (
        ("*", {"GET", "POST", "DELETE", "OPTIONS", "PATCH", "PUT", "HEAD"}),
        ("/health", {"GET", "HEAD", "OPTIONS"}),
        ("/v1/stream", {"GET", "OPTIONS"}),
    ):
        reader, writer = await gate.open()
        writer.write(f"OPTIONS {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        writer.close()
        assert head.startswith("HTTP/1.1 204"), head
        (found,) = [line.partition(": ")[2] for line in head.split("\r\n") if line.startswith("Allow: ")]
        assert set(found.split(", ")) == allow
    status, _, _ = await gate.ask(b"GET * HTTP/1.1\r\nHost: a\r\n\r\n")
    assert status == 400  # RFC 9112, section 3.2.4

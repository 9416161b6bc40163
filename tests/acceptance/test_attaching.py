"""Files: uploaded, named by messages, read by those who may; and what is refused."""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from desks import Account, Desk, fresh, ok, problem
from serving import OwnServer
from waiting import until

from tertulia.serving.demo import ACCOUNT, WEBCHAT

PNG = b"\x89PNG\r\n\x1a\n" + os.urandom(300_000)
LIMIT = 26_214_400


async def upload(
    client: httpx.AsyncClient,
    content: Any = b"hello",
    type: str | None = "text/plain",
    name: str | None = "a.txt",
) -> httpx.Response:
    headers = {"Content-Type": type} if type else {}
    params = {"name": name} if name is not None else {}
    return await client.post("/v1/attachments", content=content, headers=headers, params=params)


async def attached(client: httpx.AsyncClient, content: bytes = b"hello", **more: Any) -> dict[str, Any]:
    return ok(await upload(client, content, **more), 201)


async def records(server: OwnServer) -> int:
    return (await server.sql("SELECT count(*) FROM attachments"))[0][0]


def stored(server: OwnServer, content: bytes) -> bool:
    digest = hashlib.sha256(content).hexdigest()
    return (server.data / "attachments" / ACCOUNT / digest[:2] / digest[2:]).exists()


async def test_an_upload_comes_back_as_it_went(server: OwnServer, agent: Desk) -> None:
    made = await attached(agent.http, PNG, type="image/png", name="Überraschung.png")
    assert made == {
        "id": made["id"],
        "url": f"/v1/attachments/{made['id']}",
        "name": "Überraschung.png",
        "content_type": "image/png",
        "size": len(PNG),
    }
    answer = await agent.http.get(made["url"])
    assert answer.status_code == 200 and answer.content == PNG
    headers = answer.headers
    assert headers["Content-Type"] == "image/png" and headers["Content-Length"] == str(len(PNG))
    assert headers["ETag"] == f'"{hashlib.sha256(PNG).hexdigest()}"'
    assert headers["Content-Disposition"].startswith('inline; filename="_berraschung.png"')
    assert headers["X-Content-Type-Options"] == "nosniff" and "sandbox" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"].startswith("private")
    assert stored(server, PNG)
    text = await agent.http.get((await attached(agent.http))["url"])
    assert text.headers["Content-Disposition"] == 'attachment; filename="a.txt"'


async def test_a_form_brings_one_file(agent: Desk) -> None:
    files = {"file": ("photo.png", PNG, "image/png")}
    made = ok(await agent.http.post("/v1/attachments?name=other", files=files), 201)
    assert (made["name"], made["content_type"], made["size"]) == ("photo.png", "image/png", len(PNG))
    assert (await agent.http.get(made["url"])).content == PNG
    for bad in ({"file": files["file"], "more": files["file"]}, {"data": files["file"]}):
        found = problem(await agent.http.post("/v1/attachments", files=bad), 422, "invalid")
        assert [e["path"] for e in found["errors"]] == ["file"]
    for body, type in ((b"nonsense", "multipart/form-data; boundary=x"), (b"--x\r\n", "multipart/form-data")):
        answer = await upload(agent.http, body, type)
        assert answer.status_code in (400, 422), answer.text


async def test_parts_of_a_file(agent: Desk) -> None:
    url = (await attached(agent.http, PNG, type="image/png"))["url"]
    etag = (await agent.http.get(url)).headers["ETag"]

    async def get(**headers: str) -> httpx.Response:
        return await agent.http.get(url, headers={k.replace("_", "-"): v for k, v in headers.items()})

    part = await get(Range="bytes=10-19")
    assert part.status_code == 206 and part.content == PNG[10:20]
    assert part.headers["Content-Range"] == f"bytes 10-19/{len(PNG)}"
    assert (await get(Range="bytes=-5")).content == PNG[-5:]
    assert (await get(Range=f"bytes={len(PNG) - 1}-")).content == PNG[-1:]
    assert (await get(Range="bytes=1-2,5-6")).status_code == 200
    assert (await get(Range="bytes=1-2", If_Range='"other"')).status_code == 200
    assert (await get(Range="bytes=1-2", If_Range=etag)).status_code == 206
    beyond = await get(Range=f"bytes={len(PNG)}-")
    problem(beyond, 416, "range_not_satisfiable")
    assert beyond.headers["Content-Range"] == f"bytes */{len(PNG)}"
    assert (await get(If_None_Match=f'"x", {etag}')).status_code == 304


async def test_a_file_over_the_limit_is_refused(server: OwnServer, agent: Desk) -> None:
    async def large(size: int) -> AsyncIterator[bytes]:
        for _ in range(size // 65_536):
            yield b"x" * 65_536

    before = await records(server)
    problem(await upload(agent.http, large(LIMIT + 65_536)), 413, "too_large")
    assert await records(server) == before
    made = ok(await upload(agent.http, large(LIMIT)), 201)
    assert made["size"] == LIMIT
    body = b'{"content":"' + b"x" * 1_100_000 + b'"}'  # the limit of other bodies is theirs still
    c = await agent.open()
    answer = await agent.http.post(
        f"/v1/conversations/{c['id']}/messages", content=body, headers={"Content-Type": "application/json"}
    )
    problem(answer, 413, "too_large")


@pytest.mark.parametrize(
    ("content", "type", "status"),
    [
        (b"<html>", "text/html", 415),
        (b"<svg onload='x'>", "image/svg+xml", 415),
        (b"\x7fELF...", "application/octet-stream", 415),
        (b"no picture", "image/png", 415),
        (b"what is it?", None, 415),
        (b"", "text/plain", 422),
    ],
)
async def test_files_that_are_not_taken(
    server: OwnServer, agent: Desk, content: bytes, type: str | None, status: int
) -> None:
    before = await records(server)
    answer = await upload(agent.http, content, type)
    problem(answer, status, "unsupported_media_type" if status == 415 else "invalid")
    assert await records(server) == before


async def test_bytes_decide_what_a_file_is(agent: Desk) -> None:
    for declared in ("image/jpeg", "application/pdf", "text/plain"):
        assert (await attached(agent.http, PNG, type=declared))["content_type"] == "image/png"
    assert (await attached(agent.http, b"#!/bin/sh", type="text/plain"))["content_type"] == "text/plain"


async def test_a_type_that_is_not_given_is_told_from_the_bytes(agent: Desk) -> None:
    for declared in (None, "application/octet-stream"):
        assert (await attached(agent.http, PNG, type=declared))["content_type"] == "image/png"


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ('x"\r\nSet-Cookie: a=b\r\n\r\n<script>.txt', 'x"Set-Cookie: a=b<script>.txt'),
        ("\u202egnp.txt", "gnp.txt"),
        ("..", None),
        ("", None),
    ],
)
async def test_names_do_no_harm(server: OwnServer, agent: Desk, name: str, kept: str | None) -> None:
    made = await attached(agent.http, name=name)
    assert made["name"] == kept
    answer = await agent.http.get(made["url"])
    assert "Set-Cookie" not in answer.headers
    assert answer.content == b"hello" and answer.headers["Content-Disposition"].isascii()
    outside = [p for p in server.data.rglob("passwd") if "attachments" in p.parts]
    assert outside == []


async def test_an_upload_broken_off_leaves_nothing(server: OwnServer, agent: Desk) -> None:
    before = await records(server)
    host, port = "127.0.0.1", server.port
    head = (
        f"POST /v1/attachments HTTP/1.1\r\nHost: {host}\r\nAuthorization: {agent.http.headers['Authorization']}\r\n"
        f"Content-Type: text/plain\r\nContent-Length: 5000000\r\n\r\n"
    )
    for _ in range(3):
        with socket.create_connection((host, port), timeout=20) as sock:
            sock.sendall(head.encode() + b"y" * 2_000_000)
    marker = await attached(agent.http, b"after", type="text/plain")
    assert await records(server) == before + 1
    assert not list((server.data / "attachments").rglob("*#*"))  # nothing half-written in the store
    assert (await agent.http.get(marker["url"])).content == b"after"


# -- in messages


async def test_a_message_names_what_was_uploaded(server: OwnServer, agent: Desk) -> None:
    made = await attached(agent.http, PNG, type="image/png", name="me.png")
    c = await agent.open()
    elsewhere = {"url": "https://files.example/x.pdf", "name": "x.pdf"}
    wanted = [
        {"url": made["url"].upper().replace("/V1/ATTACHMENTS", "/v1/attachments"), "name": "lies.exe"},
        elsewhere,
    ]
    sent = ok(await agent.say(c["id"], "look", attachments=wanted, client_message_id="k"), 201)
    ours = {"url": made["url"], "name": "me.png", "content_type": "image/png", "size": len(PNG)}
    assert sent["attachments"] == [ours, elsewhere]
    assert ok(await agent.say(c["id"], "look", attachments=wanted, client_message_id="k"), 200) == sent
    (row,) = await server.sql("SELECT conversation_id::text FROM attachments WHERE id = $1", made["id"])
    assert row[0] == c["id"]


async def test_a_message_names_only_what_there_is(server: OwnServer, agent: Desk, other: Account) -> None:
    async with server.client(server.token(account=other.id)) as client:
        theirs = await attached(client)
    made, c = await attached(agent.http), await agent.open()
    for bad in (
        theirs["url"],
        "/v1/attachments/00000000-0000-7000-8000-000000000000",
        "/v1/attachments/../x",
        "/v1/attachments/",
        made["url"] + "/link",
        "javascript:alert(1)",
        "http://files.example/x",
        "data:text/html,x",
        "https://",
        "https://x.example/a b",
        "https://x.example/" + "x" * 2048,
        "",
    ):
        attachments = [{"url": made["url"]}, {"url": bad}]
        found = problem(await agent.say(c["id"], "x", attachments=attachments), 422, "invalid")
        assert [e["path"] for e in found["errors"]] == ["attachments[1].url"], bad
    assert await agent.messages(c["id"]) == []


async def test_a_customer_sends_and_sees_their_own_files_alone(
    server: OwnServer, agent: Desk, service: Desk
) -> None:
    identifier = fresh()
    async with (
        server.client(server.customer(identifier)) as customer,
        server.client(server.customer(fresh())) as stranger,
    ):
        own = await attached(customer, b"from the customer")
        problem(await customer.get(own["url"]), 404, "not_found")  # in no message yet
        body = {"content": "here", "attachments": [{"url": own["url"]}]}
        problem(await stranger.post("/v1/webchat/messages", json=body), 422, "invalid")
        sent = ok(await customer.post("/v1/webchat/messages", json=body), 201)
        assert sent["attachments"][0]["size"] == len(b"from the customer")
        assert (await customer.get(own["url"])).content == b"from the customer"
        assert (await agent.http.get(own["url"])).content == b"from the customer"

        reply, note = await attached(agent.http, b"reply"), await attached(agent.http, b"note")
        ok(await agent.say(sent["conversation_id"], "x", attachments=[{"url": reply["url"]}]), 201)
        ok(
            await agent.say(
                sent["conversation_id"], "x", attachments=[{"url": note["url"]}], is_private=True
            ),
            201,
        )
        assert (await customer.get(reply["url"])).content == b"reply"
        link = ok(await customer.get(reply["url"] + "/link"), 200)
        assert "signature" in link["url"]
        for hidden, who in ((note, customer), (own, stranger), (reply, stranger)):
            problem(await who.get(hidden["url"]), 404, "not_found")
            problem(await who.get(hidden["url"] + "/link"), 404, "not_found")
        taken = {"content": "mine now", "attachments": [{"url": note["url"]}]}
        problem(await customer.post("/v1/webchat/messages", json=taken), 422, "invalid")


async def test_another_accounts_files_are_not_there(server: OwnServer, agent: Desk, other: Account) -> None:
    made = await attached(agent.http)
    async with server.client(server.token("admin", account=other.id)) as client:
        for path in (made["url"], made["url"] + "/link"):
            problem(await client.get(path), 404, "not_found")


# -- links


async def test_a_link_needs_no_token(server: OwnServer, agent: Desk) -> None:
    made = await attached(agent.http, PNG, type="image/png")
    link = ok(await agent.http.get(made["url"] + "/link"), 200)
    query = {k: v[0] for k, v in parse_qs(urlsplit(link["url"]).query).items()}
    async with server.client() as nobody:
        assert (await nobody.get(link["url"])).content == PNG
        assert (await nobody.get(link["url"], headers={"Range": "bytes=0-3"})).content == PNG[:4]
        problem(await nobody.get(made["url"]), 401, "unauthenticated")
        problem(await nobody.get(made["url"] + "/link"), 401, "unauthenticated")
        another = await attached(agent.http)
        bad = [
            (made["url"], query | {"expires": str(int(query["expires"]) + 1)}),
            (made["url"], query | {"signature": query["signature"][:-1] + "0" * (query["signature"][-1] != "0") + "1" * (query["signature"][-1] == "0")}),
            (made["url"], query | {"signature": ""}),
            (made["url"], {"signature": query["signature"]}),
            (another["url"], query),
        ]  # fmt: skip
        for url, changed in bad:
            problem(await nobody.get(url, params=changed), 403, "forbidden")
        problem(await nobody.get(made["url"], params=query | {"expires": "soon"}), 422, "invalid")
        problem(await agent.http.get(made["url"], params=query | {"signature": "x"}), 403, "forbidden")


async def test_a_link_ends(server: OwnServer, agent: Desk) -> None:
    from tertulia.core.channels.signed_urls import LinkSigner  # the server's own secret, a link of its past

    made = await attached(agent.http)
    url, _ = LinkSigner(server.secret).signed_link(made["id"], 1_000_000_000)
    async with server.client() as nobody:
        problem(await nobody.get(url), 403, "forbidden")


# -- what is still to come, or never came


async def test_a_file_that_is_being_fetched_or_never_came(server: OwnServer, agent: Desk) -> None:
    made = await attached(agent.http, os.urandom(16), type="text/plain")
    lasting = (
        "UPDATE attachments SET status = 'pending', source = '{}', next_attempt_at = 'infinity' WHERE id = $1"
    )
    await server.sql(lasting, made["id"])
    found = problem(await agent.http.get(made["url"]), 503, "not_ready")
    assert "fetched" in found["detail"]
    await server.sql(
        "UPDATE attachments SET status = 'failed', error = 'the provider answered 404' WHERE id = $1",
        made["id"],
    )
    found = problem(await agent.http.get(made["url"]), 410, "gone")
    assert "answered 404" in found["detail"]
    problem(await agent.http.get(made["url"] + "/link"), 410, "gone")


async def test_bytes_that_are_lost_are_gone(server: OwnServer, agent: Desk) -> None:
    content = os.urandom(20).hex().encode()
    made = await attached(agent.http, content)
    digest = hashlib.sha256(content).hexdigest()
    (server.data / "attachments" / ACCOUNT / digest[:2] / digest[2:]).unlink()
    problem(await agent.http.get(made["url"]), 410, "gone")
    await attached(agent.http, content)
    assert (await agent.http.get(made["url"])).content == content


async def test_the_running_server_fetches_and_sweeps(server: OwnServer, agent: Desk) -> None:
    """The loop runs: what cannot be fetched is failed with the reason, and bytes without a record go."""
    content = os.urandom(20).hex().encode()
    made = await attached(agent.http, content)
    pending = "00000000-0000-4000-8000-" + os.urandom(6).hex()
    await server.sql(
        "INSERT INTO attachments (id, account_id, channel_id, status, source, next_attempt_at)"
        " VALUES ($1, $2, $3, 'pending', '{\"kind\":\"image\",\"id\":\"1\",\"url\":null}', now())",
        pending, ACCOUNT, WEBCHAT,
    )  # fmt: skip
    await server.sql("DELETE FROM attachments WHERE id = $1", made["id"])

    async def failed() -> bool:
        return (await agent.http.get(f"/v1/attachments/{pending}")).status_code == 410

    await until(failed, "the file to be given up")
    await until(lambda: not stored(server, content), "the bytes to go")


async def test_an_erased_customers_files_are_gone(server: OwnServer, service: Desk) -> None:
    identifier, content = fresh(), os.urandom(20).hex().encode()
    async with (
        server.client(server.customer(identifier)) as customer,
        server.client(server.token("admin", "dana")) as admin,
    ):
        own = await attached(customer, content)
        sent = ok(
            await customer.post(
                "/v1/webchat/messages", json={"content": "x", "attachments": [{"url": own["url"]}]}
            ),
            201,
        )
        link = ok(await customer.get(own["url"] + "/link"), 200)
        contact = (await service.get(sent["conversation_id"]))["contact_id"]
        answer = await admin.post(f"/v1/contacts/{contact}/erase")
        assert answer.status_code in (200, 202, 204), answer.text
        problem(await admin.get(own["url"]), 404, "not_found")
        problem(await admin.get(link["url"]), 404, "not_found")
    await until(lambda: not stored(server, content), "the bytes to go")


async def test_many_uploads_at_once(server: OwnServer, agent: Desk) -> None:
    contents = [os.urandom(200_000) + bytes([n]) for n in range(40)]
    made = await asyncio.gather(
        *(upload(agent.http, PNG[:8] + c, "image/png", f"{n}.png") for n, c in enumerate(contents))
    )
    for answer, content in zip(made, contents, strict=True):
        assert (await agent.http.get(ok(answer, 201)["url"])).content == PNG[:8] + content

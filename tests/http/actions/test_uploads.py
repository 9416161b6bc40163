"""Files as bodies: what a form may look like, how slow its sender may be, and what becomes of one that hangs up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import msgspec
import pytest
from aiohttp import StreamReader, web
from aiohttp.test_utils import TestClient, TestServer
from structlog.testing import capture_logs

from tertulia.core.errors import TooLarge
from tertulia.http.actions import uploads
from tertulia.http.connection.protocol import ProblemRunner
from tertulia.http.framework import body_reading, problems
from tertulia.http.framework.body_reading import Pace

MOST = 100_000
HEAD = b'Content-Disposition: form-data; name="file"; filename="a.txt"\r\nContent-Type: text/plain\r\n'
FORM = {"Content-Type": "multipart/form-data; boundary=b"}


def form(content: bytes = b"hello", headers: bytes = HEAD, before: bytes = b"", after: bytes = b"") -> bytes:
    return before + b"--b\r\n" + headers + b"\r\n" + content + b"\r\n--b--\r\n" + after


async def echo(request: web.Request) -> web.Response:
    file = await uploads.incoming(request, most=MOST, min_rate=1.0)
    async with aclosing(file.pieces) as pieces:
        content = b"".join([piece async for piece in pieces])
    return web.Response(body=content, headers={"X-Name": file.name or "", "X-Type": file.content_type or ""})


@pytest.fixture
async def client() -> AsyncIterator[TestClient[Any, Any]]:
    app = web.Application()
    problems.install(app)
    app.router.add_post("/", echo)
    async with TestClient(TestServer(app)) as client:
        yield client


@pytest.mark.parametrize("size", [0, 1, 3, 70, 8_191, 65_536, MOST])
@pytest.mark.parametrize("filler", [b"x", b"\r\n", b"\r\n--", b"\n--b", b"-"])
async def test_the_file_of_a_form_comes_as_it_is(
    client: TestClient[Any, Any], size: int, filler: bytes
) -> None:
    content = (filler * size)[: size - 1] + b"." if size else b""
    for body in (form(content), form(content, before=b"preamble\r\n", after=b"epilogue")):
        response = await client.post("/", data=body, headers=FORM)
        assert response.status == 200 and await response.read() == content
        assert response.headers["X-Name"] == "a.txt" and response.headers["X-Type"] == "text/plain"


REFUSED: dict[str, tuple[bytes, int]] = {
    "thousands of headers": (form(headers=HEAD + b"X-A: b\r\n" * 5_000), 400),
    "one header too many": (form(headers=HEAD + b"X-A: b\r\n" * uploads.MAX_PART_HEADERS), 400),
    "a long header": (form(headers=HEAD + b"X-A: " + b"b" * 100_000 + b"\r\n"), 400),
    "a header with NUL": (form(headers=HEAD + b"X-A: \x00\r\n"), 400),
    "a header without a name": (form(headers=HEAD + b": x\r\n"), 400),
    "no end of the headers": (b"--b\r\n" + HEAD, 400),
    "a charset of a hundred letters": (form(b"x" * 100, b'Content-Disposition: form-data; name="_charset_"\r\n'), 400),
    "a long preamble": (form(before=b"x\r\n" * 30_000), 400),
    "a preamble without lines": (form(before=b"x" * 90_000), 400),
    "an endless line behind it": (form(after=b"x" * 90_000), 400),
    "thousands of parts": (b"--b\r\n" + HEAD + b"\r\nhi\r\n" + (b"--b\r\n" + HEAD + b"\r\nhi\r\n") * 900 + b"--b--\r\n", 422),
    "another field": (form(headers=b'Content-Disposition: form-data; name="other"\r\n'), 422),
    "no field": (b"--b--\r\n", 422),
    "a form in a form": (form(headers=b"Content-Type: multipart/mixed; boundary=c\r\n"), 422),
    "no boundary in it": (b"x" * 1000, 400),
    "nothing": (b"", 400),
    "cut short": (form()[:-10], 400),
    "a packed part": (form(headers=HEAD + b"Content-Encoding: gzip\r\n"), 415),
    "a part in base64": (form(headers=HEAD + b"Content-Transfer-Encoding: base64\r\n"), 415),
    "too large a file": (form(b"x" * (MOST + 40_000)), 413),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_bad_form_is_refused(client: TestClient[Any, Any], what: str, chunked: bool) -> None:
    body, status = REFUSED[what]

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(body), 10_000):
            yield body[at : at + 10_000]

    with capture_logs() as logs:
        response = await client.post("/", data=pieces() if chunked else body, headers=FORM)
        found = msgspec.json.decode(await response.read())
    assert response.status == status == found["status"], found
    assert response.content_type == "application/problem+json" and not logs


@pytest.mark.parametrize("type", ["multipart/form-data", 'multipart/form-data; boundary="' + "b" * 71 + '"'])
async def test_a_boundary_is_needed(client: TestClient[Any, Any], type: str) -> None:
    assert (await client.post("/", data=form(), headers={"Content-Type": type})).status == 400


async def test_a_raw_body_is_bounded(client: TestClient[Any, Any]) -> None:
    async def pieces(size: int) -> AsyncIterator[bytes]:
        for _ in range(size // 1000):
            yield b"x" * 1000

    headers = {"Content-Type": "text/plain"}
    for size, status in ((MOST, 200), (MOST + 1000, 413)):
        assert (await client.post("/", data=b"x" * size, headers=headers)).status == status
        assert (await client.post("/", data=pieces(size), headers=headers)).status == status


@pytest.mark.parametrize("type", ["text/plain", "multipart/form-data; boundary=b"])
async def test_who_hangs_up_in_a_body_leaves_one_line(type: str) -> None:
    app = web.Application()
    problems.install(app)
    begun, left = asyncio.Event(), asyncio.Event()

    async def upload(request: web.Request) -> web.Response:
        begun.set()
        try:
            return await echo(request)
        finally:
            left.set()

    app.router.add_post("/", upload)
    runner = ProblemRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    with capture_logs() as logs:
        port = runner.addresses[0][1]
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: {type}\r\nContent-Length: 10000\r\n\r\n"
        writer.write(head.encode() + form()[:100])
        await asyncio.wait_for(begun.wait(), 10)
        writer.close()
        await asyncio.wait_for(left.wait(), 10)
        await runner.cleanup()
    assert [(line["event"], line["log_level"]) for line in logs] == [("client_gone", "info")]


# -- the pace


async def never() -> bytes:
    return await asyncio.get_running_loop().create_future()


async def brings(size: int) -> bytes:
    return b"x" * size


async def test_a_sender_below_the_rate_is_too_slow() -> None:
    pace = Pace(deadline=60, rate=100, window=0.05)
    assert await pace.read(lambda: brings(4)) == b"xxxx"
    with pytest.raises(web.HTTPRequestTimeout):
        await pace.read(never)


async def test_each_window_needs_its_bytes() -> None:
    pace = Pace(deadline=60, rate=100, window=0.05)
    await pace.read(lambda: brings(5))  # enough for the first window, nothing in the second
    calls: list[float] = []

    async def waits() -> bytes:
        calls.append(asyncio.get_running_loop().time())
        return await never()

    with pytest.raises(web.HTTPRequestTimeout):
        await pace.read(waits)
    assert len(calls) == 2


async def test_the_whole_body_has_a_deadline() -> None:
    pace = Pace(deadline=0.05, rate=0, window=60)
    with pytest.raises(web.HTTPRequestTimeout):
        await pace.read(never)


async def test_time_that_we_take_ourselves_does_not_count() -> None:
    pace = Pace(deadline=0.05, rate=10_000, window=0.05)
    for _ in range(10):
        await pace.read(lambda: brings(1))
        await asyncio.sleep(0.02)  # ours: a busy disk


async def test_a_body_is_counted_as_it_comes() -> None:
    class Request:
        content_length = None
        content: Any

    request: Any = Request()
    request.content = StreamReader(Protocol(), 2**16, loop=asyncio.get_running_loop())
    for _ in range(11):
        request.content.feed_data(b"x" * 10)
    with pytest.raises(TooLarge):
        async for _ in body_reading.pieces(request, 100, Pace()):
            pass


class Protocol:
    _reading_paused = False

    def pause_reading(self) -> None: ...
    def resume_reading(self, resume_parser: bool = True) -> None: ...

"""Calls of both clients, against a server that refuses, breaks and delays."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from fake_server import problem, serving

from tertulia.client import (
    AnswerTooLarge,
    ApiError,
    AsyncClient,
    Client,
    ClientCredentials,
    ConnectionFailed,
    DeadlineExceeded,
    Invalid,
    NotFound,
    Options,
    RateLimited,
    RetryPolicy,
    ServerFailed,
    Unauthenticated,
)
from tertulia.client.transport.attempts import Attempts
from tertulia.client.transport.files import download_of
from tertulia.client.transport.operations import Operation

QUICK = Options(retries=RetryPolicy(first_pause=0.001), timeout=5)
Doing = Callable[[Any], Any]
Script = list[web.Response | str]


class Scripted:
    """Answers calls in order: a response, or `cut` to break the connection after the request was read."""

    def __init__(self, *script: web.Response | str) -> None:
        self.script = list(script)
        self.calls: list[tuple[str, str, Any]] = []
        self.tokens: list[str | None] = []

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        body = await request.json() if request.content_type == "application/json" else await request.read()
        self.calls.append((request.method, request.path_qs, body))
        self.tokens.append(request.headers.get("Authorization"))
        answer = self.script.pop(0)
        if isinstance(answer, web.Response):
            return answer
        assert request.transport is not None
        request.transport.close()
        return web.Response()


async def run(asynchronous: bool, url: str, do: Doing, token: Any = "t", options: Options = QUICK) -> Any:
    """What `do(client)` returns, with one of the clients."""
    if asynchronous:
        async with AsyncClient(url, token, options=options) as client:
            made = do(client)
            return await made if isinstance(made, Awaitable) else made

    def blocking() -> Any:
        with Client(url, token, options=options) as client:
            return do(client)

    return await asyncio.to_thread(blocking)


both = pytest.mark.parametrize("asynchronous", [True, False], ids=["async", "sync"])


@both
async def test_refused_calls_are_repeated_as_the_server_asks(asynchronous: bool) -> None:
    script = Scripted(
        problem(429, "rate_limited", Retry_After="0"),
        problem(503, "overloaded", Retry_After="0"),
        web.json_response({"id": "c"}, status=201),
    )
    async with serving(script) as url:
        made = await run(
            asynchronous, url, lambda c: c.create_conversation(channel_id="ch", contact_identifier="x")
        )
    assert made == {"id": "c"} and len(script.calls) == 3


@both
async def test_a_lost_answer_of_a_keyed_call_is_repeated_under_one_key(asynchronous: bool) -> None:
    script = Scripted("cut", "cut", web.json_response({"id": "m"}))
    async with serving(script) as url:
        assert await run(asynchronous, url, lambda c: c.create_message("c", content="hi")) == {"id": "m"}
    keys = {body["client_message_id"] for _, _, body in script.calls}
    assert len(script.calls) == 3 and len(keys) == 1 and keys != {None}


@both
async def test_a_lost_answer_of_another_call_is_not_repeated(asynchronous: bool) -> None:
    script = Scripted("cut", web.json_response({"id": "c"}))
    async with serving(script) as url:
        with pytest.raises(ConnectionFailed):
            await run(asynchronous, url, lambda c: c.create_team(name="x"))
    assert len(script.calls) == 1


@both
async def test_the_last_refusal_is_raised_with_the_problem(asynchronous: bool) -> None:
    script = Scripted(*(problem(429, "rate_limited", Retry_After="0") for _ in range(8)))
    async with serving(script) as url:
        with pytest.raises(RateLimited) as refused:
            await run(asynchronous, url, lambda c: c.get_account())
    assert refused.value.retry_after == 0 and refused.value.code == "rate_limited"


@both
async def test_a_retry_after_beyond_the_deadline_is_raised_at_once(asynchronous: bool) -> None:
    script = Scripted(problem(503, "not_ready", Retry_After="60"))
    async with serving(script) as url:
        with pytest.raises(ServerFailed) as refused:
            await run(asynchronous, url, lambda c: c.get_account())
    assert refused.value.retry_after == 60 and len(script.calls) == 1


@both
@pytest.mark.parametrize(("status", "error"), [(404, NotFound), (422, Invalid)])
async def test_errors_carry_the_problem(asynchronous: bool, status: int, error: type[Exception]) -> None:
    async with serving(Scripted(problem(status, "word"))) as url:
        with pytest.raises(error) as raised:
            await run(asynchronous, url, lambda c: c.get_conversation("c"))
    found: Any = raised.value
    assert (found.status, found.code, found.request_id) == (status, "word", "r-1")
    assert found.errors == ([{"path": "content", "message": "wrong"}] if status == 422 else [])
    assert ("content: wrong" in str(found)) is (status == 422)


@both
@pytest.mark.parametrize("status", [200, 301, 418])
async def test_an_answer_of_something_in_between_is_an_error_without_code(
    asynchronous: bool, status: int
) -> None:
    script = Scripted(web.Response(status=status, text="<html>", headers={"Location": "/"}))
    async with serving(script) as url:
        with pytest.raises(ApiError, match=f"{status} not an answer of the server itself") as refused:
            await run(asynchronous, url, lambda c: c.get_account())
    assert refused.value.code == ""


@both
async def test_a_refused_token_is_renewed_once(asynchronous: bool) -> None:
    tokens = iter(["old", "new", "newer"])
    script = Scripted(problem(401, "unauthenticated"), web.json_response({}), problem(401, "unauthenticated"),
                      problem(401, "unauthenticated"))  # fmt: skip
    async with serving(script) as url:
        with pytest.raises(Unauthenticated):
            await run(asynchronous, url, lambda c: twice(c, asynchronous), lambda: next(tokens))
    assert script.tokens == ["Bearer old", "Bearer new", "Bearer new", "Bearer newer"]


def twice(client: Any, asynchronous: bool) -> Any:
    async def run() -> None:
        await client.get_account()
        await client.get_account()

    return run() if asynchronous else (client.get_account(), client.get_account())


async def test_concurrent_calls_share_one_renewal() -> None:
    made: list[str] = []

    async def make() -> str:
        await asyncio.sleep(0)
        made.append("t")
        return "t"

    async with (
        serving(Scripted(*(web.json_response({}) for _ in range(10)))) as url,
        AsyncClient(url, make) as client,
    ):
        await asyncio.gather(*(client.get_account() for _ in range(10)))
    assert made == ["t"]


@both
async def test_credentials_are_exchanged_for_tokens(asynchronous: bool) -> None:
    script = Scripted(web.json_response({"access_token": "made"}), web.json_response({}))
    credentials = ClientCredentials("me", "hush")
    async with serving(script) as url:
        await run(asynchronous, url, lambda c: c.get_account(), credentials)
    assert script.calls[0][1] == "/v1/auth/token" and script.calls[0][2]["client_secret"] == "hush"
    assert script.tokens == [None, "Bearer made"] and "hush" not in repr(credentials)


@both
async def test_a_call_ends_at_its_deadline(asynchronous: bool) -> None:
    async def never(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.01)

    async with serving(never) as url:
        with pytest.raises(DeadlineExceeded):
            await run(asynchronous, url, lambda c: c.get_account(timeout=0.3))


@both
async def test_a_server_that_is_not_there_is_named(asynchronous: bool) -> None:
    with pytest.raises(ConnectionFailed, match="GET /v1/account"):
        await run(asynchronous, "http://127.0.0.1:9", lambda c: c.get_account(), options=QUICK)


@both
async def test_an_answer_has_a_bound(asynchronous: bool) -> None:
    async with serving(Scripted(web.Response(body=bytes(2000)))) as url:
        with pytest.raises(AnswerTooLarge):
            await run(asynchronous, url, lambda c: c.get_account(), options=Options(max_answer=1000))


@both
async def test_left_out_differs_from_null(asynchronous: bool) -> None:
    script = Scripted(web.json_response({}), web.json_response({}))
    async with serving(script) as url:
        await run(asynchronous, url, lambda c: c.update_conversation("c", subject=None))
        await run(
            asynchronous, url, lambda c: c.list_conversations(status=["open", "bot"], archived=True, q="a&b")
        )
    assert script.calls[0] == ("PATCH", "/v1/conversations/c", {"subject": None})
    assert script.calls[1][1] == "/v1/conversations?status=open&status=bot&archived=true&q=a%26b"


@both
@pytest.mark.parametrize("id", ["", ".", ".."])
async def test_an_id_cannot_name_another_path(asynchronous: bool, id: str) -> None:
    with pytest.raises(ValueError, match="not an id"):
        await run(asynchronous, "http://127.0.0.1:9", lambda c: c.get_conversation(id))


@both
async def test_an_id_is_quoted(asynchronous: bool) -> None:
    script = Scripted(web.json_response({}))
    async with serving(script) as url:
        await run(asynchronous, url, lambda c: c.get_conversation("a/b?c=d"))
    assert script.calls[0][1] == "/v1/conversations/a%2Fb%3Fc%3Dd"


@both
async def test_files_are_uploaded_from_where_they_stand_each_time(asynchronous: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"from a path")
    stream = io.BytesIO(b"skipped,read")
    stream.seek(8)
    busy = [problem(503, "overloaded", Retry_After="0"), web.json_response({"id": "f"})]
    again = [problem(503, "overloaded", Retry_After="0"), web.json_response({"id": "f"})]
    script = Scripted(*busy, *again)
    async with serving(script) as url:
        await run(asynchronous, url, lambda c: c.upload(path))
        await run(asynchronous, url, lambda c: c.upload(stream, name="b.bin"))
    assert [body for _, _, body in script.calls] == [b"from a path"] * 2 + [b"read"] * 2
    assert script.calls[0][1] == "/v1/attachments?name=a.txt"


@both
async def test_files_are_downloaded(asynchronous: bool, tmp_path: Path) -> None:
    script = Scripted(web.Response(body=b"x" * 300_000), web.Response(body=b"y"), problem(404, "not_found"))
    held = io.BytesIO()
    async with serving(script) as url:
        size = await run(asynchronous, url, lambda c: c.download("/v1/attachments/f", tmp_path / "f"))
        assert size == 300_000 == (tmp_path / "f").stat().st_size
        assert await run(asynchronous, url, lambda c: c.download("f", held)) == 1
        with pytest.raises(NotFound):
            await run(asynchronous, url, lambda c: c.download("f", held))
    assert held.getvalue() == b"y"


def test_a_link_to_elsewhere_is_read_from_here() -> None:
    request = download_of("https://evil.example/v1/attachments/f?expires=1&signature=s&token=t")
    assert request.target == "/v1/attachments/f?expires=1&signature=s"


@both
async def test_a_proxys_failure_is_repeated_only_where_that_cannot_double(asynchronous: bool) -> None:
    script = Scripted(web.Response(status=502), web.json_response({}), web.Response(status=502))
    async with serving(script) as url:
        await run(asynchronous, url, lambda c: c.get_account())
        with pytest.raises(ServerFailed):
            await run(asynchronous, url, lambda c: c.create_team(name="x"))


def test_pauses_double_up_to_a_bound_and_stop_before_the_deadline() -> None:
    attempts = Attempts(RetryPolicy(attempts=20, first_pause=1, longest_pause=8), True, deadline=100.0)
    pauses = [attempts.after_failure(True, 0.0, 0.999999) for _ in range(5)]
    assert [round(pause or 0) for pause in pauses] == [1, 2, 4, 8, 8]
    assert attempts.after_failure(True, 95.0, 0.99) is None
    assert attempts.after_answer(503, 99.0, 0.0, 0.99) is None
    assert Operation("POST", "/x").repeatable is False


@pytest.mark.parametrize("url", ["ftp://x", "x", "http://", "http://x?y"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="address"):
        Client(url)

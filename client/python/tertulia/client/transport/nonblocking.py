"""Makes calls, for an event loop. The counterpart of `blocking`; the decisions of both are in `attempts` and `requests`."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

from ..errors import api_error, retry_after
from .attempts import Attempts
from .blocking import EXCHANGE
from .operations import Operation
from .options import Options, base_url
from .requests import (
    UNSENT,
    Answer,
    Request,
    Upload,
    check_size,
    decoded,
    failure,
    phases,
    pieces,
    request_of,
)
from .tokens import AsyncToken, AsyncTokens, ClientCredentials


class AsyncTransport:
    """Connections to one server, for one event loop."""

    def __init__(self, url: str, token: AsyncToken, options: Options) -> None:
        self._url = base_url(url)
        self._options = options
        self._trust = options.trust(self._url)
        limits = httpx.Limits(max_connections=options.max_connections)
        self._http = httpx.AsyncClient(verify=self._trust, limits=limits, follow_redirects=False)
        self._tokens = self._tokens_of(token)

    def _tokens_of(self, token: AsyncToken) -> AsyncTokens:
        if isinstance(token, ClientCredentials):
            return AsyncTokens(None, lambda: self._exchange(token))
        if token is None or isinstance(token, str):
            return AsyncTokens(token, None)
        return AsyncTokens(None, token)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _exchange(self, credentials: ClientCredentials) -> str:
        body = {
            "grant_type": "client_credentials",
            "client_id": credentials.client_id,
            "client_secret": credentials.client_secret,
        }
        made = await self._send(request_of(EXCHANGE, body=body), self._options.timeout, signed=False)
        return decoded(made, "json")["access_token"]

    async def _call(
        self,
        operation: Operation,
        arguments: tuple[str, ...] = (),
        *,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        upload: Upload | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Any:
        """Make a call, with repeats. Raises ApiError, ConnectionFailed, DeadlineExceeded."""
        request = request_of(operation, arguments, query=query, body=body, upload=upload, headers=headers)
        answer = await self._send(request, self._options.timeout if timeout is None else timeout)
        return decoded(answer, operation.answers)

    async def _send(self, request: Request, timeout: float, *, signed: bool = True) -> Answer:
        attempts = Attempts(self._options.retries, request.operation.repeatable, time.monotonic() + timeout)
        renewed = False
        while True:
            token = await self._tokens.get() if signed else None
            try:
                answer = await self._once(request, token, attempts.deadline)
            except httpx.TransportError as error:
                now = time.monotonic()
                pause = attempts.after_failure(not isinstance(error, UNSENT), now, random.random())
                failed = failure(error, request, overdue=now >= attempts.deadline)
                if pause is None:
                    raise failed from error
            else:
                if answer.status < 300:
                    return answer
                if answer.status == 401 and signed and not renewed and self._tokens.refused(token):
                    renewed = True
                    continue
                after = retry_after(answer.headers)
                pause = attempts.after_answer(answer.status, after, time.monotonic(), random.random())
                failed = api_error(answer.status, answer.headers, answer.body)
                if pause is None:
                    raise failed
            self._options.repeated(failed)
            await asyncio.sleep(pause)

    async def _once(self, request: Request, token: str | None, deadline: float) -> Answer:
        body = bytearray()
        try:
            async with (
                asyncio.timeout(max(0.0, deadline - time.monotonic())),
                self._open(request, token, deadline) as response,
            ):
                async for piece in response.aiter_bytes():
                    body += piece
                    check_size(len(body), self._options.max_answer)
        except TimeoutError:
            raise httpx.ReadTimeout("the answer came too slowly") from None
        return Answer(response.status_code, response.headers, bytes(body))

    @asynccontextmanager
    async def _open(
        self, request: Request, token: str | None, deadline: float
    ) -> AsyncIterator[httpx.Response]:
        async with self._http.stream(
            request.operation.method,
            self._url + request.target,
            headers=self._options.headers(token) | request.headers,
            content=request.content if request.upload is None else _read(request),
            timeout=phases(deadline - time.monotonic()),
        ) as response:
            yield response


async def _read(request: Request) -> AsyncIterator[bytes]:
    """The bytes to upload; files are read in a thread."""
    left = pieces(request)
    while (piece := await asyncio.to_thread(next, left, None)) is not None:
        yield piece

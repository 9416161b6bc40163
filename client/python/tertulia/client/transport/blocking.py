"""Makes calls and waits for them, for threads."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from ..errors import api_error, retry_after
from .attempts import Attempts
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
from .tokens import ClientCredentials, Token, Tokens

EXCHANGE = Operation("POST", "/v1/auth/token", repeatable=True)


class Transport:
    """Connections to one server. Threads may share it."""

    def __init__(self, url: str, token: Token, options: Options) -> None:
        self._url = base_url(url)
        self._options = options
        self._trust = options.trust(self._url)
        limits = httpx.Limits(max_connections=options.max_connections)
        self._http = httpx.Client(verify=self._trust, limits=limits, follow_redirects=False)
        self._tokens = self._tokens_of(token)

    def _tokens_of(self, token: Token) -> Tokens:
        if isinstance(token, ClientCredentials):
            return Tokens(None, lambda: self._exchange(token))
        if token is None or isinstance(token, str):
            return Tokens(token, None)
        return Tokens(None, token)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _exchange(self, credentials: ClientCredentials) -> str:
        body = {
            "grant_type": "client_credentials",
            "client_id": credentials.client_id,
            "client_secret": credentials.client_secret,
        }
        made = self._send(request_of(EXCHANGE, body=body), self._options.timeout, signed=False)
        return decoded(made, "json")["access_token"]

    def _call(
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
        answer = self._send(request, self._options.timeout if timeout is None else timeout)
        return decoded(answer, operation.answers)

    def _send(self, request: Request, timeout: float, *, signed: bool = True) -> Answer:
        attempts = Attempts(self._options.retries, request.operation.repeatable, time.monotonic() + timeout)
        renewed = False
        while True:
            token = self._tokens.get() if signed else None
            try:
                answer = self._once(request, token, attempts.deadline)
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
            time.sleep(pause)

    def _once(self, request: Request, token: str | None, deadline: float) -> Answer:
        body = bytearray()
        with self._open(request, token, deadline) as response:
            for piece in response.iter_bytes():
                body += piece
                check_size(len(body), self._options.max_answer)
                if time.monotonic() >= deadline:
                    raise httpx.ReadTimeout("the answer came too slowly")
        return Answer(response.status_code, response.headers, bytes(body))

    @contextmanager
    def _open(self, request: Request, token: str | None, deadline: float) -> Iterator[httpx.Response]:
        with self._http.stream(
            request.operation.method,
            self._url + request.target,
            headers=self._options.headers(token) | request.headers,
            content=request.content if request.upload is None else pieces(request),
            timeout=phases(deadline - time.monotonic()),
        ) as response:
            yield response

"""Streams for threads: an iterator that holds the connection while it is read."""

from __future__ import annotations

import random
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import httpx
from websockets import exceptions
from websockets.sync.client import connect

from ..errors import api_error
from .connections import (
    BROKEN,
    SSE_TIMEOUT,
    STREAM,
    Closed,
    Refused,
    closed,
    decoded,
    refused,
    websocket_options,
    websocket_url,
)
from .resume import POLICY, Event, Resume
from .sse import SseParser

Connect = Callable[[Mapping[str, str], Mapping[str, str]], Iterator[Event]]
"""Opens a connection with a query and headers, and yields its frames. Raises Refused, Closed or one of BROKEN."""


def resumed(
    resume: Resume,
    open_once: Connect,
    headers: Callable[[], dict[str, str]],
    token_refused: Callable[[Mapping[str, str]], bool],
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[Event]:
    """The events of a stream over all its connections. Raises ApiError and StreamClosed where none can follow."""
    renewed = False
    while True:
        named: dict[str, str] = {}
        try:
            named = headers()
            for event in open_once(resume.query(), named):
                renewed = False
                if resume.received(event):
                    resume.handed_over(event)
                    yield event
            wait = resume.after_close(None, "", random.random())
        except Refused as refusal:
            if refusal.error.status == 401 and not renewed and token_refused(named):
                renewed = True
                continue
            wait = resume.after_refusal(refusal.error, random.random())
        except Closed as end:
            if end.code == POLICY:
                token_refused(named)
            wait = resume.after_close(end.code, end.reason, random.random())
        except BROKEN:
            wait = resume.after_failure(random.random())
        pause(wait)


def over_sse(trust: ssl.SSLContext | bool, url: str) -> Connect:
    """Server-Sent Events."""

    def open_once(query: Mapping[str, str], headers: Mapping[str, str]) -> Iterator[Event]:
        with (
            httpx.Client(verify=trust, timeout=SSE_TIMEOUT) as http,
            http.stream("GET", url + STREAM, params=dict(query), headers=dict(headers)) as response,
        ):
            if response.status_code != 200:
                raise Refused(api_error(response.status_code, response.headers, response.read()))
            parser = SseParser()
            for piece in response.iter_bytes():
                for data in parser.feed(piece):
                    yield decoded(data)

    return open_once


def over_websocket(trust: ssl.SSLContext | bool, url: str) -> Connect:
    """A WebSocket."""

    def open_once(query: Mapping[str, str], headers: Mapping[str, str]) -> Iterator[Event]:
        with _socket(trust, websocket_url(url, query), headers) as receive:
            while True:
                yield decoded(receive())

    return open_once


@contextmanager
def _socket(
    trust: ssl.SSLContext | bool, url: str, headers: Mapping[str, str]
) -> Iterator[Callable[[], str | bytes]]:
    try:
        socket = connect(url, **websocket_options(headers, url, trust))
    except exceptions.InvalidStatus as error:
        raise refused(error) from None
    with socket:
        try:
            yield socket.recv
        except exceptions.ConnectionClosed as error:
            raise closed(error) from None

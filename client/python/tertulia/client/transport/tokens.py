"""Where bearer tokens come from: a fixed one, a function, or an API client's id and secret."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """An API client of the account. The client exchanges them for service tokens, and renews these."""

    client_id: str
    client_secret: str = field(repr=False)


Token = str | Callable[[], str] | ClientCredentials | None
AsyncToken = str | Callable[[], str | Awaitable[str]] | ClientCredentials | None


class Tokens:
    """The current token. `make` is asked for the first one, and for another when one was refused."""

    def __init__(self, fixed: str | None, make: Callable[[], str] | None) -> None:
        self._token = fixed
        self._make = make
        self._lock = threading.Lock()

    @property
    def renewable(self) -> bool:
        return self._make is not None

    def get(self) -> str | None:
        """The token; None for calls without one."""
        with self._lock:
            if self._token is None and self._make is not None:
                self._token = self._make()
            return self._token

    def refused(self, token: str | None) -> bool:
        """Forget a token that the server refused. False if there can be no other."""
        with self._lock:
            if self._token == token and self._make is not None:
                self._token = None
            return self._make is not None


class AsyncTokens:
    """The same for an event loop. Concurrent calls wait for one renewal."""

    def __init__(self, fixed: str | None, make: Callable[[], str | Awaitable[str]] | None) -> None:
        self._token = fixed
        self._make = make
        self._lock = asyncio.Lock()

    @property
    def renewable(self) -> bool:
        return self._make is not None

    async def get(self) -> str | None:
        """The token; None for calls without one."""
        if self._token is not None or self._make is None:
            return self._token
        async with self._lock:
            if self._token is None:
                made = self._make()
                self._token = await made if inspect.isawaitable(made) else made
            return self._token

    def refused(self, token: str | None) -> bool:
        """Forget a token that the server refused. False if there can be no other."""
        if self._token == token and self._make is not None:
            self._token = None
        return self._make is not None

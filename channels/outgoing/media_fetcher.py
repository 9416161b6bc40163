"""Fetches the files that customers sent: providers keep them, and one or more requests lead to the file's URL.

Any number of processes may run the loop, since a file is claimed before it is fetched. Credentials go only to the provider's
own hosts, and responses are limited in time and size. A failed fetch is retried, then marked failed with the reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec
import structlog

from ...core.accounts.records import Channel, ChannelType
from ...core.channels.messages import Credentials, MediaStep
from ...core.channels.provider_urls import ProviderUrls
from ...core.channels.records import PendingMedia
from ...core.errors import Invalid, StorageUnavailable, TertuliaError, TooLarge
from ...core.ports.channels import ChannelKind
from ...core.ports.deliveries import MediaQueue
from ...core.url_policy import Grant
from .guard import DEADLINE, MAX_REDIRECTS, Guard, OutgoingRefused, beginning, pieces

log = structlog.get_logger(__name__)

ATTEMPTS = 5
BACKOFF = (5.0, 30.0, 120.0, 600.0)
"""Seconds before the second attempt, the third, and so on."""
AT_ONCE = 8
LEASE = 300.0
"""Seconds that a claim lasts: longer than it takes to fetch and store a file."""
POLL = 1.0
SWEEP_EVERY = 5.0
MAX_STEPS = 3
MAX_ANSWER = 256 * 1024
"""Bytes of a response that leads to a file."""

SECRET_HOSTS: Mapping[str, frozenset[str]] = {"whatsapp": frozenset({"lookaside.fbsbx.com"})}
"""Hosts besides the API's that get a provider's credentials: WhatsApp's files need the token on another host."""
FILE_HOSTS: Mapping[str, frozenset[str]] = {
    "sms": frozenset({"mms.twiliocdn.com", "media.twiliocdn.com", "s3-external-1.amazonaws.com"}),
}
"""Hosts that a provider's API may redirect to, without credentials: Twilio serves its files from these."""
_FINAL = frozenset({400, 401, 403, 404, 405, 410, 451})
"""Statuses that a retry would not change."""

FindChannel = Callable[[str], Awaitable[Channel | None]]
OpenCredentials = Callable[[Channel], Credentials]


class NotFetched(Exception):
    """Why a file was not fetched. `final`: a retry is pointless."""

    def __init__(self, reason: str, *, final: bool = False) -> None:
        super().__init__(reason)
        self.final = final


class MediaFetcher:
    """The loop. `urls` gives a channel's provider URL, and the grants to call it."""

    def __init__(
        self,
        queue: MediaQueue,
        guard: Guard,
        kinds: Mapping[ChannelType, ChannelKind],
        find_channel: FindChannel,
        credentials: OpenCredentials,
        urls: ProviderUrls,
        *,
        most: int,
        backoff: tuple[float, ...] = BACKOFF,
    ) -> None:
        self._queue = queue
        self._guard = guard
        self._kinds = kinds
        self._find_channel = find_channel
        self._credentials = credentials
        self._urls = urls
        self._most = most
        self._backoff = backoff

    async def main_loop(self) -> None:
        """Fetch and sweep until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._again_and_again(self.fetch_due, POLL))
            group.create_task(self._again_and_again(self._queue.sweep, SWEEP_EVERY))

    async def _again_and_again(self, work: Callable[[], Awaitable[int]], pause: float) -> None:
        while True:
            try:
                done = await work()
            except StorageUnavailable as error:
                done = 0
                log.warning("media_waits_for_storage", error=error.detail)
            except Exception:
                done = 0
                log.exception("media_loop_failed")
            if not done:
                await asyncio.sleep(pause)

    async def fetch_due(self) -> int:
        """Fetch files that are due, a few at once. Returns how many were tried."""
        claimed = await self._queue.claim(AT_ONCE, LEASE)
        await asyncio.gather(*map(self._try, claimed))
        return len(claimed)

    async def _try(self, pending: PendingMedia) -> None:
        try:
            if pending.attempt > ATTEMPTS:
                raise NotFetched(pending.attachment.error or "the server ended while fetching", final=True)
            await self._fetch(pending)
        except Exception as error:
            failure = _failure(error)
            last = failure.final or pending.attempt >= ATTEMPTS
            log.warning(
                "media_not_fetched",
                attachment_id=pending.attachment.id,
                attempt=pending.attempt,
                final=last,
                reason=str(failure),
            )
            wait = None if last else self._backoff[min(pending.attempt, len(self._backoff)) - 1]
            await self._queue.not_fetched(pending, str(failure), wait)

    async def _fetch(self, pending: PendingMedia) -> None:
        channel_id = pending.attachment.channel_id
        channel = await self._find_channel(channel_id) if channel_id else None
        if channel is None or channel.account_id != pending.attachment.account_id:
            raise NotFetched("the channel is gone", final=True)
        kind = self._kinds.get(channel.type)
        if kind is None:
            raise NotFetched(f"channels of type {channel.type} have no files to fetch", final=True)
        base, credentials = self._urls.of(channel, kind.base_url), self._credentials(channel)
        hosts = {urlsplit(base.url).hostname or "", *SECRET_HOSTS.get(channel.type, ())}
        answer: Any = None
        until = asyncio.get_running_loop().time() + DEADLINE
        for _ in range(MAX_STEPS):
            step = kind.media_step(pending.media, credentials, base.url, answer)
            async with AsyncExitStack() as stack:
                async with asyncio.timeout_at(until):
                    request = self._request(step, FILE_HOSTS.get(channel.type, ()), hosts, base.grants)
                    response = await stack.enter_async_context(request)
                    _check_status(response)
                    if not step.last:
                        answer = _json(await beginning(response, MAX_ANSWER))
                        continue
                body = await stack.enter_async_context(aclosing(_before(until, pieces(response, self._most))))
                await self._queue.fetched(pending, body, self._most, response.headers.get("Content-Type"))
                return
        raise NotFetched("the provider needs too many steps to serve the file", final=True)

    def _request(
        self,
        step: MediaStep,
        file_hosts: Collection[str],
        secret_hosts: Collection[str],
        grants: Collection[Grant],
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        wanted = step.request
        body: dict[str, Any] = {}
        if wanted.json is not None:
            body["json"] = wanted.json
        elif wanted.form is not None:
            body["data"] = wanted.form
        return self._guard.request(
            wanted.method,
            wanted.url,
            grants=grants,
            headers=dict(wanted.headers),
            auth=aiohttp.BasicAuth(*wanted.auth) if wanted.auth else None,
            secret_hosts=secret_hosts,
            redirect_hosts=file_hosts,
            max_redirects=MAX_REDIRECTS if wanted.method == "GET" else 0,
            deadline=LEASE,
            **body,
        )


async def _before(until: float, body: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """The pieces of a body, received until then. Raises TimeoutError. Processing them does not count."""
    while True:
        async with asyncio.timeout_at(until):
            try:
                piece = await anext(body)
            except StopAsyncIteration:
                return
        yield piece


def _check_status(response: aiohttp.ClientResponse) -> None:
    if response.status != 200:
        raise NotFetched(f"the provider answered {response.status}", final=response.status in _FINAL)


def _json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
        raise NotFetched("the provider's response is not JSON") from None


def _failure(error: Exception) -> NotFetched:
    """The reason of a failure, without addresses or secrets, since it is shown to everyone who requests the file."""
    if isinstance(error, NotFetched):
        return error
    if isinstance(error, OutgoingRefused):
        return NotFetched(str(error), final=not error.temporary)
    if isinstance(error, (TooLarge, Invalid)):
        return NotFetched(str(error), final=True)
    if isinstance(error, TertuliaError):
        return NotFetched(error.detail)
    if isinstance(error, KeyError):
        return NotFetched("the channel's credentials or the provider's response are incomplete")
    if isinstance(error, TimeoutError):
        return NotFetched("the provider was too slow")
    if isinstance(error, (aiohttp.ClientError, OSError)):
        return NotFetched("the provider could not be reached")
    log.error("media_failed", exc_info=error)
    return NotFetched("the provider's response was not understood", final=True)

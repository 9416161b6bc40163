"""All accounts' events on a topic exchange of RabbitMQ, under the names of `core/webhooks/domain_events.py`.

An event counts as written once the broker has confirmed it. A page that fails is repeated completely: consumers get each event at
least once, and those of an account in order as long as nothing fails. While the broker is unavailable, events wait in the accounts' feeds.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange
from aio_pika.exceptions import (
    AMQPConnectionError,
    AMQPError,
    AuthenticationError,
    ChannelNotFoundEntity,
    InvalidFrameError,
    ProbableAuthenticationError,
)

from ...core.errors import StorageUnavailable
from ...core.webhooks.events import OutgoingEvent

CLOSE_WITHIN: Final = 1.0


class Connection(aio_pika.Connection):
    """Whoever opens it closes it. The library's finalizer would begin to close it once more, and fails where no event loop runs."""

    def __del__(self) -> None:
        pass


class RabbitExchange:
    """`core.ports.event_webhooks.EventSink` on one connection, opened when it is needed.

    `deadline` (s): for connecting and the confirmation of a page; then the connection is given up.
    """

    def __init__(self, url: str, name: str, *, deadline: float) -> None:
        self._url = url
        self._name = name
        self._deadline = deadline
        self._connection: AbstractConnection | None = None
        self._exchange: AbstractExchange | None = None
        self._one_at_a_time = asyncio.Lock()

    async def open(self) -> None:
        async with self._working():
            pass

    async def append(self, events: Sequence[OutgoingEvent]) -> None:
        if events:
            async with self._working() as exchange:
                await self._publish(exchange, events)

    @contextlib.asynccontextmanager
    async def _working(self) -> AsyncIterator[AbstractExchange]:
        """The exchange on an open connection, for one at a time. Raises StorageUnavailable."""
        try:
            async with asyncio.timeout(self._deadline), self._one_at_a_time:
                yield await self._opened()
        except (AMQPError, OSError, TimeoutError, RuntimeError) as error:  # RuntimeError: it is closing
            await self.close()
            raise StorageUnavailable(self._fault(error), retry_after=1) from error
        except asyncio.CancelledError:
            await self.close()  # what was not confirmed is not to be mixed up with what comes next
            raise

    def _fault(self, error: Exception) -> str:
        """What is wrong, in a sentence without the password."""
        parts = urlsplit(self._url)
        port = parts.port or (5671 if parts.scheme == "amqps" else 5672)
        where = f"RabbitMQ at {parts.hostname or 'localhost'}:{port}"
        reason = " ".join(str(error).replace(self._url, "…").split()) or type(error).__name__
        if isinstance(error, (AuthenticationError, ProbableAuthenticationError)):
            return f"{where} refuses the user or the password of RABBITMQ_URL: {reason}"
        if isinstance(error, InvalidFrameError):  # the library's word for a connection that the broker closes
            host = parts.path.removeprefix("/") or "/"
            return f"{where} does not let the user into the virtual host {host!r} of RABBITMQ_URL: does it exist?"
        if isinstance(error, TimeoutError):
            return f"{where} does not answer within {self._deadline:g} s"
        if isinstance(error, (OSError, AMQPConnectionError)):
            return f"{where} cannot be reached: {reason}"
        return f"{where} does not accept events: {reason}"

    async def _publish(self, exchange: AbstractExchange, events: Sequence[OutgoingEvent]) -> None:
        """Publish in order, without waiting for one confirmation before the next event."""
        tasks = [
            asyncio.ensure_future(exchange.publish(_message(event), event.name, mandatory=False))
            for event in events
        ]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()

    async def _opened(self) -> AbstractExchange:
        if self._connection is None or self._connection.is_closed or self._exchange is None:
            await self.close()
            self._connection = await aio_pika.connect(
                self._url,
                client_properties={"connection_name": "tertulia"},
                timeout=self._deadline,
                connection_class=Connection,
            )
            self._exchange = await self._declared(self._connection)
        return self._exchange

    async def _declared(self, connection: AbstractConnection) -> AbstractExchange:
        """The exchange as it is, whoever declared it; else a durable topic exchange."""
        channel: AbstractChannel = await connection.channel(publisher_confirms=True)
        try:
            return await channel.get_exchange(self._name)
        except ChannelNotFoundEntity:  # which ends the channel
            channel = await connection.channel(publisher_confirms=True)
            return await channel.declare_exchange(self._name, aio_pika.ExchangeType.TOPIC, durable=True)

    async def close(self) -> None:
        connection, self._connection, self._exchange = self._connection, None, None
        if connection is not None:
            with contextlib.suppress(AMQPError, OSError, TimeoutError, RuntimeError):
                await asyncio.wait_for(connection.close(), CLOSE_WITHIN)


def _message(event: OutgoingEvent) -> aio_pika.Message:
    return aio_pika.Message(
        event.event,
        content_type="application/json",
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        message_id=event.id,
        type=event.type,
        app_id="tertulia",
        timestamp=datetime.fromtimestamp(event.at / 1000, UTC),
        headers={"account_id": event.account_id, "conversation_id": event.conversation_id},
    )

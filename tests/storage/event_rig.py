"""An account that lives on a real database, an integrator's receiver, and the loops between them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import asyncpg
from backends import PostgresBackend
from samples import Scribe, received, to_thread, uid
from waiting import until

from tertulia.actors.webhooks.event_delivery import EventPump, EventSender, WebhookCaller
from tertulia.channels.outgoing.event_posts import GuardedPoster
from tertulia.channels.outgoing.guard import Guard
from tertulia.core.conversation.commands import ThreadKey
from tertulia.core.conversation.entries import Actor
from tertulia.core.ports.event_webhooks import EventQueue
from tertulia.core.webhooks.delivery import new_secret
from tertulia.core.webhooks.records import EventDelivery, EventWebhook, NewEventWebhook
from tertulia.storage.credentials import FernetVault, new_key
from tertulia.storage.postgres.accounts.audit import PostgresAudit
from tertulia.storage.postgres.delivery.event_queue import PostgresEventQueue
from tertulia.storage.postgres.delivery.event_webhooks import PostgresEventWebhooks

BY = Actor("agent", "dana")
VAULT = FernetVault(new_key())
LONG = 5 * 86_400.0


class EventRig:
    def __init__(self, backend: PostgresBackend, owner: asyncpg.Connection, account_id: str) -> None:
        self.backend = backend
        self.database = backend.database
        self.owner = owner
        self.account_id = account_id
        self.scribe = Scribe()
        self.thread = ThreadKey(account_id, uid(), "+1")
        self.webhooks = PostgresEventWebhooks(self.database)
        self.queue = PostgresEventQueue(self.database)
        self.secrets: dict[str, str] = {}
        self._guards: list[Guard] = []
        self._tasks: list[asyncio.Task[None]] = []

    # -- what happens

    async def said(self, *texts: str) -> None:
        """A customer writes; the first time, that opens a conversation."""
        writes = [self.scribe.write(to_thread(received(text), self.thread)) for text in texts]
        await self.backend.journal.commit(writes, await self.backend.epochs())

    async def webhook(
        self, url: str, event_types: Sequence[str] = ("conversation:message",), *, account: str | None = None
    ) -> EventWebhook:
        account, webhook_id, secret = account or self.account_id, uid(), new_secret(uid().encode()[:32])
        self.secrets[webhook_id] = secret
        sealed = VAULT.seal_secrets(account, webhook_id, [secret])
        wanted = NewEventWebhook(webhook_id, account, url, None, tuple(event_types), True, sealed)
        return await self.webhooks.create(wanted, BY)

    # -- the loops

    def caller(
        self, *, private: bool = True, deadline: float = 10.0, guard: Guard | None = None
    ) -> WebhookCaller:
        guard = guard or Guard()
        self._guards.append(guard)
        return WebhookCaller(GuardedPoster(guard, private=private, deadline=deadline), VAULT)

    def start(self, **options: float) -> None:
        """Pump and send, as a process of its own would."""
        sender = self.start_sender(self.caller(deadline=options.pop("deadline", 10.0)), **options)
        self._tasks.append(asyncio.ensure_future(EventPump(self.queue, sender.wake).main_loop()))

    def start_sender(
        self, caller: WebhookCaller, queue: EventQueue | None = None, *, disable_after: float = LONG
    ) -> EventSender:
        sender = EventSender(queue or self.queue, caller, disable_after=disable_after)
        self._tasks.append(asyncio.ensure_future(sender.main_loop()))
        return sender

    async def pump(self) -> None:
        while await self.queue.pump():
            pass

    async def stop(self) -> None:
        """Cut everything off, whatever is under way."""
        for task in self._tasks:
            task.cancel()
        ended = await asyncio.gather(*self._tasks, return_exceptions=True)
        assert all(isinstance(e, asyncio.CancelledError) for e in ended), ended
        self._tasks.clear()
        for guard in self._guards:
            await guard.close()
        self._guards.clear()

    # -- what is known

    async def log(self, webhook: EventWebhook) -> list[EventDelivery]:
        """Oldest first."""
        page = await self.webhooks.deliveries(webhook.account_id, webhook.id, None, None, 10_000)
        return page.items[::-1]

    async def settled(self, webhook: EventWebhook, status: str, count: int = 1) -> list[EventDelivery]:
        """The log, once so many deliveries have a status."""

        async def found() -> list[EventDelivery] | None:
            log = await self.log(webhook)
            return log if sum(d.status == status for d in log) >= count else None

        return await until(found, f"{count} deliveries to be {status}")

    async def tried(self, webhook: EventWebhook, attempts: int) -> EventDelivery:
        """The oldest delivery, once so many of its attempts are over."""

        async def found() -> EventDelivery | None:
            first = next(iter(await self.log(webhook)), None)
            over = first is not None and first.attempts >= attempts and first.status != "delivering"
            return first if over else None

        return await until(found, f"{attempts} attempts")

    async def hasten(self) -> None:
        """Make due what waits for its next attempt."""
        await self.owner.execute(
            "UPDATE event_deliveries SET next_attempt_at = now() WHERE status = 'pending'"
        )

    async def again(self, webhook: EventWebhook) -> EventWebhook:
        found = await self.webhooks.get(webhook.account_id, webhook.id)
        assert found is not None
        return found

    async def audited(self, action: str) -> list[dict]:
        page = await PostgresAudit(self.database).page(self.account_id, action, None, None, 100)
        return [r.details for r in page.items]

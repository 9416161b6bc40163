"""Prepares an account for a run, and restores it afterwards: settings, agents' preferences, customers and their conversations."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from ...client import ApiError, AsyncClient, ConnectionFailed, NotFound, Options, RetryPolicy, TertuliaError
from ..plan import Plan
from ..scenario.model import BY_LEAD, Agents, Scenario
from ..traffic import identities

T = TypeVar("T")

AT_ONCE = 16
"""Requests at once while preparing and cleaning up."""
PAGE = 100
RETRIES = RetryPolicy(longest_pause=5.0)
PATIENCE = (0.2, 0.5, 1.0, 2.0)
"""Seconds between attempts to remove an agent who holds conversations."""
KEPT = (
    "available_channels",
    "available_topics",
    "languages",
    "max_concurrent_conversations",
    "is_available",
    "auto_accept",
)


class PreparationError(Exception):
    """Why the run cannot begin, as one sentence."""


async def each(items: Iterable[T], work: Callable[[T], Awaitable[None]]) -> None:
    """Do the work for all items, AT_ONCE at once."""
    queue = iter(items)

    async def worker() -> None:
        for item in queue:
            await work(item)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(worker())


class Preparation:
    """The changes made for a run, and how to undo them. `notes` are sentences for the report."""

    def __init__(self, plan: Plan, retries: RetryPolicy = RETRIES) -> None:
        self.plan = plan
        options = Options(retries=retries, max_connections=AT_ONCE, timeout=60.0)
        self.admin = AsyncClient(plan.url, plan.admin, options=options)
        self.version = ""
        self.notes: list[str] = []
        self._held: dict[str, int] = {}
        """The conversations that agents hold already, by user id: left by an interrupted run, say. It must not take slots from this one."""
        self._settings: dict[str, Any] | None = None
        self._before: dict[str, dict[str, Any] | None] = {}
        self._unreached: Counter[str] = Counter()
        """What could not be undone, since the server did not answer."""

    async def prepare(self) -> None:
        """Raises PreparationError if something is missing, TertuliaError if the server cannot be used."""
        scenario = self.plan.scenario
        once = Options(retries=RetryPolicy(attempts=1), timeout=15.0)
        async with AsyncClient(self.plan.url, self.plan.admin, options=once) as client:
            document = await client.get_open_api_document()
        self.version = str(document["info"]["version"])  # pyright: ignore[reportIndexIssue]
        await self._set_account(scenario)
        self._held = {
            agent["user_id"]: agent["active"] for agent in (await self.admin.list_agents())["items"]
        }
        seats = [(seat, scenario.group_of(number)) for number, seat in enumerate(self.plan.seats)]
        await each(seats, lambda pair: self._seat(*pair))

    async def _set_account(self, scenario: Scenario) -> None:
        wanted: dict[str, Any] = dict(scenario.policy.settings)
        strategy = scenario.policy.strategy
        before: Any = (await self.admin.get_account())["settings"]
        if strategy != "account":
            known = wanted.get("routing", before["routing"])
            wanted["routing"] = {**known, "strategy": "manual_queue" if strategy in BY_LEAD else strategy}
        if wanted:
            if unknown := wanted.keys() - before.keys():
                raise PreparationError(f"policy.settings.{min(unknown)}: the account has no such setting")
            self._settings = {name: before[name] for name in wanted}
            await self.admin.update_account(settings=wanted)  # pyright: ignore[reportArgumentType]

    async def _seat(self, seat: Any, group: Agents) -> None:
        try:
            before: Any = await self.admin.get_agent_preferences(seat.user_id)
            self._before[seat.user_id] = {name: before[name] for name in KEPT}
        except NotFound:
            self._before[seat.user_id] = None
        await self.admin.as_user(seat.token).update_my_preferences(
            max_concurrent_conversations=group.slots + self._held.get(seat.user_id, 0), is_available=True, auto_accept=group.auto_accept, languages=group.languages,
            available_topics=group.topics, available_channels=list(group.channels),
        )  # fmt: skip

    async def restore(self, contacts: Collection[str], *, live: Collection[str] = (), keep: bool) -> None:
        """Put everything back. `keep`: leave the customers and their conversations, those that are `live` resolved, and the run's agents.
        Faults become notes."""
        if self.plan.scenario.policy.settings.get("routing", {}).get("shadow_policy"):
            await self._tried("the shadow policy", self._note_shadow())
        if self._settings is not None:
            await self._tried("the account's settings", self.admin.update_account(settings=self._settings))  # pyright: ignore[reportArgumentType]
        if keep:
            await each(live, lambda id: self._tried("conversations", self._resolve(id)))
        else:
            await each(sorted(contacts), lambda id: self._tried("customers", self._erase(id)))
            if not self._unreached:
                await self._tried("customers", self._erase_others())
        await each(list(self._before.items()), lambda pair: self._restore_agent(*pair, keep=keep))
        if self.plan.new_admin is not None and not keep:
            await self._tried("the admin", self._remove(self.plan.new_admin))
        if self._unreached:
            left = ", ".join(f"{what} ({count:,})" for what, count in self._unreached.items())
            self.notes.append(
                f"The server did not answer when the run cleaned up, so these are as the run left them: {left}. The run's customers are called sim-{self.plan.run}-… Messages that it acknowledged and did not deliver before count as lost."
            )
        await self.admin.aclose()

    async def _note_shadow(self) -> None:
        """What the shadow policy says that the scenario has set."""
        found = await self.admin.get_shadow_policy()
        if found["agreement"] is not None:
            self.notes.append(
                f"The shadow policy {found['policy']} would have chosen the same agent in {found['agreement']:.1%} of {found['compared']:,} decisions."
            )

    async def _restore_agent(self, user: str, before: dict[str, Any] | None, *, keep: bool) -> None:
        if before is not None:
            await self._tried("agents' preferences", self.admin.update_agent_preferences(user, **before))
        elif keep:
            await self._tried("agents", self._retire(user))
        else:
            await self._tried("agents", self._remove(user))

    async def _remove(self, user: str) -> None:
        """Remove an agent whom the run has made; one who goes on holding conversations of others stays, and gets no more."""
        for patience in (*PATIENCE, None):
            try:
                await self.admin.remove_agent(user)
                return
            except NotFound:
                return
            except ApiError as error:
                if error.status != 409:
                    raise
                if patience is None:
                    await self._retire(user)
                    raise
            await asyncio.sleep(
                patience
            )  # a conversation that was erased in this moment leaves its agent soon

    async def _retire(self, user: str) -> None:
        try:
            await self.admin.update_agent_preferences(user, is_available=False)
        except NotFound:
            return

    async def _resolve(self, id: str) -> None:
        await self.admin.update_conversation(id, status="resolved")

    async def _erase(self, id: str) -> None:
        try:
            await self.admin.erase_contact(id)
        except NotFound:
            return

    async def _erase_others(self) -> None:
        """Erase those of the run's customers whose conversations nobody has seen open: a run that was interrupted, or a feed with a gap."""
        number_of = identities.reader(self.plan.run)
        for words in sorted({identities.common(channel, self.plan.run) for channel in self.plan.channels}):
            found = [
                contact["id"]
                async for contact in self.admin.iter_contacts(q=words, limit=PAGE)
                if any(number_of(of["identifier"]) is not None for of in contact["identifiers"])
            ]
            await each(found, self._erase)

    async def _tried(self, what: str, work: Coroutine[Any, Any, Any]) -> None:
        """Undo something. A server that has not answered one request is not asked for the rest: a thousand customers would take hours."""
        if self._unreached:
            work.close()
            self._unreached[what] += 1
            return
        try:
            await work
        except (ConnectionFailed, TimeoutError):
            self._unreached[what] += 1
        except TertuliaError as error:
            note = f"{what} could not be restored: {error}"
            if note not in self.notes and len(self.notes) < 20:
                self.notes.append(note)


async def is_agent(client: AsyncClient, user: str) -> bool:
    """Whether the account knows this agent. Raises TertuliaError."""
    try:
        await client.get_agent_preferences(user)
    except NotFound:
        return False
    return True


async def channels_of(client: AsyncClient, scenario: Scenario, given: dict[str, str]) -> dict[Any, str]:
    """The account's channel for each type that the scenario uses: the given ones, else the oldest active. Raises PreparationError."""
    wanted = {kind.channel for kind in scenario.customers}
    found: dict[Any, str] = {}
    async for channel in client.iter_channels():
        if channel["is_active"] and (channel["type"] not in found):
            found[channel["type"]] = channel["id"]
    found |= given
    if missing := sorted(wanted - found.keys()):
        raise PreparationError(
            f"the account has no active channel of type {', '.join(missing)}, which the scenario's customers use"
        )
    return {type: found[type] for type in wanted}


@asynccontextmanager
async def prepared(plan: Plan) -> AsyncIterator[Preparation]:
    """Prepare, and close the client if that fails halfway, after putting back what was changed."""
    preparation = Preparation(plan)
    try:
        await preparation.prepare()
    except BaseException:  # an interrupt too
        await preparation.restore([], keep=True)
        raise
    yield preparation

"""A gateway's suspects: commands that were in flight when hosts were lost, and those set aside.

One loss proves little: a killed host interrupts hundreds of commands. They become suspects and are sent again, and their
next host announces the beginning and end of each one's turn (`host.py`). A host lost within the turn of a suspect names the
culprit (`host_link.DIED_IN_ITS_TURN`); the others go to the next host. A command that kills hosts outside its turn is
caught by `MAX_LOSSES`.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable

import structlog

from ...core.conversation.commands import Envelope
from ...core.conversation.poison import (
    MAX_LISTED,
    PoisonList,
    SetAsideCommand,
    same_command,
    same_message,
    set_aside,
)
from ..background_tasks import BackgroundTasks

log = structlog.get_logger(__name__)

MAX_LOSSES = 4
"""Consecutive hosts lost with a command in flight, after which it is set aside."""
MAX_SUSPECTS = 20_000
"""Suspects that a gateway remembers. Beyond this the oldest are forgotten and count as new."""
SUSPECT_FOR = 600.0
"""Seconds for which a command stays a suspect, so that its sender's own repeat of it is watched too."""


class Quarantine:
    """The quarantine of one gateway. Without `poison`, only this gateway knows what it set aside. `clock`: monotonic seconds."""

    def __init__(
        self,
        poison: PoisonList | None,
        *,
        max_suspects: int = MAX_SUSPECTS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._poison = poison
        self._max_suspects = max_suspects
        self._clock = clock
        self._suspects: OrderedDict[bytes, tuple[int, float]] = OrderedDict()
        """By `same_command`: the losses, and when the last one happened."""
        self._listed: dict[str, set[bytes]] = {}
        """Digests by account."""
        self._unstored: deque[SetAsideCommand] = deque(maxlen=MAX_LISTED)
        """Set aside here and not stored yet. Beyond the bound the oldest are forgotten."""
        self._storing = asyncio.Lock()
        self._tasks = BackgroundTasks()
        self.set_aside_total = 0

    @property
    def active(self) -> bool:
        """Whether commands need to be checked at all. Normally they do not."""
        return bool(self._suspects or self._listed)

    def refuses(self, envelope: Envelope) -> bool:
        """Whether the command, or one that it repeats, was set aside."""
        listed = self._listed.get(envelope.account_id)
        if not listed:
            return False
        return not listed.isdisjoint((same_command(envelope), *same_message(envelope)))

    def losses(self, envelope: Envelope) -> int:
        """The losses so far of this command or the one that it repeats."""
        if not self._suspects:
            return 0
        found = self._suspects.get(same_command(envelope))
        return found[0] if found is not None and self._clock() - found[1] < SUSPECT_FOR else 0

    def lost(self, envelope: Envelope, losses: int) -> None:
        """A host was lost with the command in flight."""
        key = same_command(envelope)
        self._suspects[key] = (losses, self._clock())
        self._suspects.move_to_end(key)
        if len(self._suspects) > self._max_suspects:
            self._suspects.popitem(last=False)

    def cleared(self, envelope: Envelope) -> None:
        """A host survived the command."""
        self._suspects.pop(same_command(envelope), None)

    def set_aside(self, envelope: Envelope) -> None:
        """Refuse the command from now on: here at once, and at every gateway once it is stored."""
        command = set_aside(envelope)
        self._suspects.pop(same_command(envelope), None)
        self._listed.setdefault(command.account_id, set()).update(command.digests)
        self._unstored.append(command)
        self.set_aside_total += 1
        log.error(
            "command_set_aside",
            command=command.id,
            account=command.account_id,
            type=command.type,
            target=command.target,
        )
        self._tasks.start(self._store())

    async def _store(self) -> None:
        async with self._storing:
            if self._poison is not None:
                await self._store_into(self._poison)

    async def _store_into(self, poison: PoisonList) -> None:
        try:
            while self._unstored:
                await poison.add(self._unstored[0])
                self._unstored.popleft()
        except Exception as error:  # this gateway refuses it anyway, and retries
            log.warning("set_aside_not_stored", error=repr(error))

    async def refresh(self) -> None:
        """Read what all gateways have set aside, and forget old suspects."""
        horizon = self._clock() - SUSPECT_FOR
        while self._suspects and next(iter(self._suspects.values()))[1] < horizon:
            self._suspects.popitem(last=False)
        if self._poison is None:
            return
        listed: defaultdict[str, set[bytes]] = defaultdict(set)
        async with self._storing:
            await self._store_into(self._poison)
            for account_id, digests in await self._poison.listed():
                listed[account_id].update(digests)
        for command in self._unstored:  # including commands set aside during the read
            listed[command.account_id].update(command.digests)
        self._listed = dict(listed)

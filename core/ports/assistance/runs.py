"""The port of the assistant's runs: which conversations wait for an answer, and who is answering."""

from __future__ import annotations

from typing import Protocol

import msgspec


class Claim(msgspec.Struct, frozen=True):
    """A run that this process holds. `seq`: the newest message that it answers; `is_again`: another process had begun it."""

    seq: int
    is_again: bool


class DueRun(msgspec.Struct, frozen=True):
    """A run that nobody holds. `given_up`: it has ended too many processes, and is no more."""

    account_id: str
    conversation_id: str
    given_up: bool


class RunStore(Protocol):
    """At most one process holds a conversation's run. Its claim lasts a while, unless it is kept."""

    async def want(self, account_id: str, conversation_id: str, seq: int) -> None:
        """A user has written the message with this seq."""
        ...

    async def claim(self, account_id: str, conversation_id: str) -> Claim | None:
        """Hold the run. None if there is none to hold."""
        ...

    async def finish(self, account_id: str, conversation_id: str, seq: int) -> bool:
        """Let go of a run that has answered up to `seq`. Returns whether a newer message waits."""
        ...

    async def keep(self, conversations: list[str]) -> list[str]:
        """Renew this process's claims of these runs. Returns those that are to stop."""
        ...

    async def release(self) -> None:
        """Leave this process's runs to others."""
        ...

    async def due(self, limit: int) -> list[DueRun]:
        """Runs that no process holds any more."""
        ...

    async def cancel(self, account_id: str, conversation_id: str) -> bool:
        """Ask whoever holds the run to stop. False if nobody does."""
        ...

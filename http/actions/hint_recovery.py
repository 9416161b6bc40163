"""After hints may have been lost, has presence and queue positions sent again.

Lost hints are not repeated, but a reader that stays connected must not be left with an outdated state.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ...actors.recurring import Failures
from ...core.ports.supervision import Supervision

AT_ONCE = 8
"""Accounts refreshed at once."""
AGAIN = 1.0
"""Seconds between attempts for accounts whose supervisor did not answer."""


class HintRecovery:
    """`accounts`: those with readers at this gateway."""

    def __init__(self, supervision: Supervision, accounts: Callable[[], set[str]]) -> None:
        self._supervision = supervision
        self._accounts = accounts
        self._wanted: set[str] = set()
        self._lost = asyncio.Event()
        self._failures = Failures("hint_recovery")

    def lost(self) -> None:
        """Note that hints may have been lost until now."""
        self._lost.set()

    async def main_loop(self) -> None:
        while True:
            await self._lost.wait()
            self._lost.clear()
            self._wanted |= self._accounts()
            while self._wanted:
                await self._ask()
                if self._wanted:
                    await asyncio.sleep(AGAIN)
                    self._wanted &= self._accounts()
            self._failures.end()

    async def _ask(self) -> None:
        room = asyncio.Semaphore(AT_ONCE)

        async def one(account_id: str) -> None:
            async with room:
                try:
                    await self._supervision.resend_hints(account_id)
                except Exception as error:
                    self._failures.note(error)
                    return
            self._wanted.discard(account_id)

        await asyncio.gather(*(one(account_id) for account_id in self._wanted))

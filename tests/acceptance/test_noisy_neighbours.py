"""One stranger against everybody: an attack by one client does not slow down a quiet client of another account."""

from __future__ import annotations

from desks import Desk
from neighbours import QuietNeighbour


async def test_without_an_attack_the_quiet_client_is_answered(quiet: QuietNeighbour, service: Desk) -> None:
    async with quiet:
        await service.open()
    quiet.check()

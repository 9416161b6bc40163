"""One stranger against everybody: what an attack of one client does to the answers of another account's quiet one."""

from __future__ import annotations

from desks import Desk
from neighbours import QuietNeighbour


async def test_without_an_attack_the_quiet_client_is_answered(quiet: QuietNeighbour, service: Desk) -> None:
    async with quiet:
        await service.open()
    quiet.check()

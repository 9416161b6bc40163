"""Commands that were set aside, in memory."""

from __future__ import annotations

from tertulia.core.conversation.poison import MAX_LISTED, SetAsideCommand


class MemoryPoisonList:
    """`core.conversation.poison.PoisonList` in memory. Records do not expire."""

    def __init__(self) -> None:
        self.commands: dict[str, SetAsideCommand] = {}

    async def add(self, command: SetAsideCommand) -> None:
        self.commands.setdefault(command.id, command)

    async def listed(self) -> list[tuple[str, list[bytes]]]:
        newest = list(self.commands.values())[-MAX_LISTED:]
        return [(command.account_id, list(command.digests)) for command in newest]

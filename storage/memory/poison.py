"""The commands that were set aside, in memory. Implements `core.conversation.poison.PoisonList`."""

from __future__ import annotations

from ...core.conversation.poison import MAX_LISTED, SetAsideCommand


class MemoryPoisonList:
    """`core.conversation.poison.PoisonList` on memory: nothing of it grows old."""

    def __init__(self) -> None:
        self.commands: dict[str, SetAsideCommand] = {}

    async def add(self, command: SetAsideCommand) -> None:
        self.commands.setdefault(command.id, command)

    async def listed(self) -> list[tuple[str, list[bytes]]]:
        newest = list(self.commands.values())[-MAX_LISTED:]
        return [(command.account_id, list(command.digests)) for command in newest]

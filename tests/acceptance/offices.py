"""An account of its own on the shared server, with bot rules that disturb no other test."""

from __future__ import annotations

from typing import Any

from desks import Account, Desk, ok

RULES = "/v1/bot-rules"


class Office:
    """An account of its own with a web chat, its admin and its service."""

    def __init__(self, account: Account, admin: Desk, service: Desk) -> None:
        self.account, self.admin, self.service = account, admin, service

    async def rule(
        self, name: str, trigger: str, conditions: dict[str, Any], **actions: Any
    ) -> dict[str, Any]:
        """Make a rule."""
        body = {"name": name, "trigger_type": trigger, "conditions": conditions, "actions": actions}
        return ok(await self.admin.http.post(RULES, json=body), 201)

    async def told(self, text: str) -> dict[str, Any]:
        """The conversation of a new customer who says this."""
        opened = await self.service.open(channel=self.account.channel)
        ok(await self.service.say(opened["id"], text, sender_type="contact"), 201)
        return await self.service.get(opened["id"])

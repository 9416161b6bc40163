"""The shadow policies of a supervisor's accounts: what each has counted since it was set, or since this supervisor has the account.

A shadow outlives its account's desk, which leaves memory when the account is idle, but not the supervisor.
"""

from __future__ import annotations

from collections import OrderedDict

import structlog

from ....core.accounts.account_settings import AgentRule
from ....core.conversation.explain_record import Need
from ....core.routing.agents import Agents
from ....core.routing.alternatives.shadow import Shadow, ShadowFigures
from ....core.routing.facts import Waiting
from ....core.routing.rules import Observer

log = structlog.get_logger(__name__)

MAX_KEPT = 10_000
"""Accounts with a shadow. Beyond this, the one set or loaded least recently starts over when it is loaded again."""


class Contained:
    """A shadow whose faults harm nothing: after one it counts no more."""

    def __init__(self, account_id: str, fence: tuple[int, int], shadow: Shadow) -> None:
        self.shadow = shadow
        self.fence = fence
        self.has_failed = False
        self._account_id = account_id

    def decided(self, agents: Agents, w: Waiting, need: Need, slot: int, now: int) -> None:
        if not self.has_failed:
            try:
                self.shadow.decided(agents, w, need, slot, now)
            except Exception:
                self._fail()

    def held(self, conversation_id: str, agent_id: str, now: int) -> None:
        self.shadow.held(conversation_id, agent_id, now)

    def released(self, conversation_id: str, now: int) -> None:
        self.shadow.released(conversation_id, now)

    def _fail(self) -> None:
        log.exception("shadow_policy_failed", account=self._account_id, policy=self.shadow.rule)
        self.has_failed = True


class ShadowPolicies:
    def __init__(self) -> None:
        self._kept: OrderedDict[str, Contained] = OrderedDict()

    def observer(
        self, account_id: str, fence: tuple[int, int], rule: AgentRule | None, now: int
    ) -> Observer | None:
        """The account's shadow with this rule: the known one if it has seen everything since, else a new one."""
        known = self._kept.pop(account_id, None)
        if rule is None:
            return None
        if known is None or known.shadow.rule != rule or known.fence != fence:
            known = Contained(account_id, fence, Shadow(rule, now))
        self._kept[account_id] = known
        if len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
        return known

    def figures(self, account_id: str) -> ShadowFigures | None:
        known = self._kept.get(account_id)
        return None if known is None else known.shadow.figures()

    def totals(self) -> tuple[int, int]:
        """Compared decisions of all accounts, and those that agree."""
        counts = [known.shadow.counts for known in self._kept.values()]
        return sum(compared for compared, _ in counts), sum(agreed for _, agreed in counts)

"""A supervisor's gauges for /metrics."""

from __future__ import annotations

from .account.command_sender import CommandSender
from .account.shadow_policies import ShadowPolicies
from .account_registry import AccountRegistry
from .shard_ownership import ShardOwnership


def statistics_of(
    shards: ShardOwnership, accounts: AccountRegistry, sender: CommandSender, shadows: ShadowPolicies
) -> dict[str, float]:
    desks = [desk for _, desk in accounts.loaded()]
    compared, agreed = shadows.totals()
    return {
        "shards": len(shards),
        "accounts": len(desks),
        "queued": sum(len(d.desk.queue) for d in desks),
        "held": sum(len(d.desk.held) for d in desks),
        "offers": sum(len(d.desk.offers) for d in desks),
        "under_way": len(sender),
        "shadow_compared": compared,
        "shadow_agreed": agreed,
    }

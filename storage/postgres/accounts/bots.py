"""Bot rules, what hosts read of accounts to apply them, and due timers, on Postgres."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import msgspec

from ....core.accounts.records import Page, Place
from ....core.conversation.entries import Actor
from ....core.errors import Conflict
from ....core.ids import PARTITIONS
from ....core.ports.bots import BotRuleRecord, DueTimer
from ....core.turn.account_rules import MAX_RULES, AccountRules, StoredRule, account_rules
from ..database import Connection, Database
from ..pages import bounds, page_of
from ..queries import sql
from ..rows import json_or_none
from .audit import record

_COLUMNS = sql("bot_rule_columns")
_STORED = msgspec.json.Decoder(list[StoredRule])


def _rule(row: Sequence[Any]) -> BotRuleRecord:
    f = list(row)
    f[6:8] = (_object(text) for text in f[6:8])
    return BotRuleRecord(*f)


def _object(text: str) -> dict[str, Any]:
    """A JSON object. Anything else, stored by hand, reads as empty."""
    value = msgspec.json.decode(text)
    return value if isinstance(value, dict) else {}


class PostgresBotRules:
    """`core.ports.bots.BotRuleStore` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, rule: BotRuleRecord, by: Actor) -> BotRuleRecord:
        async with self._database.account(rule.account_id) as connection, connection.transaction():
            await connection.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended('bot_rules ' || $1, 0))", rule.account_id
            )
            row = await connection.fetchrow(
                sql("bot_rule_create", columns=_COLUMNS),
                rule.id,
                rule.account_id,
                rule.name,
                rule.priority,
                rule.is_active,
                rule.trigger_type,
                json_or_none(rule.conditions),
                json_or_none(rule.actions),
                MAX_RULES,
            )
            if row is None:
                raise Conflict(
                    f"an account can have at most {MAX_RULES} bot rules", current={"rules": MAX_RULES}
                )
            details = {"name": rule.name}
            await record(connection, rule.account_id, by, "bot_rule.created", ("bot_rule", rule.id), details)
        return _rule(row)

    async def get(self, account_id: str, rule_id: str) -> BotRuleRecord | None:
        async with self._database.account(account_id) as connection:
            row = await connection.fetchrow(sql("bot_rule_get", columns=_COLUMNS), rule_id)
        return _rule(row) if row is not None else None

    async def page(self, account_id: str, after: Place | None, limit: int) -> Page[BotRuleRecord]:
        async with self._database.account(account_id) as connection:
            rows = await connection.fetch(sql("bot_rules_page", columns=_COLUMNS), *bounds(after, limit))
        return page_of(rows, _rule, limit)

    async def update(
        self, account_id: str, rule_id: str, changes: dict[str, Any], by: Actor
    ) -> BotRuleRecord | None:
        async with self._database.account(account_id) as connection, connection.transaction():
            row = await connection.fetchrow(
                sql("bot_rule_update", columns=_COLUMNS),
                rule_id,
                changes.get("name"),
                changes.get("priority"),
                changes.get("is_active"),
                changes.get("trigger_type"),
                json_or_none(changes.get("conditions")),
                json_or_none(changes.get("actions")),
            )
            if row is None:
                return None
            target, details = ("bot_rule", rule_id), {"fields": sorted(changes)}
            await record(connection, account_id, by, "bot_rule.updated", target, details)
        return _rule(row)

    async def delete(self, account_id: str, rule_id: str, by: Actor) -> bool:
        async with self._database.account(account_id) as connection, connection.transaction():
            name = await connection.fetchval(sql("bot_rule_delete"), rule_id)
            if name is None:
                return False
            target, details = ("bot_rule", rule_id), {"name": name}
            await record(connection, account_id, by, "bot_rule.deleted", target, details)
        return True

    async def in_force(self, account_id: str) -> AccountRules | None:
        async with self._database.account(account_id) as connection:
            return (await _load(connection, [account_id])).get(account_id)


class PostgresRulesArchive:
    """`core.ports.bots.RulesArchive` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, accounts: Iterable[str]) -> dict[str, AccountRules]:
        async with self._database.system() as connection:
            return await _load(connection, list(accounts))

    async def versions(self, accounts: Iterable[str]) -> dict[str, int]:
        wanted = list(accounts)
        async with self._database.system() as connection:
            rows = await connection.fetch(sql("account_rule_versions"), wanted)
        return dict.fromkeys(wanted, 0) | dict(map(tuple, rows))


class PostgresTimers:
    """`core.ports.bots.TimerArchive` on Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def due(
        self, now: int, partitions: Collection[int], limit: int, besides: Sequence[str] = ()
    ) -> list[DueTimer]:
        some = None if len(partitions) == PARTITIONS else list(partitions)
        async with self._database.system() as connection:
            rows = await connection.fetch(sql("timers_due"), now, some, list(besides), limit)
        return [DueTimer(*row) for row in rows]


async def _load(connection: Connection, accounts: list[str]) -> dict[str, AccountRules]:
    rows = await connection.fetch(sql("account_rules"), accounts)
    return {
        account: account_rules(msgspec.json.decode(settings), _STORED.decode(rules), version, languages)
        for account, version, settings, rules, languages in rows
    }

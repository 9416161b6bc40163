"""Repeats an account's decisions from the routing journal alone, and compares each one with its stored record.

If all agree, the journal is complete. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from ..core.conversation.explain_record import Explain
from ..core.routing.journal import RoutingEntry, replayed
from ..core.routing.messages import Assign, Offer
from ..storage.postgres.accounts.routing_record import StoredDecision

KINDS = {Assign: "assigned", Offer: "offered"}
MOST_SHOWN = 100
"""Mismatches that are kept with both sides; `Agreement.different` counts all."""


class Mismatch(msgspec.Struct, frozen=True):
    """`stored`: what was done; `replayed`: what the journal says, None if it says nothing. `fields`: in what the records differ."""

    conversation_id: str
    at: int
    stored: StoredDecision
    replayed: StoredDecision | None
    fields: tuple[str, ...]


class Agreement(msgspec.Struct, kw_only=True):
    """`made`: decisions of the replay. `not_stored`: those without a record: their command was refused, since its conversation had moved
    on or the supervisor died before it was sent, or the conversation has been erased. `stored`: decisions with a record.
    `restarts`: how often the desk was restored in between: a supervisor took over, or loaded the account again."""

    since: int
    until: int
    entries: int = 0
    restarts: int = 0
    made: int = 0
    stored: int = 0
    equal: int = 0
    different: int = 0
    not_stored: int = 0
    mismatches: list[Mismatch] = []

    @property
    def agrees(self) -> bool:
        return not self.different


class Replay:
    """Takes the journal's entries, then the stored decisions. `since`, `until`: the time span in ms of the decisions compared."""

    def __init__(self, since: int, until: int) -> None:
        self.found = Agreement(since=since, until=until)
        self._made: dict[tuple[str, int, str], list[StoredDecision]] = defaultdict(list)

    def read(self, entries: Iterable[RoutingEntry]) -> None:
        """Decide again. Raises `core.routing.journal.Incomplete`."""
        found = self.found
        first = None
        for entry, _, effects in replayed(entries):
            found.entries += 1
            if first is None:
                first = entry.position
                found.since = max(found.since, entry.at + (entry.kind != "restored"))
            elif entry.kind == "restored":
                found.restarts += 1
            for effect in effects:
                if isinstance(effect, Assign | Offer) and effect.explain is not None:
                    self._note(effect, effect.explain)

    def _note(self, effect: Assign | Offer, explain: Explain) -> None:
        if self.found.since <= explain.at <= self.found.until:
            made = StoredDecision(
                effect.conversation_id, KINDS[type(effect)], effect.agent_id, replace(explain, agents=())
            )
            self._made[made.conversation_id, explain.at, made.kind].append(made)
            self.found.made += 1

    def compare(self, stored: StoredDecision) -> None:
        """Compare a stored decision with the one made again. One from before the journal begins does not count."""
        found = self.found
        if not found.since <= stored.explain.at <= found.until:
            return
        found.stored += 1
        made = self._made.get((stored.conversation_id, stored.explain.at, stored.kind), [])
        if stored in made:
            made.remove(stored)
            found.equal += 1
            return
        found.different += 1
        if len(found.mismatches) < MOST_SHOWN:
            other = made[0] if made else None
            fields = () if other is None else tuple(_differing(stored, other))
            found.mismatches.append(
                Mismatch(stored.conversation_id, stored.explain.at, stored, other, fields)
            )

    def close(self) -> Agreement:
        self.found.not_stored = self.found.made - self.found.equal
        return self.found


def _differing(a: StoredDecision, b: StoredDecision) -> Iterable[str]:
    if a.agent_id != b.agent_id:
        yield "agent_id"
    for name in Explain.__struct_fields__:
        if getattr(a.explain, name) != getattr(b.explain, name):
            yield name

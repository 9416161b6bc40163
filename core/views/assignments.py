"""A conversation's assignments as the API shows them, derived from its entries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated

import msgspec
from msgspec.structs import asdict, astuple, replace

from ..conversation.entries import Assigned, Entry, StatusChanged
from ..conversation.explain_record import Explain, Figures
from ..conversation.status import HELD
from ..routing.facts import Reason
from ..routing.sorted_agents import bits
from ..text.fields import AgentId, Id, Timestamp, about
from ..times import rfc3339, rfc3339_or_none
from .payloads import RoutingCandidate, RoutingRecord


class AssignmentView(msgspec.Struct, frozen=True):
    """The time for which an agent held a conversation."""

    id: Id
    agent_id: Annotated[AgentId, about("The agent it was assigned to")]
    previous_agent_id: Annotated[AgentId | None, about("The agent it was assigned to before")]
    by: Annotated[str, about("How it was assigned: `routing`, `manual`, `takeover` …", "routing")]
    assigned_at: Annotated[Timestamp, about("When the assignment began")]
    ended_at: Annotated[Timestamp | None, about("When it ended; null if it still lasts")]
    explain: Annotated[RoutingRecord | None, about("How routing decided; null if a person did")]


def assignments_of(
    entries: Iterable[Entry], rosters: Mapping[str, tuple[str, ...]] = {}
) -> list[AssignmentView]:
    """Assignments, oldest first, from a conversation's entries in order; unrelated entries may be left out. `rosters`: the agents
    of the entries' explain records, by digest; a record without them shows no candidates.

    An assignment ends with the next one, with a release, or when the status leaves `assigned` and `pending`.
    """
    found: list[AssignmentView] = []
    holder: tuple[Assigned, str, int] | None = None

    def end(at: int | None) -> None:
        if holder is not None:
            data, agent_id, since = holder
            found.append(
                AssignmentView(
                    data.assignment_id,
                    agent_id,
                    data.previous_agent_id,
                    data.by,
                    rfc3339(since),
                    rfc3339_or_none(at),
                    None if data.explain is None else _record(data.explain, rosters.get(data.explain.roster)),
                )
            )

    for entry in entries:
        data = entry.data
        if isinstance(data, Assigned):
            end(entry.at)
            holder = None if data.agent_id is None else (data, data.agent_id, entry.at)
        elif isinstance(data, StatusChanged) and data.to_status not in HELD:
            end(entry.at)
            holder = None
    end(None)
    return found


def _record(record: Explain, agents: tuple[str, ...] | None) -> RoutingRecord:
    """A record as the API shows it. With its roster, each agent has its reasons or its rank."""
    if agents is not None:
        record = replace(record, agents=agents)
    shown = {
        **asdict(record),
        "ranked": [astuple(f) for f in record.ranked],
        "candidates": candidates(record),
    }
    return msgspec.convert(shown, RoutingRecord, from_attributes=True)


def candidates(record: Explain) -> list[RoutingCandidate]:
    """Every agent of the roster: those with a rank, then those that ranked lower, then those passed over."""
    ranked = {f.slot: (rank, f) for rank, f in enumerate(record.ranked, 1)}
    reasons: dict[int, list[Reason]] = {}
    for reason, mask in record.passed.items():
        for slot in bits(int(mask, 16)):
            reasons.setdefault(slot, []).append(Reason(reason))
    found = [
        _candidate(agent_id, reasons.get(slot, []), ranked.get(slot))
        for slot, agent_id in enumerate(record.agents)
    ]
    return sorted(found, key=lambda c: (bool(c.reasons), c.rank is None, c.rank or 0, c.agent_id))


def _candidate(agent_id: str, reasons: list[Reason], ranked: tuple[int, Figures] | None) -> RoutingCandidate:
    if ranked is None:
        return RoutingCandidate(agent_id, reasons)
    rank, f = ranked
    idle_since, assigned_at = (rfc3339_or_none(at or None) for at in (f.idle_since, f.assigned_at))
    return RoutingCandidate(agent_id, reasons, rank, f.load, f.maximum, idle_since, assigned_at)

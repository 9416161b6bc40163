"""A conversation's assignments as the API shows them, derived from its entries."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import msgspec

from ..conversation.entries import Assigned, Entry, StatusChanged
from ..conversation.status import HELD
from ..text.fields import AgentId, Id, Timestamp, about
from ..times import rfc3339, rfc3339_or_none
from ..views.payloads import RoutingRecord


class AssignmentView(msgspec.Struct, frozen=True):
    """The time for which an agent held a conversation."""

    id: Id
    agent_id: Annotated[AgentId, about("The agent it was assigned to")]
    previous_agent_id: Annotated[AgentId | None, about("The agent it was assigned to before")]
    by: Annotated[str, about("How it was assigned: `routing`, `manual`, `takeover` …", "routing")]
    assigned_at: Annotated[Timestamp, about("When the assignment began")]
    ended_at: Annotated[Timestamp | None, about("When it ended; null if it still lasts")]
    explain: Annotated[
        dict[str, Any] | None, about("How routing decided; null if a person did", shown_as=RoutingRecord)
    ]


def assignments_of(entries: Iterable[Entry]) -> list[AssignmentView]:
    """Assignments, oldest first, from a conversation's entries in order; unrelated entries may be left out.

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
                    data.explain,
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

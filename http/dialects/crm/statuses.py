"""The four statuses of the CRM as changes of the core's status. Where one change is not enough, several follow each other."""

from __future__ import annotations

from typing import Any, Final

from ....core.conversation.commands import Changes, Command, Done, GiveBack, Handoff, Update
from ....core.conversation.state import Conversation
from ....core.conversation.status import Status
from ...actions import conversations as actions
from ...framework.endpoint import Call
from .shapes import CrmStatus, status_of

NO_REASON: Final = "Handoff requested"
"""The reason of a handoff that names none."""
_REOPEN: Final = Update(Changes(status=Status.OPEN))
_STEPS: Final[dict[CrmStatus, dict[Status, tuple[Command, ...]]]] = {
    "resolved": {},
    "active": {
        Status.RESOLVED: (_REOPEN,),
        Status.OPEN: (GiveBack(),),
        Status.ASSIGNED: (GiveBack(),),
        Status.PENDING: (GiveBack(),),
    },
    "handed_off": {Status.RESOLVED: (_REOPEN, Handoff(NO_REASON))},
    "expired": {
        Status.RESOLVED: (_REOPEN, Update(Changes(status=Status.EXPIRED))),
        Status.ASSIGNED: (Update(Changes(status=Status.PENDING)), Update(Changes(status=Status.EXPIRED))),
    },
}
"""Wanted status → present one → the commands that lead there."""
_OTHERWISE: Final[dict[CrmStatus, Command]] = {
    "resolved": Update(Changes(status=Status.RESOLVED)),
    "active": _REOPEN,
    "handed_off": Handoff(NO_REASON),
    "expired": Update(Changes(status=Status.EXPIRED)),
}
"""The command for statuses that `_STEPS` does not list; the core refuses to change final ones."""


async def change(call: Call[Any], c: Conversation, wanted: CrmStatus) -> Conversation:
    """The conversation with another status. Raises Conflict where it is final, Forbidden."""
    if status_of(c.status, handoff_requested=c.handoff_requested) == wanted:
        return c
    for command in _STEPS[wanted].get(c.status, (_OTHERWISE[wanted],)):
        done = await call.ask(command, conversation=c.id)
        assert done.conversation is not None
        c = done.conversation
    return c


async def hand_off(call: Call[Any], conversation_id: str, reason: str, agent_id: str | None) -> Done:
    """Ask for a human, for one in particular if there is an `agent_id`. Raises Conflict, Invalid."""
    command = Handoff(reason, agent_id)
    if agent_id is None:
        return await call.ask(command, conversation=conversation_id)
    return await actions.ask_for_agent(call, command, conversation_id, agent_id, "agent_id")

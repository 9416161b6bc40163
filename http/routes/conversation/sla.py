"""`/v1/sla-clocks`: when replies and resolutions are due by the account's targets, and which targets were missed.

The clocks follow from the conversation and the account's settings (`core/turn/sla.py`), so they are computed on request. They change with
messages and statuses, not with time: a page that shows one requests it again when the conversation's `seq` has changed.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from aiohttp import web

from ....actors import clock
from ....core.accounts.account_settings import AccountSettings, known_settings
from ....core.conversation.state import Conversation
from ....core.errors import Invalid
from ....core.text.fields import ConversationId, Seq, Timestamp, about
from ....core.times import rfc3339_or_none
from ....core.turn.sla import Target, TargetTimes, targets_of
from ...actions import conversations
from ...framework.endpoint import Call, Route, answer

TAG = "conversations"
MAX_ASKED = 100


class SlaClock(msgspec.Struct, frozen=True):
    """One running target. Its times lie in business hours; null if they are more than ten years away."""

    target: Annotated[Target, about("The target", "first_reply")]
    warn_at: Annotated[Timestamp | None, about("When leads are warned")]
    due_at: Annotated[Timestamp | None, about("When it is due")]
    state: Annotated[
        Literal["running", "warning", "breach"],
        about("Its state: in time, soon missed, missed", "running"),
    ]


class SlaClocks(msgspec.Struct, frozen=True):
    conversation_id: ConversationId
    seq: Annotated[Seq, about("The newest entry of the conversation that these clocks take into account")]
    clocks: Annotated[list[SlaClock], about("Its running targets, most urgent first")]


class SlaClockList(msgspec.Struct, frozen=True):
    """Conversations that do not exist are left out."""

    items: Annotated[list[SlaClocks], about("The clocks of each conversation")]
    has_targets: Annotated[bool, about("Whether the account has targets at all")]


class SlaQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    conversation_id: Annotated[
        list[conversations.Uuid],
        about(f"The conversations, {MAX_ASKED} at most", ["0190a5f0-7c1e-7d3a-9b52-3f6f0c1e5a07"]),
    ] = []


async def read(call: Call[None]) -> web.Response:
    wanted = list(dict.fromkeys(call.query.conversation_id))
    if len(wanted) > MAX_ASKED:
        raise Invalid("too many conversations", errors=(("conversation_id", f"at most {MAX_ASKED}"),))
    account = await call.services.stores.accounts.get(call.account_id)
    settings = known_settings({} if account is None else account.settings)
    if not has_targets(settings) or not wanted:
        return answer(SlaClockList([], has_targets(settings)))
    found = await call.services.stores.conversations.many(call.account_id, wanted)
    now = clock.now_ms()
    return answer(SlaClockList([SlaClocks(c.id, c.seq, clocks_of(c, settings, now)) for c in found], True))


def has_targets(settings: AccountSettings) -> bool:
    sla = settings.sla
    return any(
        getattr(targets, f"{target}_minutes") is not None
        for targets in (sla, *sla.priorities.values())
        for target in Target
    )


def clocks_of(c: Conversation, settings: AccountSettings, now: int) -> list[SlaClock]:
    """The running targets of a conversation at a time, the most urgent first."""
    running = [] if c.erased else sorted(targets_of(c, settings).items(), key=lambda item: _until(item[1]))
    return [
        SlaClock(target, rfc3339_or_none(due.warning), rfc3339_or_none(due.breach), _state(due, now))
        for target, due in running
    ]


def _until(due: TargetTimes) -> float:
    return float("inf") if due.breach is None else due.breach


def _state(due: TargetTimes, now: int) -> Literal["running", "warning", "breach"]:
    if due.breach is not None and due.breach <= now:
        return "breach"
    return "warning" if due.warning is not None and due.warning <= now else "running"


ROUTES = [
    Route("GET", "/v1/sla-clocks", read, "inbox.read", {200: SlaClockList}, "listSlaClocks",
          "When replies and resolutions are due, by conversation", query=SlaQuery, tag=TAG),
]  # fmt: skip

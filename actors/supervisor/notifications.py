"""The hints and answers about an account's agents and queue. Reads the desk; changes only what counts as notified."""

from __future__ import annotations

from collections.abc import Sequence

from ...core.ports.http import Hint
from ...core.routing.facts import order
from ...core.routing.supervision_messages import AgentPresence, QueueItem, QueuePage, QueuePlace
from ...core.views.stream_events import account_topic, conversation_topic
from .account.account_desk import AccountDesk

MAX_HINTS = 500
"""Agents in one round of hints; the others follow."""


def agents_of(desk: AccountDesk) -> list[AgentPresence]:
    """Every agent, by id."""
    return [
        AgentPresence(
            a.id,
            desk.names.get(a.id),
            desk.presence.status(a.id),
            a.active,
            a.preferences.maximum,
            a.preferences.available,
            desk.presence.last_seen.get(a.id),
        )
        for a in sorted(desk.desk.agents, key=lambda a: a.id)
        if a.is_listed
    ]


def presence_hints(desk: AccountDesk) -> list[Hint]:
    """`agent:presence` for agents whose status, figures or name have changed since their last hint. An agent's first presence may come
    before their name is read."""
    if not desk.presence_changed:
        return []
    desk.presence_changed = False
    hints: list[Hint] = []
    for a in desk.desk.agents:
        now = (desk.presence.status(a.id), a.active, a.preferences.maximum, desk.names.get(a.id))
        if desk.notified.get(a.id, ("offline", 0, *now[2:])) == now:
            continue
        if len(hints) == MAX_HINTS:
            desk.presence_changed = True
            break
        desk.notified[a.id] = now
        data = {"user_id": a.id, "status": now[0], "active": now[1], "maximum": now[2], "name": now[3]}
        hints.append(Hint(desk.id, "agent:presence", data, [account_topic(desk.id)]))
    return hints


def queue_hints(desk: AccountDesk, now: int) -> list[Hint]:
    """`queue:update` for the positions that `queue_updates.py` selects."""
    return [
        Hint(
            desk.id,
            "queue:update",
            {
                "conversation_id": conversation_id,
                "position": position,
                "estimated_wait_s": seconds(desk.desk.estimated_wait(position, now)),
            },
            [account_topic(desk.id), conversation_topic(conversation_id)],
            conversation_id,
        )
        for conversation_id, position in desk.queue_updates.pop(desk.desk)
    ]


def queue_page(desk: AccountDesk, after: tuple[int, int, str] | None, limit: int, now: int) -> QueuePage:
    """A page of the queue, after the given sort key."""
    queue = desk.desk.queue
    start = 0 if after is None else queue.up_to(after)
    items = []
    for position, w in enumerate(queue.slice(start, start + limit), start + 1):
        offered = desk.desk.offers.get(w.id)
        items.append(
            QueueItem(
                w.id,
                position,
                w.waiting_since,
                desk.desk.estimated_wait(position, now),
                w.priority,
                w.channel_type,
                tuple(sorted(w.topics)),
                w.language,
                w.team_id,
                w.strategy,
                None if offered is None else offered.agent_id,
                order(w, desk.desk.board.policy),
            )
        )
    return QueuePage(items, start + len(items) < len(queue), len(queue))


def places_of(desk: AccountDesk, conversations: Sequence[str], now: int) -> dict[str, QueuePlace]:
    """The queue positions of these conversations, for those that wait."""
    found = ((i, desk.desk.queue.position(i)) for i in conversations)
    return {i: QueuePlace(p, desk.desk.estimated_wait(p, now)) for i, p in found if p is not None}


def seconds(ms: int | None) -> int | None:
    return None if ms is None else -(-ms // 1000)

"""Deduplication: finds commands that happened before and returns their original results.

Covers a retry whose first attempt got no answer, a provider's repeated delivery, and a client's key used twice. Only reads
the archive.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from ...core.conversation.commands import Done, Envelope, Outcome
from ...core.conversation.entries import Message
from ...core.conversation.state import State
from ...core.errors import TertuliaError
from ...core.ports.archive import Archive, Repeat, Target
from ...core.turn.decide import check_party, check_same
from ..transport.refusals import refusal
from .pending_command import PendingCommand


async def original_results(
    archive: Archive, items: Sequence[PendingCommand]
) -> dict[PendingCommand, Outcome]:
    """The original results of the commands that happened already. Three queries, however many commands."""
    keys: defaultdict[tuple[Target, str], list[PendingCommand]] = defaultdict(list)
    provider_ids: defaultdict[tuple[str, str], list[PendingCommand]] = defaultdict(list)
    for item in items:
        envelope, post = item.envelope, item.envelope.post
        target = envelope.conversation_id or envelope.thread
        assert target is not None
        keys[target, envelope.key()].append(item)
        channel = _channel(item)
        if post is not None and post.external_id is not None and channel is not None:
            provider_ids[channel, post.external_id].append(item)
    by_key, by_provider_id = await archive.find_repeats(keys, provider_ids)
    found = {item: (repeat, True) for k, repeat in by_provider_id.items() for item in provider_ids[k]}
    found |= {
        item: (repeat, item.envelope.key() != item.envelope.id)
        for k, repeat in by_key.items()
        for item in keys[k]
    }
    ids = {repeat.conversation_id for repeat, _ in found.values()}
    states = await archive.load_conversations(list(ids)) if ids else {}
    return {
        item: _original_result(item.envelope, repeat, states[repeat.conversation_id], repeated=repeated)
        for item, (repeat, repeated) in found.items()
        if repeat.conversation_id in states
    }


def _channel(item: PendingCommand) -> str | None:
    if item.envelope.thread is not None:
        return item.envelope.thread.channel_id
    return item.write.after.channel_id if item.write is not None else None


def _original_result(envelope: Envelope, repeat: Repeat, state: State, *, repeated: bool) -> Outcome:
    post, message = envelope.post, repeat.entry.data
    try:
        check_party(state.conversation, envelope.account_id, envelope.by)
        if post is None:
            return Done((), state.conversation)
        assert isinstance(message, Message), (
            "a command's key is on its last entry, which for a post is its message"
        )
        if post.external_id is None and repeated:
            check_same(message, post)
    except TertuliaError as error:
        return refusal(error)
    recent = state.recent if post.recalls else None
    return Done((repeat.entry,), repeated=repeated, handoff=state.conversation.handoff_reason, recent=recent)

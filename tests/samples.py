"""Sample conversations: ids, people, commands, and hypothesis strategies for all stored types."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import strategies as st

from tertulia.actors.host.conversation_actor import ConversationActor
from tertulia.actors.transport.turns import TurnRequest
from tertulia.core.conversation.commands import By, Command, Done, Envelope, Opening, Post, Receive, ThreadKey
from tertulia.core.conversation.entries import (
    Actor,
    Assigned,
    Attachment,
    ChangedFields,
    Edited,
    Entry,
    EntryData,
    HandoffRequested,
    LeadsNotified,
    Message,
    Offered,
    OfferEnded,
    Opened,
    Rated,
    SlaNoted,
    StatusChanged,
    Updated,
)
from tertulia.core.conversation.explain_record import Explain, Figures, Need
from tertulia.core.conversation.projection import apply
from tertulia.core.conversation.state import State
from tertulia.core.conversation.status import Status
from tertulia.core.conversation.thread import Thread
from tertulia.core.ids import new_conversation_id, new_id
from tertulia.core.ports.journal import Write
from tertulia.core.ports.ownership import HostAddress
from tertulia.core.turn.decide import open_conversation

NOW = 1_800_000_000_000


def listening(incarnation: str, port: int = 1) -> HostAddress:
    """A host on this machine; nothing listens on port 1."""
    return HostAddress(incarnation, "127.0.0.1", port)


_numbers = itertools.count(1)


def uid() -> str:
    """A new id."""
    return new_id(NOW, next(_numbers) << 20)


def conversation_id(partition: int = 0, now: int = NOW) -> str:
    return new_conversation_id(now, next(_numbers) << 20, partition)


ACCOUNT, CHANNEL, CONTACT = uid(), uid(), uid()
THREAD = ThreadKey(ACCOUNT, CHANNEL, "+100")
OPENING = Opening("webchat")


def customer(thread: ThreadKey = THREAD) -> By:
    return By("contact", thread.identifier, "customer", thread.channel_id, thread.identifier)


def agent(name: str = "ana", role: str = "agent") -> By:
    return By("agent", name, role)


SERVICE = By("service", "svc", "service")


def said(content: str = "hi", **fields: Any) -> Post:
    """A customer's message."""
    return Post(sender_type="contact", content=content, **fields)


def answered(content: str = "hello", **fields: Any) -> Post:
    """An agent's message."""
    return Post(sender_type="agent", content=content, **fields)


def received(content: str = "hi", **fields: Any) -> Receive:
    return Receive(OPENING, said(content, **fields))


def to_thread(command: Command, thread: ThreadKey = THREAD, by: By | None = None, **fields: Any) -> Envelope:
    return Envelope(
        fields.pop("id", uid()), thread.account_id, by or customer(thread), command, thread=thread, **fields
    )


def to_conversation(
    command: Command, conversation: str, by: By | None = None, account: str = ACCOUNT, **fields: Any
) -> Envelope:
    return Envelope(fields.pop("id", uid()), account, by or agent(), command, conversation, **fields)


class Scribe:
    """Takes turns one after the other, as a host would, and returns what must be committed."""

    def __init__(self, contacts: dict[ThreadKey, str] | None = None) -> None:
        self.contacts = contacts or {}
        self.threads: dict[ThreadKey, Thread] = {}
        self.actors: dict[str, ConversationActor] = {}
        self.now = NOW

    def write(self, envelope: Envelope, partition: int = 0) -> Write:
        """The write of a command, which must be accepted."""
        self.now += 1
        if (target := envelope.conversation_id) is not None:
            c = self.actors[target].state.conversation
            key = ThreadKey(c.account_id, c.channel_id, c.contact_identifier, c.topic)
        else:
            assert envelope.thread is not None
            key = envelope.thread
        thread = self.threads.setdefault(key, Thread(self.contacts.get(key) or uid()))
        opening = None
        if target is None and (target := thread.target(envelope.command)) is None:  # type: ignore[arg-type]
            target = conversation_id(partition, self.now)
            (data,) = open_conversation(key, thread.contact_id, envelope.opening, None)
            opening = Entry(key.account_id, target, 0, self.now, Actor("contact"), data)
            self.actors[target] = ConversationActor(apply(None, opening), uid)
        taken = self.actors[target].turn(TurnRequest(envelope, self.now, thread.live, opening))
        assert isinstance(taken.outcome, Done) and taken.write is not None, taken.outcome
        thread.note(taken.write.after)
        return taken.write

    def state(self, target: str) -> State:
        return self.actors[target].state


EXPLAIN = Explain(
    at=5,
    conversation_id="c",
    need=Need("webchat", language="en"),
    strategy="least_busy",
    roster="d1",
    passed={"full": "2"},
    ranked=(Figures(0, 1, 5, 3000, 0),),
    chosen="ann",
)

# --- strategies

plain = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
"""Text that Postgres can store."""
ids = st.uuids().map(str)
optional = st.none() | plain
integers = st.integers(-(2**53), 2**53)
json_values = st.recursive(
    st.none() | st.booleans() | integers | st.floats(-(2.0**53), 2.0**53) | plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(plain, inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(plain, json_values, max_size=3)
priorities = st.sampled_from(["low", "normal", "high", "urgent"])
attachments = st.builds(
    Attachment, url=plain, name=optional, content_type=optional, size=st.none() | st.integers(0, 2**40)
)
statuses = st.sampled_from(Status)

channel_types = st.sampled_from(["webchat", "whatsapp", "telegram", "messenger", "sms", "email"])
delivery_errors = st.none() | st.fixed_dictionaries({"code": plain, "detail": plain})
times = st.none() | st.integers(0, 2**42)
summaries = st.just({}) | st.fixed_dictionaries(
    {
        "id": ids,
        "channel_id": ids,
        "channel_type": channel_types,
        "contact_name": optional,
        "contact_identifier": plain,
        "priority": priorities,
        "subject": optional,
        "labels": st.lists(plain, max_size=3),
        "last_message_preview": optional,
    }
)
routing_strategies = st.sampled_from(["least_busy", "round_robin", "manual_queue"])
changes = st.fixed_dictionaries(
    {},
    optional={
        "priority": priorities,
        "labels": st.lists(plain, max_size=3).map(tuple),
        "subject": optional,
        "metadata": objects,
        "bot_context": objects,
        "contact_name": optional,
        "team_id": st.none() | ids,
        "strategy": routing_strategies,
        "snoozed_until": times,
        "archived_at": times,
    },
).map(lambda given: ChangedFields(**given))
names = st.frozensets(plain, max_size=2)
counts = st.integers(0, 9)
explains = st.builds(
    Explain,
    at=st.integers(0, 2**42),
    conversation_id=ids,
    need=st.builds(Need, channel_type=channel_types, topics=names, language=optional, teams=names),
    strategy=routing_strategies,
    roster=plain,
    passed=st.dictionaries(st.sampled_from(["full", "away"]), st.just("2f"), max_size=2),
    sticky=optional,
    ranked=st.lists(st.builds(Figures, counts, counts, counts, counts, counts), max_size=2).map(tuple),
    chosen=optional,
)

data: dict[type[Any], st.SearchStrategy[Any]] = {
    Opened: st.builds(
        Opened,
        channel_id=ids,
        channel_type=channel_types,
        contact_id=ids,
        contact_identifier=plain,
        contact_name=optional,
        topic=plain,
        outlet_id=st.none() | ids,
        subject=optional,
        priority=priorities,
        labels=st.lists(plain, max_size=3).map(tuple),
        metadata=objects,
    ),
    Message: st.builds(
        Message,
        id=ids,
        direction=st.sampled_from(["inbound", "outbound"]),
        sender_type=st.sampled_from(["contact", "agent", "bot", "system"]),
        sender_id=optional,
        content=plain,
        content_type=plain,
        attachments=st.lists(attachments, max_size=2).map(tuple),
        is_private=st.booleans(),
        external_id=optional,
        client_message_id=optional,
        reply_to=st.none() | ids,
        delivery_status=st.sampled_from([None, "queued", "sent", "delivered", "read", "failed"]),
        delivery_error=delivery_errors,
        metadata=objects,
    ),
    StatusChanged: st.builds(StatusChanged, from_status=statuses, to_status=statuses, reason=optional),
    Assigned: st.builds(
        Assigned,
        assignment_id=ids,
        agent_id=optional,
        previous_agent_id=optional,
        by=plain,
        summary=summaries,
        explain=st.none() | explains,
    ),
    Offered: st.builds(
        Offered,
        offer_id=ids,
        agent_id=plain,
        expires_at=st.integers(0, 2**42),
        summary=summaries,
        explain=st.none() | explains,
    ),
    OfferEnded: st.builds(
        OfferEnded,
        offer_id=ids,
        agent_id=plain,
        outcome=st.sampled_from(["accepted", "declined", "timeout", "withdrawn"]),
    ),
    Updated: st.builds(Updated, changes=changes),
    HandoffRequested: st.builds(HandoffRequested, reason=plain),
    Rated: st.builds(Rated, score=st.integers(1, 5), comment=optional),
    SlaNoted: st.builds(
        SlaNoted,
        target=st.sampled_from(["first_reply", "next_reply", "resolution"]),
        state=st.sampled_from(["warning", "breach"]),
        due_at=st.integers(0, 2**40),
    ),
    LeadsNotified: st.builds(LeadsNotified, summary=summaries),
    Edited: st.builds(
        Edited,
        message_id=ids,
        message_seq=st.integers(0, 2**31 - 1),
        content=plain,
        previous_content=plain,
        edited_at=st.integers(0, 2**42),
    ),
}
"""Every kind of entry."""
any_data: st.SearchStrategy[EntryData] = st.one_of(*data.values())


def entries(content: st.SearchStrategy[Any] = any_data) -> st.SearchStrategy[Entry]:
    return st.builds(
        Entry,
        account_id=ids,
        conversation_id=ids,
        seq=st.integers(0, 2**31 - 1),
        at=st.integers(0, 2**42),
        actor=st.builds(
            Actor,
            type=st.sampled_from(["contact", "agent", "bot", "system", "service"]),
            id=optional,
        ),
        data=content,
        position=st.integers(0, 10**18 - 1),
    )

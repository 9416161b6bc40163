"""The contract of what supervisors read, in memory and on Postgres."""

from __future__ import annotations

from backends import Backend, thread
from samples import (
    SERVICE,
    Scribe,
    agent,
    answered,
    conversation_id,
    received,
    to_conversation,
    to_thread,
    uid,
)

from tertulia.core.conversation.commands import Assign, Changes, Command, Release, ThreadKey, Update
from tertulia.core.conversation.entries import Assigned, Message
from tertulia.core.conversation.status import Status
from tertulia.core.ports.journal import Write
from tertulia.core.routing.facts import Policy
from tertulia.core.routing.journal import RoutingEntry
from tertulia.core.routing.messages import Gone, PresenceChanged, Snapshot
from tertulia.core.routing.supervision_messages import Unanswered


async def commit(backend: Backend, *writes: Write) -> None:
    await backend.journal.commit(writes, await backend.epochs())


async def opened(backend: Backend, scribe: Scribe, key: ThreadKey) -> str:
    write = scribe.write(to_thread(received(), key))
    await commit(backend, write)
    return write.after.id


async def done(
    backend: Backend, scribe: Scribe, key: ThreadKey, c: str, command: Command, by: str | None = None
) -> Write:
    who = SERVICE if by is None else agent(by)
    write = scribe.write(to_conversation(command, c, who, key.account_id))
    await commit(backend, write)
    return write


async def test_each_takeover_of_a_shard_raises_its_epoch(backend: Backend) -> None:
    first = await backend.supervision.register(11, uid())
    other = await backend.supervision.register(12, uid())
    second = await backend.supervision.register(11, uid())
    epochs = await backend.supervision.epochs()
    assert second > first and (epochs[11], epochs[12]) == (second, other)


async def test_accounts_that_moved_since_a_mark(backend: Backend, scribe: Scribe) -> None:
    store, key, still = backend.supervision, await thread(backend), await thread(backend)
    mark = (await store.changed_heads(None)).mark
    assert await store.head(uid()) is None
    await opened(backend, scribe, key)
    changed = await store.changed_heads(mark)
    (head,) = {h for h in changed.heads if h.account_id == key.account_id}
    assert head.fed and head == await store.head(key.account_id)
    assert head.position == len(scribe.write(to_thread(received("more"), key)).entries) + 1
    assert still.account_id not in {h.account_id for h in changed.heads}
    assert key.account_id not in {h.account_id for h in (await store.changed_heads(changed.mark)).heads}


async def test_changed_facts_raise_the_version(backend: Backend) -> None:
    store, account = backend.supervision, await backend.add_account()
    before, mark = await store.head(account), (await store.changed_heads(None)).mark
    await backend.set_expiry(account, hours=5)
    (head,) = {h for h in (await store.changed_heads(mark)).heads if h.account_id == account}
    assert before is not None and head.version > before.version and not head.fed
    facts = await store.facts(account)
    assert facts is not None and facts.settings.expiry_hours == 5 and facts.agents == ()
    assert await store.facts(uid()) is None


async def test_conversations_that_wait_or_are_held(backend: Backend, scribe: Scribe) -> None:
    store, key = backend.supervision, await thread(backend)
    other = ThreadKey(key.account_id, key.channel_id, "+2")
    ended, live = await opened(backend, scribe, key), await opened(backend, scribe, other)
    await done(backend, scribe, key, ended, Update(Changes(status=Status.CLOSED)))
    assert [c.id for c in await store.live(key.account_id)] == [live]
    found = await store.conversations([ended, live, conversation_id()])
    assert {i: c.status for i, c in found.items()} == {ended: "closed", live: "open"}
    assert key.account_id in await store.waking()
    await done(backend, scribe, other, live, Update(Changes(status=Status.CLOSED)))
    assert await store.live(key.account_id) == [] and key.account_id not in await store.waking()


async def test_who_holds_and_who_held(backend: Backend, scribe: Scribe) -> None:
    store, key = backend.supervision, await thread(backend)
    c = await opened(backend, scribe, key)
    of = key.account_id, scribe.state(c).conversation.contact_id
    assert await store.last_held([of, (key.account_id, uid())]) == {}
    given = await done(backend, scribe, key, c, Assign("ana"))
    (held,) = (await store.last_held([of])).values()
    assert held.agent_id == "ana", "until now, by the store's clock"
    assert await store.last_assigned(key.account_id) == {"ana": given.entries[-1].at}
    resolved = await done(backend, scribe, key, c, Update(Changes(status=Status.RESOLVED)))
    (held,) = (await store.last_held([of])).values()
    assert (held.agent_id, held.until) == ("ana", resolved.entries[-1].at)


async def test_whom_a_holder_has_not_answered(backend: Backend, scribe: Scribe) -> None:
    store, key = backend.supervision, await thread(backend)
    c, never = await opened(backend, scribe, key), conversation_id()
    assert await store.unanswered([c, never]) == []
    given = await done(backend, scribe, key, c, Assign("ana"))
    at = next(e.at for e in given.entries if isinstance(e.data, Assigned))
    await done(backend, scribe, key, c, answered("between us", is_private=True), "ana")
    assert await store.unanswered([c]) == [Unanswered(c, at, answered=False, taken=False)]
    await done(backend, scribe, key, c, answered("hello"), "ana")
    assert await store.unanswered([c]) == [Unanswered(c, at, answered=True, taken=False)]
    await done(backend, scribe, key, c, Release())
    taken = await done(backend, scribe, key, c, Assign("ben"), "ben")
    at = next(e.at for e in taken.entries if isinstance(e.data, Assigned))
    assert await store.unanswered([c]) == [Unanswered(c, at, answered=False, taken=True)]


async def test_missed_entries_are_those_that_are_no_messages(backend: Backend, scribe: Scribe) -> None:
    store, key = backend.supervision, await thread(backend)
    c = await opened(backend, scribe, key)
    await done(backend, scribe, key, c, Assign("ana"))
    feed = await backend.feeds.read(key.account_id, 0, 100)
    events = [(key.account_id, c, e.position) for e in feed if not isinstance(e.data, Message)]
    assert len(events) > 1
    assert sorted(await store.missed([(key.account_id, 0, 100)], 100)) == events
    assert await store.missed([(key.account_id, events[0][2], events[1][2])], 100) == events[1:2]
    assert await store.missed([(key.account_id, 0, 100)], 1) == events[:1]


async def test_a_young_roster_is_kept_while_all_are_looked_through(backend: Backend) -> None:
    store, account = backend.supervision, await backend.add_account()
    for digest in ("a", "b", "b", "c"):
        await store.keep_roster(account, digest, ["ana"])
    seen: list[tuple[str, str]] = []
    after: tuple[str, str] | None = (account, "")
    while (after := await store.trim_rosters(after, 1)) is not None and after[0] == account:
        seen.append(after)
    assert seen == [(account, digest) for digest in "abc"]


async def test_a_routing_journal_takes_each_position_once_and_from_the_present_epoch(
    backend: Backend,
) -> None:
    store, account = backend.supervision, await backend.add_account()
    stale = (17, await store.register(17, uid()))
    fence = (17, await store.register(17, uid()))
    entries = [
        RoutingEntry(1, 1_000, "restored", Snapshot(Policy())),
        RoutingEntry(2, 2_000, "presence_changed", PresenceChanged("ana", "online")),
    ]
    assert await store.routing_heads([account]) == {}
    await store.write_routing(account, stale, entries)
    assert await store.routing_heads([account]) == {}
    await store.write_routing(account, fence, entries)
    await store.write_routing(account, fence, [*entries, RoutingEntry(3, 3_000, "gone", Gone(uid()))])
    assert await store.routing_heads([account]) == {account: 3}

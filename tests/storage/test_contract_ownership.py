"""Who owns which partition: the rules of register, beat, claim and release, in memory and on Postgres."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from backends import Backend
from samples import listening

from tertulia.core.ids import PARTITIONS
from tertulia.core.ports.journal import StaleEpoch


def incarnation() -> str:
    return str(uuid.uuid4())


async def test_a_host_writes_heartbeats(backend: Backend) -> None:
    one = incarnation()
    with pytest.raises(StaleEpoch):
        await backend.ownership.beat("a", one)
    await backend.ownership.register("a", "node", listening(one))
    (first,) = (await backend.ownership.beat("a", one)).peers
    (second,) = (await backend.ownership.beat("a", one, draining=True)).peers
    assert second.beats == first.beats + 1 and (first.draining, second.draining) == (False, True)
    assert (second.name, second.incarnation, second.owned) == ("a", one, 0)


async def test_partitions_are_claimed_once(backend: Backend) -> None:
    before = await backend.epochs()
    hosts = [incarnation() for _ in range(4)]
    for n, host in enumerate(hosts):
        await backend.ownership.register(f"h{n}", "node", listening(host))
    async with asyncio.timeout(30):
        claims = await asyncio.gather(*(backend.ownership.claim(h, hosts, PARTITIONS) for h in hosts))
    taken = {p: e for claim in claims for p, e in claim.items()}
    assert len(taken) == sum(map(len, claims)) == PARTITIONS
    assert taken == await backend.epochs() and all(taken[p] == before[p] + 1 for p in taken)
    assert await backend.ownership.claim(hosts[0], hosts, PARTITIONS) == {}


async def test_partitions_are_taken_from_dead_hosts_only(backend: Backend) -> None:
    old, new, other = incarnation(), incarnation(), incarnation()
    for name, host in (("old", old), ("new", new), ("other", other)):
        await backend.ownership.register(name, "node", listening(host))
    first = await backend.ownership.claim(old, [old, new, other], 10)
    kept = await backend.ownership.claim(other, [old, new, other], 5)
    assert len(first) == 10 and not set(first) & set(kept)
    robbed = await backend.ownership.claim(new, [new, other], PARTITIONS)
    assert set(first) <= set(robbed) and not set(kept) & set(robbed)
    assert all(robbed[p] == first[p] + 1 for p in first)
    peers = {p.name: p.owned for p in (await backend.ownership.beat("new", new)).peers}
    assert peers == {"old": 0, "new": PARTITIONS - 5, "other": 5}


async def test_a_new_incarnation_frees_what_its_predecessor_had(backend: Backend) -> None:
    first, second = incarnation(), incarnation()
    await backend.ownership.register("a", "node", listening(first))
    had = await backend.ownership.claim(first, [first], 3)
    await backend.ownership.register("a", "node", listening(second))
    with pytest.raises(StaleEpoch):
        await backend.ownership.beat("a", first)
    (peer,) = (await backend.ownership.beat("a", second)).peers
    assert (peer.incarnation, peer.owned) == (second, 0)
    again = await backend.ownership.claim(second, [second], 3)
    assert again == {p: e + 2 for p, e in had.items()}  # freed, then taken: each shuts the former out


async def test_released_partitions_are_free_at_once(backend: Backend) -> None:
    one, two = incarnation(), incarnation()
    await backend.ownership.register("a", "node", listening(one))
    await backend.ownership.register("b", "node", listening(two))
    had = await backend.ownership.claim(one, [one, two], 4)
    given = sorted(had)[:2]
    await backend.ownership.release(two, given)  # not theirs to give
    assert (await backend.epochs())[given[0]] == had[given[0]]
    await backend.ownership.release(one, given)
    await backend.ownership.release(one, given)
    epochs = await backend.epochs()
    assert all(epochs[p] == had[p] + 1 for p in given)
    claimed = await backend.ownership.claim(two, [one, two], PARTITIONS)
    assert set(given) <= set(claimed) and not (set(had) - set(given)) & set(claimed)


async def test_the_map_names_the_owners(backend: Backend) -> None:
    one, two = incarnation(), incarnation()
    await backend.ownership.register("a", "node", listening(one))
    await backend.ownership.register("b", "node", listening(two))
    nothing = await backend.ownership.read_map()
    assert nothing.owners == (None,) * PARTITIONS and nothing.hosts == {}
    mine = await backend.ownership.claim(one, [one, two], 600)
    theirs = await backend.ownership.claim(two, [one, two], 300)
    current = await backend.ownership.read_map()
    assert current.hosts == {"a": listening(one), "b": listening(two)}
    for p, owner in enumerate(current.owners):
        assert owner == ("a" if p in mine else "b" if p in theirs else None)


async def test_moved_partitions_go_from_owner_to_owner(backend: Backend) -> None:
    one, two, gone = incarnation(), incarnation(), incarnation()
    await backend.ownership.register("a", "node", listening(one))
    await backend.ownership.register("b", "node", listening(two))
    had = await backend.ownership.claim(one, [one, two], 4)
    first, second, third, _ = sorted(had)
    await backend.ownership.move(two, [first], one)  # not theirs to give
    await backend.ownership.move(one, [first, second], two)
    assert await backend.ownership.owned_by(two) == {p: had[p] + 1 for p in (first, second)}
    assert await backend.ownership.owned_by(one) == {p: e for p, e in had.items() if p not in (first, second)}
    await backend.ownership.move(one, [third], gone)  # whose incarnation has ended
    assert (await backend.ownership.read_map()).owners[third] is None


async def test_pinned_partitions_are_counted_until_their_host_ends(backend: Backend) -> None:
    one, two = incarnation(), incarnation()
    await backend.ownership.register("a", "node", listening(one))
    await backend.ownership.register("b", "node", listening(two))
    had = await backend.ownership.claim(one, [one, two], 4)
    first, second, third, _ = sorted(had)
    assert await backend.ownership.pin([first], "gone") == 0
    assert await backend.ownership.pin([first, second], "b") == 2
    assert await backend.ownership.pin([second, third], "a") == 2, "the last word counts"
    assert await backend.ownership.pins() == {first: two, second: one, third: one}

    async def elsewhere() -> dict[str, int]:
        return {p.name: p.pinned_elsewhere for p in (await backend.ownership.beat("a", one)).peers}

    assert await elsewhere() == {"a": 1, "b": 0}
    await backend.ownership.beat("b", two, draining=True)
    assert await elsewhere() == {"a": 0, "b": 0} and await backend.ownership.pin([third], "b") == 0
    assert await backend.ownership.pins() == {second: one, third: one}
    await backend.ownership.move(one, [first], two)
    assert (await backend.ownership.read_map()).owners[first] is None, "it leaves, and adopts nothing"
    assert await backend.ownership.unpin() == 3 and await backend.ownership.pins() == {}


async def test_a_host_that_was_robbed_does_not_look_alive(backend: Backend) -> None:
    one, two = incarnation(), incarnation()
    await backend.ownership.register("a", "node", listening(one))
    await backend.ownership.register("b", "node", listening(two))
    had = await backend.ownership.claim(one, [one, two], 4)
    await backend.ownership.beat("a", one, owned=4)
    await backend.ownership.claim(two, [two], len(had))
    before = {p.name: p.beats for p in (await backend.ownership.beat("b", two, owned=4)).peers}
    with pytest.raises(StaleEpoch):
        await backend.ownership.beat("a", one, owned=4)
    after = {p.name: p.beats for p in (await backend.ownership.beat("b", two, owned=4)).peers}
    assert after["a"] == before["a"]

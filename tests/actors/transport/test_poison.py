"""A command that kills hosts is distinguished from commands that were in flight by chance, and set aside; the others succeed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from in_memory.poison import MemoryPoisonList
from rig import Rig, raising
from samples import (
    ACCOUNT,
    CHANNEL,
    THREAD,
    answered,
    conversation_id,
    received,
    to_conversation,
    to_thread,
    uid,
)
from structlog.testing import capture_logs
from test_host_link import SECRET, Side
from test_router import Net
from waiting import until

from tertulia.actors.host.pending_command import PendingCommand
from tertulia.actors.transport import quarantine
from tertulia.actors.transport.framing import HostEndpoint
from tertulia.actors.transport.host_link import DIED_IN_ITS_TURN
from tertulia.actors.transport.router import Router, RouterIntervals
from tertulia.actors.transport.turns import Announce
from tertulia.core.conversation.commands import Close, Done, Envelope, Refused, ThreadKey
from tertulia.core.conversation.poison import same_command, same_message
from tertulia.core.errors import Internal, Invalid
from tertulia.core.ports.journal import NotStored

CONVERSATION = conversation_id()


class Watched(Net):
    """A router over made-up hosts, and the list it shares with others."""

    def __init__(self, poison: MemoryPoisonList) -> None:
        super().__init__()
        self.router = Router(
            self.ownership,
            self._link,  # type: ignore[arg-type]
            deadline=5,
            max_waiting=100,
            on_hosts_changed=self._changed,
            poison=poison,
            intervals=RouterIntervals(refresh=0, poll=0.01),
        )


@pytest.fixture
async def nets() -> AsyncIterator[tuple[Watched, Watched]]:
    """Two gateways."""
    poison = MemoryPoisonList()
    both = Watched(poison), Watched(poison)
    for net in both:
        await net.host("a")
        await net.router.startup()
    loops = [asyncio.create_task(net.router.main_loop()) for net in both]
    yield both
    assert not [loop for loop in loops if loop.done()]
    for loop in loops:
        loop.cancel()
    await asyncio.gather(*loops, return_exceptions=True)


async def condemned(net: Watched, envelope: Envelope) -> None:
    """Two hosts die of it, the second one in its very turn."""
    asking = asyncio.create_task(net.router.ask(envelope))
    link = net.links[0]
    await until(lambda: link.sent)
    link.answer(None)
    await until(lambda: link.sent)
    assert link.sent[0].attempt == 1, "it is looked for, and watched"
    link.answer(DIED_IN_ITS_TURN)
    with pytest.raises(Invalid):
        await asking


async def refused(net: Watched, envelope: Envelope) -> None:
    with pytest.raises(Invalid):
        await net.router.ask(envelope)
    assert not net.links[0].sent and net.router.waiting == 0


async def taken(net: Watched, envelope: Envelope) -> int:
    """Which attempt it is."""
    asking = asyncio.create_task(net.router.ask(envelope))
    await until(lambda: net.links[0].sent)
    sent = net.links[0].answer(Done())
    await asking
    return sent.attempt


async def test_what_ended_two_hosts_is_refused_everywhere(nets: tuple[Watched, Watched]) -> None:
    first, second = nets
    poison = to_conversation(answered("poison", key="k1"), CONVERSATION)
    with capture_logs() as logs:
        await condemned(first, poison)
    (said,) = [entry for entry in logs if entry["event"] == "command_set_aside"]
    assert (said["command"], said["account"], said["type"], said["target"]) == (
        poison.id, ACCOUNT, "Post", CONVERSATION,
    )  # fmt: skip
    assert "poison" not in str(said)
    by_key = to_conversation(answered("poison, once more", key="k1"), CONVERSATION)
    by_content = to_conversation(answered("poison"), CONVERSATION)
    await until(lambda: second.router.quarantine.refuses(poison))
    for net in nets:
        for again in (poison, by_key, by_content):
            await refused(net, again)
    for other in (
        to_conversation(answered("poison"), conversation_id()),
        to_conversation(answered("food", key="k2"), CONVERSATION),
        to_conversation(Close(), CONVERSATION),
        to_conversation(answered("poison", key="k1"), CONVERSATION, account=uid()),
    ):
        assert await taken(first, other) == 0 and await taken(second, other) == 0
    assert first.router.quarantine.set_aside_total == 1


async def test_a_provider_that_repeats_it_is_refused(nets: tuple[Watched, Watched]) -> None:
    await condemned(nets[0], to_thread(received("poison", external_id="wamid.1")))
    moved = ThreadKey(ACCOUNT, CHANNEL, "+2")  # the customer has another number by now
    await refused(nets[0], to_thread(received("poison?", external_id="wamid.1"), moved))
    assert await taken(nets[0], to_thread(received("poison", external_id="wamid.2"), moved)) == 0


async def test_a_second_loss_without_a_turn_condemns_nobody(nets: tuple[Watched, Watched]) -> None:
    """Whoever kills hosts at random interrupts commands that are not to blame."""
    net, envelope = nets[0], to_thread(received("food"))
    asking = asyncio.create_task(net.router.ask(envelope))
    for _ in range(quarantine.MAX_LOSSES - 1):
        await until(lambda: net.links[0].sent)
        net.links[0].answer(None)
    await until(lambda: net.links[0].sent)
    net.links[0].answer(Done())
    assert await asking == Done()
    assert not net.router.quarantine.active, "who survived is not a suspect"


async def test_poison_outside_of_a_turn_is_not_handed_on_for_ever(nets: tuple[Watched, Watched]) -> None:
    net, envelope = nets[0], to_thread(received("slow poison", external_id="m"))
    asking = asyncio.create_task(net.router.ask(envelope))
    for _ in range(quarantine.MAX_LOSSES):
        await until(lambda: net.links[0].sent)
        net.links[0].answer(None)
    with pytest.raises(Internal):  # its last host may have stored it
        await asking
    await refused(net, to_thread(received("slow poison", external_id="m")))


async def test_a_suspects_sender_repeats_it_and_it_is_watched(nets: tuple[Watched, Watched]) -> None:
    """The deadline passed before there was another host; the client asks again, under its key."""
    net = nets[0]
    first = to_conversation(answered("poison", key="k"), CONVERSATION)
    asking = asyncio.create_task(net.router.ask(first))
    await until(lambda: net.links[0].sent)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    net.links[0].answer(None)
    again = to_conversation(answered("poison", key="k"), CONVERSATION)
    assert await taken(net, again) == 1
    assert await taken(net, again) == 0, "a host has survived it"


async def test_suspects_are_bounded_and_forgotten() -> None:
    now = 0.0
    kept = quarantine.Quarantine(None, max_suspects=5, clock=lambda: now)
    envelopes = [to_thread(received(f"{n}", external_id=f"{n}")) for n in range(8)]
    for envelope in envelopes:
        kept.lost(envelope, 1)
    assert [kept.losses(e) for e in envelopes] == [0] * 3 + [1] * 5
    now += quarantine.SUSPECT_FOR + 1
    assert not any(map(kept.losses, envelopes))
    await kept.refresh()
    assert not kept.active


def test_repeats_are_known_whatever_is_in_them() -> None:
    odd = to_thread(received("\ud800 \0", external_id="\udfff"))
    assert same_command(odd) == same_command(to_thread(received("else", external_id="\udfff")))
    assert same_message(odd) == same_message(to_thread(received("\ud800 \0")))
    assert same_message(to_conversation(Close(), CONVERSATION)) == ()
    a, b = (to_conversation(Close(), CONVERSATION) for _ in range(2))
    assert same_command(a) != same_command(b)


# --- the host says whose turn it is


@pytest.mark.parametrize("placement", ["shared", "dedicated"])
async def test_a_host_announces_the_turns_of_suspects(placement: str) -> None:
    rig = Rig(placement)
    said: list[object] = []

    def heard(item: PendingCommand) -> None:
        assert item.envelope.post is not None
        said.append(item.envelope.post.content)

    rig.on_turn = heard
    known = (await rig.done(to_thread(received("first")))).entries[0].conversation_id
    said.clear()
    outcomes = await rig.host.run(
        [
            to_thread(received("fresh")),
            to_thread(received("suspect, loaded"), attempt=1),
            to_conversation(answered("suspect"), known, attempt=2),
            to_thread(received("suspect, not loaded"), ThreadKey(ACCOUNT, CHANNEL, "+9"), attempt=1),
            to_conversation(answered("suspect, nowhere"), conversation_id(), attempt=1),
        ],
        lambda place, begun: said.append((place, begun)),
    )
    assert [type(o) for o in outcomes] == [Done, Done, Done, Done, Refused]
    announced = [one for one in said if isinstance(one, tuple)]
    assert len(announced) == 8 and announced[::2] == [(place, True) for place, _ in announced[::2]]
    assert [(place, True) for place, _ in announced[1::2]] == announced[::2], "one at a time"
    if placement == "shared":
        for place, content in ((1, "suspect, loaded"), (2, "suspect"), (3, "suspect, not loaded")):
            begin = said.index((place, True))
            assert said[begin : begin + 3] == [(place, True), content, (place, False)]
    await rig.quiet()
    await rig.stop()


@pytest.mark.parametrize("placement", ["shared", "dedicated"])
async def test_a_conversation_dropped_while_suspects_wait_is_found_again(placement: str) -> None:
    rig = Rig(placement)
    known = (await rig.done(to_thread(received("first")))).entries[0].conversation_id
    rig.journal.faults = [raising(NotStored("down"))]
    outcomes = await rig.host.run(
        [to_conversation(answered(f"{n}"), known, attempt=1) for n in range(30)], lambda place, begun: None
    )
    codes = {outcome.code for outcome in outcomes if isinstance(outcome, Refused)}
    assert codes == {"storage_unavailable"} and rig.journal.faults == []
    assert any(isinstance(outcome, Done) for outcome in outcomes), "some waited for their turn meanwhile"
    await rig.quiet()
    await rig.stop()


@pytest.mark.parametrize("over", [False, True])
async def test_the_gateway_knows_in_whose_turn_its_host_was_lost(over: bool, tmp_path: Path) -> None:
    side = Side()
    at = side.listener.open_unix(tmp_path / "host-0.1.sock")
    side.way = HostEndpoint(at.address, 0, SECRET)

    async def dies(payload: bytes, announce: Announce) -> bytes:
        announce(0, True)
        announce(0, False)
        announce(1, True)
        if over:
            announce(1, False)
        await asyncio.sleep(0)
        for connection in list(side.listener._peers):
            connection.close()  # as the kernel does for a dead process: what was written arrives
        raise AssertionError("not reached in a dead process")

    side.listener._submit = dies
    sent = [to_thread(received(f"{n}"), THREAD, attempt=1) for n in range(3)]
    link = side.link()
    for envelope in sent:
        link.send(envelope)
    await until(lambda: len(side.settled) == 3)
    blamed = None if over else DIED_IN_ITS_TURN
    assert side.settled == [(sent[0], None), (sent[1], blamed), (sent[2], None)]
    await side.stop()


@pytest.mark.parametrize("how", ["taken over", "deadline"])
async def test_a_host_that_hangs_in_a_turn_is_told_apart_too(how: str, tmp_path: Path) -> None:
    """It does not die by itself: the others take its partitions, and it ends once it wakes."""
    side = Side()
    at = side.listener.open_unix(tmp_path / "host-0.1.sock")
    side.way = HostEndpoint(at.address, 0, SECRET)
    hangs, wakes = asyncio.Event(), asyncio.Event()

    async def hang(payload: bytes, announce: Announce) -> bytes:
        announce(0, True)
        hangs.set()
        await wakes.wait()
        return await side.rig.host.submit(payload)

    side.listener._submit = hang
    sent = [to_thread(received(f"{n}"), THREAD, attempt=1) for n in range(2)]
    link = side.link(deadline=0.05 if how == "deadline" else 5)
    for envelope in sent:
        link.send(envelope)
    await hangs.wait()
    if how == "taken over":
        await until(lambda: any(batch.turn is not None for batch in link._batches.values()))
        link.close()
    await until(lambda: len(side.settled) == 2)
    assert side.settled == [(sent[0], DIED_IN_ITS_TURN), (sent[1], None)]
    wakes.set()
    await side.stop()

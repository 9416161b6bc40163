"""Who may have how many streams, and what they may send and keep waiting."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from samples import ACCOUNT

from tertulia.core.accounts.principal import Principal, Role
from tertulia.core.errors import Conflict, Overloaded, RateLimited, TertuliaError
from tertulia.http.streams.hub import Hub
from tertulia.http.streams.session import CloseCode, Frame, Session
from tertulia.http.streams.stream_limits import StreamCounts, StreamLimits
from tertulia.http.streams.token_bucket import Rate, TokenBuckets
from tertulia.http.streams.topics import MAX_TOPICS
from tertulia.settings import Settings


class Transport:
    """A connection whose reader takes nothing until `taking` is set."""

    kind = "websocket"
    gone = False

    def __init__(self) -> None:
        self.taking = asyncio.Event()
        self.sent: list[bytes] = []
        self.closed: tuple[int, str] | None = None
        self.aborted = False

    async def send(self, frames: list[Frame]) -> None:
        await self.taking.wait()
        if self.aborted:
            raise ConnectionResetError
        self.sent += [f.json for f in frames]

    async def close(self, code: int, reason: str) -> None:
        self.closed = (code, reason)

    def abort(self) -> None:
        self.aborted = True
        self.taking.set()


def principal(user: str = "ana", account: str = ACCOUNT, role: Role = Role.AGENT) -> Principal:
    thread: dict[str, Any] = {}
    if role is Role.CUSTOMER:
        thread = {"channel_id": "web", "contact_identifier": user}
    return Principal(account_id=account, role=role, user_id=user, expires_at=2e9, **thread)


def session(who: Principal | None = None, limit: int = 10**6) -> Session:
    return Session(who or principal(), Transport(), limit)


def taken(counts: StreamCounts, who: Principal, address: str = "10.0.0.1") -> Session:
    made = session(who)
    counts.take(made, address)
    return made


def test_the_settings_of_an_operator() -> None:
    limits = StreamLimits.of(Settings(max_streams=300, max_streams_per_customer=3, rate_frames=7))
    assert (limits.gateway, limits.account, limits.customer, limits.frames) == (300, 150, 3, 7)
    assert StreamLimits.of(Settings(max_streams_per_account=5)).account == 5
    assert StreamLimits.of(Settings(max_streams=1)).account == 1


@pytest.mark.parametrize(("role", "most"), [(Role.AGENT, 4), (Role.SERVICE, 4), (Role.CUSTOMER, 2)], ids=str)
def test_streams_of_one_user_are_bounded(role: Role, most: int) -> None:
    counts = StreamCounts(StreamLimits(user=4, customer=2))
    open = [taken(counts, principal(role=role), f"10.0.0.{n}") for n in range(most)]
    with pytest.raises(RateLimited, match=r"this (user|customer) has") as caught:
        taken(counts, principal(role=role))
    assert caught.value.retry_after
    taken(counts, principal("bea", role=role))
    taken(counts, principal(account="another", role=role))
    counts.give_back(open[0])
    taken(counts, principal(role=role))


def test_streams_of_one_account_and_one_address_are_bounded() -> None:
    counts = StreamCounts(StreamLimits(account=3, address=2))
    for n in range(3):
        taken(counts, principal(f"u{n}"), f"10.0.0.{n}")
    with pytest.raises(RateLimited, match=r"this account has 3 .*TERTULIA_MAX_STREAMS_PER_ACCOUNT"):
        taken(counts, principal("u4"), "10.0.0.9")
    for n in range(2):
        taken(counts, principal(f"v{n}", account="another", role=Role.CUSTOMER), "10.0.0.1")
    with pytest.raises(RateLimited, match=r"this address has 2 .*TERTULIA_MAX_STREAMS_PER_ADDRESS"):
        taken(counts, principal("v2", account="third", role=Role.CUSTOMER), "10.0.0.1")
    taken(counts, principal("bea", account="another"), "10.0.0.1")  # only customers count for their address
    assert counts.refused == {"account": 1, "address": 1}


def test_customers_leave_some_of_an_account_s_streams_to_staff() -> None:
    counts = StreamCounts(StreamLimits(account=20))
    for n in range(18):
        taken(counts, principal(f"v{n}", role=Role.CUSTOMER))
    with pytest.raises(RateLimited, match="this account has"):
        taken(counts, principal("v", role=Role.CUSTOMER))
    taken(counts, principal())


def test_a_gateway_is_full_whoever_asks() -> None:
    counts = StreamCounts(StreamLimits(gateway=1))
    taken(counts, principal())
    with pytest.raises(Overloaded):
        taken(counts, principal("bea", account="another"), "10.0.0.2")


def test_nothing_is_kept_of_streams_that_ended() -> None:
    counts = StreamCounts(StreamLimits())
    for made in [taken(counts, principal(f"u{n}"), f"10.0.{n}.1") for n in range(20)]:
        counts.give_back(made)
    assert len(counts) == 0 and not counts._users and not counts._addresses and not counts._accounts


def test_who_flooded_opens_no_stream_for_a_moment() -> None:
    now = 100.0
    counts = StreamCounts(StreamLimits(frames=10), clock=lambda: now)
    assert counts.spend_frames(principal(), 41) == "user"
    with pytest.raises(RateLimited, match="too many frames"):
        taken(counts, principal())
    taken(counts, principal("bea"))
    now += 1.01
    taken(counts, principal())


def test_frames_are_counted_by_user_and_account() -> None:
    now = 100.0
    counts = StreamCounts(StreamLimits(frames=10), clock=lambda: now)
    assert counts.spend_frames(principal(), 40) is None
    assert counts.spend_frames(principal(), 1) == "user"
    assert counts.frames_left(principal()) < 1
    for n in range(4):
        assert counts.spend_frames(principal(f"c{n}", role=Role.CUSTOMER), 40) is None
    for n in range(4, 8):  # customers behind one address: each has a valid token
        assert counts.spend_frames(principal(f"c{n}", role=Role.CUSTOMER), 40) is None
    for n in range(9):  # agents of one office
        assert counts.spend_frames(principal(f"v{n}"), 39) is None
    assert counts.spend_frames(principal("w"), 10) == "account"
    assert counts.spend_frames(principal("x", role=Role.CUSTOMER), 40) is None
    assert counts.spend_frames(principal(account="another"), 40) is None
    now += 4
    assert counts.spend_frames(principal(), 40) is None


def test_a_bucket_asked_for_too_much_is_empty_but_not_in_debt() -> None:
    now = 100.0
    buckets = TokenBuckets(Rate(10, 20), clock=lambda: now)
    assert not buckets.spend("a", 1_000)
    assert buckets.left("a") == pytest.approx(0)
    now += 0.5
    assert buckets.spend("a", 5) and not buckets.spend("a", 1)
    buckets.charge("b", 30)
    assert buckets.wait("b") == pytest.approx(1) and buckets.wait("c") == 0


def test_buckets_remember_the_newest_keys() -> None:
    buckets = TokenBuckets(Rate(1, 1), max_keys=2, clock=lambda: 0.0)
    for key in ("a", "b", "a", "c"):
        buckets.spend(key, 1)
    assert len(buckets) == 2 and buckets.left("b") == 1 and buckets.left("a") == buckets.left("c") == 0


class Feeds:
    def __init__(self) -> None:
        self.fail = False

    async def attach(self, account_id: str) -> Any:
        await asyncio.sleep(0)
        if self.fail:
            raise TertuliaError("no storage")
        return SimpleNamespace(account_id=account_id, generation="g", position=5, kept_from=1)

    def detach(self, feed: Any) -> None: ...


@pytest.fixture
def hub() -> Hub:
    limits = StreamLimits(user=2, account_queue=1_000)
    made = Hub(SimpleNamespace(), max_streams=9, send_deadline=5, limits=limits)  # type: ignore[arg-type]
    made.feeds = Feeds()  # type: ignore[assignment]
    return made


async def test_streams_that_open_at_once_are_counted_before_they_wait(hub: Hub) -> None:
    answers = await asyncio.gather(*(hub.open(session()) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(a, RateLimited) for a in answers) == 3 and len(hub) == 2


async def test_a_stream_that_could_not_open_gives_its_place_back(hub: Hub) -> None:
    hub.feeds.fail = True  # type: ignore[attr-defined]
    for _ in range(5):
        with pytest.raises(TertuliaError, match="no storage"):
            await hub.open(session())
    hub.feeds.fail = False  # type: ignore[attr-defined]
    await hub.open(session())


async def test_a_session_has_a_bounded_number_of_topics(hub: Hub) -> None:
    made = session()
    await hub.open(made)
    await hub.join(made, [f"conversation:{n}" for n in range(MAX_TOPICS)], None)
    with pytest.raises(Conflict):
        await hub.join(made, ["conversation:more"], None)
    await hub.join(made, ["conversation:1"], None)  # it has that one already
    hub.part(made, ["conversation:1"])
    await hub.join(made, ["conversation:more"], None)
    assert len(made.topics) == MAX_TOPICS


# -- what waits for an account's readers


async def opened(hub: Hub, *users: str) -> list[Session]:
    made = [session(principal(user)) for user in users]
    for one in made:
        await hub.open(one)
    return made


def push(sessions: list[Session], size: int) -> None:
    frame = Frame("x", b"x" * size, None)
    for one in sessions:
        one.push(frame)


async def test_a_frame_that_waits_for_several_counts_once(hub: Hub) -> None:
    sessions = await opened(hub, "a", "b", "c")
    push(sessions, 400)
    assert sessions[0].account.queued == 400
    push(sessions[:1], 100)
    assert sessions[0].account.queued == 500
    for one in sessions:
        hub.leave(one)
    assert sessions[0].account.queued == 0


async def test_the_readers_with_most_waiting_are_closed_when_an_account_has_too_much(hub: Hub) -> None:
    quick, slow, slower = await opened(hub, "a", "b", "c")
    push([slower], 400)
    push([slow], 300)
    push([quick], 50)
    push([slow], 300)
    assert slow.closing is not None and slow.closing[0] == CloseCode.OVERLOADED
    assert quick.closing is slower.closing is None
    assert quick.account.queued == 450


async def test_a_reader_in_the_middle_of_a_send_is_cut_and_what_it_held_is_free(hub: Hub) -> None:
    stuck, other = await opened(hub, "a", "b")
    writing = asyncio.ensure_future(stuck.write_loop(asyncio.get_running_loop()))
    push([stuck], 900)
    await asyncio.sleep(0)
    assert stuck.sending_since
    push([other], 200)
    assert stuck.closing is not None and other.closing is None
    with pytest.raises(ConnectionResetError):
        await writing
    assert stuck.account.queued == 200


async def test_what_was_sent_waits_no_more(hub: Hub) -> None:
    (one,) = await opened(hub, "a")
    one._transport.taking.set()  # type: ignore[attr-defined]
    writing = asyncio.ensure_future(one.write_loop(asyncio.get_running_loop()))
    for _ in range(5):
        push([one], 400)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert one.account.queued == one.queued == 0 and one.closing is None
    one.close(CloseCode.NORMAL, "")
    await writing


async def test_of_pings_that_come_while_nothing_is_read_one_is_answered() -> None:
    one = session()
    answered: list[int] = []

    def pong(number: int) -> Any:
        async def send() -> None:
            answered.append(number)

        return send

    transport: Any = one._transport
    writing = asyncio.ensure_future(one.write_loop(asyncio.get_running_loop()))
    push([one], 10)
    await asyncio.sleep(0)
    for number in range(50):
        one.answer_ping(pong(number))
    transport.taking.set()
    one.close(CloseCode.NORMAL, "")
    await writing
    assert answered == [49] and transport.closed == (CloseCode.NORMAL, "")


async def test_a_close_that_nobody_reads_has_a_deadline_too() -> None:
    one = session()
    transport: Any = one._transport
    closing = asyncio.Event()

    async def close(code: int, reason: str) -> None:
        closing.set()
        await transport.taking.wait()

    transport.close = close
    writing = asyncio.ensure_future(one.write_loop(asyncio.get_running_loop()))
    one.close(CloseCode.POLICY, "")
    await closing.wait()
    assert one.sending_since, "the hub's sweep goes by it"
    transport.abort()
    await writing

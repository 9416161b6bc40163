from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs
from valkey_process import ValkeyServer

from tertulia.core.accounts.principal import Principal, Role
from tertulia.core.errors import RateLimited, StorageUnavailable
from tertulia.core.ports.auth import Lease
from tertulia.http.auth.rate_limits import NEED_LEASE, Limiter, PermitLeases, RequestLimits, address_key
from tertulia.http.streams.stream_limits import StreamCounts, StreamLimits
from tertulia.settings import Settings
from tertulia.storage.valkey.permits import ValkeyPermits


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Bucket:
    """A source that remembers what it was asked, and grants as told."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.left = 10**9
        self.down = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def lease(self, bucket: str, *, rate: float, burst: int, wanted: int) -> Lease:
        self.asked.append(wanted)
        await self.gate.wait()
        if self.down:
            raise StorageUnavailable("gone")
        permits = min(wanted, self.left)
        self.left -= permits
        return Lease(permits, 0.0 if permits else 1 / rate)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def bucket() -> Bucket:
    return Bucket()


def limiter(
    bucket: Bucket, clock: Clock, *, rate: float = 1600, burst: int = 1600, max_keys: int = 100
) -> Limiter:
    return Limiter(
        "user", PermitLeases(bucket, clock=clock), rate=rate, burst=burst, clock=clock, max_keys=max_keys
    )


async def spend_many(limiter: Limiter, key: str, count: int) -> int:
    answers = await asyncio.gather(*(limiter.spend(key) for _ in range(count)), return_exceptions=True)
    assert all(a is None or isinstance(a, RateLimited) for a in answers)
    return sum(a is None for a in answers)


# --- the shared bucket, in a real Valkey --------------------------------------------------------------------------


async def test_a_bucket_gives_its_burst_then_says_when(client: Redis) -> None:
    permits = ValkeyPermits(client)
    first = await permits.lease("user:a", rate=0.5, burst=10, wanted=7)
    second = await permits.lease("user:a", rate=0.5, burst=10, wanted=7)
    third = await permits.lease("user:a", rate=0.5, burst=10, wanted=7)
    assert (first, second) == (Lease(7, 0), Lease(3, 0))
    assert third.permits == 0 and 1.5 < third.wait <= 2
    assert (await permits.lease("user:b", rate=0.5, burst=10, wanted=1)).permits == 1


async def test_a_bucket_refills_at_its_rate(client: Redis) -> None:
    permits = ValkeyPermits(client)
    assert (await permits.lease("k", rate=1000, burst=1000, wanted=1000)).permits == 1000
    await client.hincrby("tertulia:permits:k", "at", -100_000)  # as if a tenth of a second had passed
    again = (await permits.lease("k", rate=1000, burst=1000, wanted=1000)).permits
    assert 100 <= again <= 900
    await client.hincrby("tertulia:permits:k", "at", 3_600_000_000)  # a clock that went back
    assert (await permits.lease("k", rate=1000, burst=1000, wanted=1000)).permits == 0


async def test_gateways_share_a_bucket(client: Redis) -> None:
    limiters = [Limiter("user", PermitLeases(ValkeyPermits(client)), rate=0.01, burst=100) for _ in range(4)]
    granted = await asyncio.gather(*(spend_many(limiter, "k", 60) for limiter in limiters))
    assert sum(granted) == 100


async def test_buckets_expire_when_they_would_be_full(client: Redis) -> None:
    await ValkeyPermits(client).lease("k", rate=10, burst=100, wanted=50)
    assert 5_000 < await client.pttl("tertulia:permits:k") <= 6_001


# --- spending -----------------------------------------------------------------------------------------------------


async def test_permits_are_spent_without_a_lease_each(bucket: Bucket, clock: Clock) -> None:
    limits = limiter(bucket, clock)
    assert limits.try_spend("k") is NEED_LEASE
    await limits.spend("k")
    spent = 1
    while limits.try_spend("k"):
        spent += 1
    assert limits.try_spend("k") is NEED_LEASE
    assert bucket.asked == [spent]


async def test_a_busy_keys_chunks_grow_and_a_quiet_ones_shrink(bucket: Bucket, clock: Clock) -> None:
    limits = limiter(bucket, clock)
    for _ in range(1000):
        if limits.try_spend("k") is NEED_LEASE:
            await limits.spend("k")
    assert bucket.asked[:4] == [10, 20, 40, 80] and set(bucket.asked[4:]) == {80}
    bucket.asked.clear()
    for _ in range(5):
        clock.now += 1.5
        await limits.spend("k")
    assert bucket.asked == [40, 20, 10, 10, 10]


async def test_who_waits_shares_one_lease_that_is_large_enough(bucket: Bucket, clock: Clock) -> None:
    assert await spend_many(limiter(bucket, clock), "k", 300) == 300
    assert bucket.asked == [300]


async def test_refusals_cost_no_lease_and_say_when(bucket: Bucket, clock: Clock) -> None:
    limits = limiter(bucket, clock, rate=2, burst=2)
    bucket.left = 2
    assert await spend_many(limits, "k", 50) == 2
    with pytest.raises(RateLimited) as refusal:
        await limits.spend("k")
    assert 0 < (refusal.value.retry_after or 0) <= 0.5
    asked = len(bucket.asked)
    assert limits.try_spend("k") is False
    with pytest.raises(RateLimited):
        await limits.spend("k")
    assert len(bucket.asked) == asked
    clock.now += 0.5
    bucket.left = 1
    await limits.spend("k")


async def test_a_cancelled_request_leaves_the_lease_to_the_others(bucket: Bucket, clock: Clock) -> None:
    limits = limiter(bucket, clock)
    bucket.gate.clear()
    waiting = [asyncio.create_task(limits.spend("k")) for _ in range(3)]
    while not bucket.asked:
        await asyncio.sleep(0)
    waiting[0].cancel()
    bucket.gate.set()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError) and answers[1:] == [None, None]
    assert len(bucket.asked) == 1


async def test_a_new_keys_first_permit_needs_no_lease_and_is_charged_with_the_next(
    bucket: Bucket, clock: Clock
) -> None:
    limits = Limiter(
        "user", PermitLeases(bucket, clock=clock), rate=160, burst=160, clock=clock, advance=True
    )
    assert limits.has("k") and limits.try_spend("k") and not bucket.asked
    assert not limits.has("k") and limits.try_spend("k") is NEED_LEASE
    bucket.left = 100
    assert await spend_many(limits, "k", 50) == 50
    assert bucket.asked == [51] and bucket.left == 49
    clock.now += 2
    await limits.spend("k")
    assert bucket.asked == [51, 1]  # the debt is paid


async def test_a_debt_that_the_bucket_cannot_pay_remains(bucket: Bucket, clock: Clock) -> None:
    limits = Limiter(
        "user", PermitLeases(bucket, clock=clock), rate=160, burst=160, clock=clock, advance=True
    )
    assert limits.try_spend("k")
    bucket.left = 0
    assert await spend_many(limits, "k", 3) == 0
    clock.now += 1
    bucket.left = 3
    assert await spend_many(limits, "k", 3) == 2


async def test_a_low_limit_gives_nothing_in_advance(bucket: Bucket, clock: Clock) -> None:
    limits = Limiter("user", PermitLeases(bucket, clock=clock), rate=20, burst=20, clock=clock, advance=True)
    assert not limits.has("k") and limits.try_spend("k") is NEED_LEASE


async def test_memory_is_bounded_and_the_busy_stay(bucket: Bucket, clock: Clock) -> None:
    limits = limiter(bucket, clock, max_keys=10)
    for n in range(100):
        await limits.spend(f"k{n}")
        await limits.spend("busy")
    assert len(limits) == 10
    assert limits.try_spend("busy") and limits.try_spend("k0") is NEED_LEASE


# --- without Valkey -----------------------------------------------------------------------------------------------


async def test_without_the_source_each_gateway_limits_by_itself(bucket: Bucket, clock: Clock) -> None:
    limits = limiter(bucket, clock, rate=10, burst=20)
    bucket.down = True
    with capture_logs() as logs:
        assert await spend_many(limits, "k", 100) == 20
        assert await spend_many(limits, "other", 100) == 20
        clock.now += 0.5
        assert await spend_many(limits, "k", 100) == 5
        assert len(bucket.asked) == 1  # asked again only after a while
        clock.now += 1
        assert await spend_many(limits, "k", 100) == 10
        assert len(bucket.asked) == 2
        bucket.down = False
        clock.now += 2
        assert await spend_many(limits, "k", 10) == 10
    assert [line["event"] for line in logs] == ["rate_limits_degraded", "rate_limits_shared_again"]


async def test_a_source_that_hangs_is_one_that_is_down(bucket: Bucket, clock: Clock) -> None:
    limits = limiter(bucket, clock, rate=10, burst=20)
    bucket.gate.clear()
    assert await spend_many(limits, "k", 30) == 20


async def test_a_real_valkey_goes_and_comes_back(
    valkey_server: ValkeyServer, client: Redis, clock: Clock
) -> None:
    leases = PermitLeases(ValkeyPermits(client), clock=clock)
    limits = Limiter("user", leases, rate=0.01, burst=5, clock=clock)
    assert await spend_many(limits, "k", 10) == 5
    valkey_server.stop()
    assert await spend_many(limits, "l", 10) == 5
    await valkey_server.start()
    clock.now += 2
    assert await spend_many(limits, "m", 10) == 5


# --- who is counted for what ----------------------------------------------------------------------------------------


def principal(role: Role, user_id: str = "u", account: int = 1) -> Principal:
    return Principal(account_id=UUID(int=account), role=role, user_id=user_id, expires_at=0)


async def admitted(limits: RequestLimits, who: Principal, count: int) -> int:
    answers = await asyncio.gather(*(limits.admit(who) for _ in range(count)), return_exceptions=True)
    return sum(a is None for a in answers)


async def test_users_and_accounts_are_counted_services_by_the_account_alone(client: Redis) -> None:
    settings = Settings(rate_account=30, rate_user=10, rate_address=1, rate_address_burst=5)
    limits = RequestLimits(settings, ValkeyPermits(client), clock=lambda: 0.0)
    assert await admitted(limits, principal(Role.AGENT), 40) == 10
    assert await admitted(limits, principal(Role.AGENT, account=2), 40) == 10  # a namesake elsewhere
    assert await admitted(limits, principal(Role.SERVICE, "svc"), 40) in range(20, 22)
    with pytest.raises(RateLimited, match="TERTULIA_RATE_ACCOUNT"):
        await limits.admit_account(UUID(int=1))
    for _ in range(5):
        await limits.admit_address("192.0.2.1")
    with pytest.raises(RateLimited, match="TERTULIA_RATE_ADDRESS_BURST"):
        await limits.admit_address("192.0.2.1")
    await limits.admit_address("192.0.2.2")


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:1", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("no:address", "unknown"),
        (None, "unknown"),
    ],
)
def test_what_counts_as_one_address(address: str | None, key: str) -> None:
    assert address_key(address) == key


async def test_each_limit_can_be_off(client: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ACCOUNT", "USER", "ADDRESS", "FRAMES"):
        monkeypatch.setenv(f"TERTULIA_RATE_{name}", "off")
    settings = Settings(rate_address_burst=1)  # pyright: ignore[reportCallIssue]
    limits = RequestLimits(settings, ValkeyPermits(client), clock=lambda: 0.0)
    assert await admitted(limits, principal(Role.AGENT), 500) == 500
    assert limits.at_hand(principal(Role.AGENT))
    for _ in range(500):
        await limits.admit_address("192.0.2.1")
        await limits.admit_preflight("192.0.2.1")
    assert await client.keys("*") == []
    counts = StreamCounts(StreamLimits.of(settings))
    assert counts.spend_frames(principal(Role.AGENT), 1_000_000) is None

"""The rules of sending: repeated tries, circuit breaker and token bucket, as pure state machines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.core.channels.delivery_policy import (
    MAX_RETRY_AFTER,
    Breaker,
    BreakerLimits,
    Bucket,
    Failure,
    RetryPolicy,
    Tries,
    shard_of,
)

POLICY = RetryPolicy()
LIMITS = BreakerLimits()
DOWN = Failure("http_500", "down", retry=True, provider=True)
BUSY = Failure("busy", "not now", retry=True)
jitters = st.floats(0, 1, exclude_max=True)


def test_every_channel_has_one_shard() -> None:
    channels = [f"00000000-0000-0000-0000-{n:012}" for n in range(1000)]
    for shards in (1, 2, 7):
        found = [shard_of(c, shards) for c in channels]
        assert found == [shard_of(c, shards) for c in channels]
        assert all(found.count(s) > 500 / shards for s in range(shards))


# -- tries


@given(st.integers(1, 1000), jitters, st.none() | st.floats(0, 1e9))
def test_a_delay_is_within_its_bounds(attempts: int, jitter: float, retry_after: float | None) -> None:
    delay = POLICY.delay(attempts, jitter, retry_after)
    assert 0.5 <= delay <= max(POLICY.longest_backoff, MAX_RETRY_AFTER)
    assert delay >= min(retry_after or 0, MAX_RETRY_AFTER)
    assert POLICY.delay(attempts + 1, jitter) >= POLICY.delay(attempts, jitter)


def test_the_delays_grow() -> None:
    assert [POLICY.delay(n, 1.0) for n in range(1, 8)] == [1, 4, 16, 64, 256, 300, 300]
    assert POLICY.delay(1, 0.0) == 0.5 and POLICY.delay(1, 0.0, 30) == 30


@given(st.integers(1, 50), st.integers(0, 3), st.floats(0, 1e5), jitters)
def test_when_a_message_fails_for_good(attempts: int, lost: int, age: float, jitter: float) -> None:
    tries = Tries(attempts, lost, age)
    assert POLICY.next_try(Failure("bad", "no such number"), tries, jitter) is None
    assert (POLICY.next_try(BUSY, tries, jitter) is None) == (attempts >= POLICY.attempts)
    assert (POLICY.next_try(DOWN, tries, jitter) is None) == (
        attempts >= POLICY.attempts and age >= POLICY.give_up_after
    )


@pytest.mark.parametrize(("lost", "again"), [(0, True), (1, False), (2, False)])
def test_an_answer_may_be_lost_once(lost: int, again: bool) -> None:
    failure = Failure("no_answer", "…", retry=True, provider=True, unknown=True)
    assert (POLICY.next_try(failure, Tries(1 + lost, lost, 0), 0.5) is not None) == again
    assert failure.error == {"code": "outcome_unknown", "detail": "…"}


# -- the circuit breaker


def broken(now: float = 0.0) -> Breaker:
    breaker = Breaker()
    for _ in range(LIMITS.failures):
        breaker = breaker.began().failed(now)
    return breaker


def test_it_opens_after_failures_in_a_row() -> None:
    breaker = Breaker()
    for _ in range(LIMITS.failures - 1):
        breaker = breaker.failed(0)
    assert breaker.closed and breaker.room(0) == (None, 0)
    assert breaker.answered().failed(0).closed, "an answer between them"
    assert not breaker.failed(0).closed and breaker.failed(0).room(1) == (0, LIMITS.rest - 1)


def test_one_message_probes() -> None:
    breaker = broken()
    assert breaker.room(LIMITS.rest) == (1, 0)
    probing = breaker.began()
    assert probing.room(LIMITS.rest)[0] == 0
    assert probing.answered() == Breaker()
    again = probing.failed(LIMITS.rest)
    assert again.room(LIMITS.rest)[0] == 0 and again.room(LIMITS.rest * 3)[0] == 1, "it rests twice as long"
    assert probing.spared().room(LIMITS.rest) == (1, 0), "another one probes"


def test_sends_that_began_before_do_not_lengthen_its_rest() -> None:
    assert broken().failed(1).failed(2).room(LIMITS.rest) == (1, 0)


steps = st.lists(
    st.tuples(st.sampled_from(["began", "answered", "failed", "spared"]), st.floats(0, 100)), max_size=60
)


@given(steps)
def test_it_never_stays_shut_and_lets_one_probe_at_a_time(script: list[tuple[str, float]]) -> None:
    breaker, now, probes = Breaker(), 0.0, 0
    for what, seconds in script:
        now += seconds
        room, wait = breaker.room(now)
        assert 0 <= wait <= LIMITS.longest_rest
        if what == "began" and room != 0:
            probes += not breaker.closed
            breaker = breaker.began()
        elif what in ("failed",):
            breaker = breaker.failed(now)
        elif what != "began":
            breaker = getattr(breaker, what)()
        if breaker.closed or not breaker.probing:
            probes = 0
        assert probes <= 1
    if not breaker.probing:
        assert breaker.room(now + LIMITS.longest_rest)[0] in (None, 1)


# -- the token bucket


@given(st.floats(0.1, 1000), st.lists(st.floats(0, 3), max_size=100))
def test_no_more_leaves_than_the_rate_allows(rate: float, pauses: list[float]) -> None:
    bucket, now, taken = Bucket.full(rate, 0.0), 0.0, 0
    for pause in pauses:
        now += pause
        room, wait = bucket.room(now)
        assert (room == 0) == (wait > 0)
        bucket = bucket.took(now, room)
        taken += room
        assert taken <= max(1.0, rate) + now * rate + 1e-6


def test_what_waits_for_a_token_gets_it() -> None:
    bucket = Bucket.full(2.0, 0.0).took(0.0, 2)
    room, wait = bucket.room(0.0)
    assert (room, wait) == (0, 0.5) and bucket.room(wait)[0] == 1
    assert bucket.took(0.0, 2).room(0.5) == (0, 1.0), "what left without a token is made up for"


def test_a_pause_is_kept_and_never_shortened() -> None:
    bucket = Bucket.full(10, 0).paused(0, 30).paused(1, 5)
    assert bucket.room(10) == (0, 20) and bucket.room(30)[0] > 0
    assert bucket.at_rate(5).room(10) == (0, 20) and bucket.at_rate(5).rate == 5

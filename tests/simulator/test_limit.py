"""The search for the knee finds it, says how sure it is, and ends."""

from __future__ import annotations

import math
import random

import pytest

from tertulia.simulator.run.limit import MOST_TRIALS, Knee, Trial, knee, search


async def found(at: float, sharp: float, seed: int, start: float) -> Knee:
    rng = random.Random(seed)

    async def trial(rate: float) -> Trial:
        return Trial(rate, rng.random() < 1 / (1 + math.exp(min(500.0, sharp * math.log(rate / at)))))

    return await search(trial, start)


@pytest.mark.parametrize("start", [1.0, 70.0, 5000.0])
async def test_a_sharp_knee_is_found_from_anywhere(start: float) -> None:
    result = await found(100, 500, 1, start)
    assert result.low <= 100 <= result.high and len(result.trials) <= MOST_TRIALS
    assert "90 % confidence" in result.sentence


async def test_the_interval_holds_a_blurred_knee_nine_times_in_ten() -> None:
    results = [await found(100, 12, seed, 20) for seed in range(15)]
    assert sum(r.low <= 100 <= r.high for r in results) >= 12


async def test_a_limit_that_is_never_reached_is_said() -> None:
    async def always(rate: float) -> Trial:
        return Trial(rate, True)

    async def never(rate: float) -> Trial:
        return Trial(rate, False)

    assert "still hold" in (await search(always, 1)).sentence
    assert "fail even at" in (await search(never, 1)).sentence


async def test_a_generator_that_is_the_bottleneck_is_not_driven_faster() -> None:
    async def easy(rate: float) -> Trial:
        return Trial(rate, True, limited=rate >= 8)

    found = await search(easy, 1)
    assert [t.rate for t in found.trials] == [1, 2, 4, 8]
    assert "still hold at 8" in found.sentence and "--processes" in found.sentence

    async def hard(rate: float) -> Trial:
        return Trial(rate, rate < 30, limited=rate >= 30)

    found = await search(hard, 1)
    assert found.low <= 30 <= found.high and "may be higher" in found.sentence


def test_more_trials_make_it_surer() -> None:
    few = knee([Trial(50, True), Trial(200, False)])
    many = knee(
        [
            Trial(50, True),
            Trial(90, True),
            Trial(95, True),
            Trial(110, False),
            Trial(105, False),
            Trial(200, False),
        ]
    )
    assert many.high / many.low < few.high / few.low

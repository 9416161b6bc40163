"""The estimate of Kaplan and Meier, by a published example and by what it must hold."""

from __future__ import annotations

import numpy as np
import pytest

from tertulia.planning.survival import Survival

REMISSION = [6, 6, 6, 7, 10, 13, 16, 22, 23]
CENSORED = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
"""Weeks of remission under 6-mercaptopurine: Freireich et al., Blood 21 (1963)."""


def remission() -> Survival:
    seen = [*REMISSION, *CENSORED]
    return Survival.estimated(seen, [True] * len(REMISSION) + [False] * len(CENSORED))


@pytest.mark.parametrize(
    ("week", "share"),
    [(5, 1), (6, 0.8571), (7, 0.8067), (10, 0.7529), (13, 0.6902), (16, 0.6275), (22, 0.5378), (23, 0.4482)],
)
def test_a_published_example(week: int, share: float) -> None:
    assert remission().at(week) == pytest.approx(share, abs=5e-5)


def test_quantiles_invert_it_and_go_on_at_the_mean_rate() -> None:
    found = remission()
    assert found.quantiles(np.array([0.0, 0.1, 0.2, 0.4, 0.55])).tolist() == [6, 6, 10, 22, 23]
    beyond = found.quantiles(np.array([0.6, 0.9]))
    rate = len(REMISSION) / (sum(REMISSION) + sum(CENSORED))
    assert beyond == pytest.approx(23 - np.log(np.array([0.4, 0.1]) / found.survivors[-1]) / rate)


def test_without_censoring_it_is_the_sample() -> None:
    found = Survival.estimated([3, 1, 2, 2], [True] * 4)
    assert [found.at(t) for t in (0.5, 1, 2, 3)] == pytest.approx([1, 0.75, 0.25, 0])
    assert found.quantiles(np.array([0.1, 0.5, 0.9])).tolist() == [1, 2, 3]


def test_nobody_ends() -> None:
    assert np.isinf(Survival.estimated([5, 6], [False, False]).quantiles(np.array([0.5]))).all()
    assert np.isinf(Survival.estimated([], []).quantiles(np.array([0.5]))).all()


def test_censoring_does_not_bias_the_estimate_of_exponential_patience() -> None:
    rng = np.random.default_rng(1)
    patience, wait = rng.exponential(10, 20_000), rng.exponential(5, 20_000)
    found = Survival.estimated(np.minimum(patience, wait).tolist(), (patience < wait).tolist())
    for t in (2, 5, 10, 20):
        assert found.at(t) == pytest.approx(np.exp(-t / 10), abs=0.03)
    assert np.mean(found.quantiles(rng.random(20_000))) == pytest.approx(10, rel=0.1)

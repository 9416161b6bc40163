"""The growth check itself: linear functions pass, others fail."""

from __future__ import annotations

import re

import pytest
from growth import assert_linear


def test_a_linear_function_passes() -> None:
    assert_linear(str.split, lambda n: "a " * n, 50_000, memory=200)


def test_a_quadratic_function_fails() -> None:
    with pytest.raises(AssertionError, match="grows faster"):
        assert_linear(lambda text: re.search(r"\s+$", text), lambda n: " " * n + "x", 1_500)


def test_memory_out_of_proportion_fails() -> None:
    with pytest.raises(AssertionError, match="bytes for an input"):
        assert_linear(lambda text: [text + str(n) for n in range(300)], lambda n: "a" * n, 5_000)

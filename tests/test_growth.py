"""The growth check itself: linear functions pass, others fail."""

from __future__ import annotations

import re

import pytest
from growth import assert_all_linear, assert_linear


def test_a_linear_function_passes() -> None:
    assert_linear(str.split, lambda n: "a " * n, 50_000, memory=200)


def test_a_quadratic_function_fails() -> None:
    with pytest.raises(AssertionError, match="grows faster"):
        assert_linear(lambda text: re.search(r"\s+$", text), lambda n: " " * n + "x", 1_000)


def test_memory_out_of_proportion_fails() -> None:
    with pytest.raises(AssertionError, match="bytes for an input"):
        assert_linear(lambda text: [text + str(n) for n in range(300)], lambda n: "a" * n, 2_000)


def test_a_list_of_single_characters_fails_however_fast_it_is_made() -> None:
    with pytest.raises(AssertionError, match=r"ideographs: \d+ bytes for an input of 2000"):
        assert_all_linear(list, {"ideographs": lambda n: "\u4e2d" * n}, 8_000, memory=64)


def test_a_copy_of_each_of_many_inputs_passes() -> None:
    assert_all_linear(str.upper, {"ideographs": lambda n: "\u4e2d" * n, "letters": lambda n: "a" * n}, 8_000)


def test_a_quadratic_function_fails_among_many_inputs() -> None:
    with pytest.raises(AssertionError, match=r"^blanks: grows faster"):
        assert_all_linear(
            lambda text: re.search(r"\s+$", text),
            {"letters": lambda n: "a" * n, "blanks": lambda n: " " * n + "x"},
            1_000,
        )

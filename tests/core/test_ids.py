"""Ids: their layout, their order, and the partition they carry."""

from __future__ import annotations

import subprocess
import sys
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.core.ids import (
    PARTITIONS,
    first_id_of,
    is_uuid,
    new_conversation_id,
    new_id,
    partition_of_conversation,
    partition_of_thread,
)

times = st.integers(0, 2**48 - 1)
randomness = st.integers(0, 2**80 - 1)


@given(times, randomness)
def test_an_id_is_a_uuid_of_version_7(now: int, random: int) -> None:
    text = new_id(now, random)
    value = UUID(text)
    assert is_uuid(text) and str(value) == text
    assert value.version == 7 and value.variant == "specified in RFC 4122"
    assert value.int >> 80 == now


@given(times, randomness, randomness, st.integers(0, PARTITIONS - 1))
def test_an_id_finds_its_partition(now: int, first: int, second: int, partition: int) -> None:
    text = new_conversation_id(now, first, partition)
    assert UUID(text).version == 7 and partition_of_conversation(text) == partition
    if now:
        assert new_conversation_id(now - 1, second, partition) < text
    assert first_id_of(now) <= text < first_id_of(now + 1) or now == 2**48 - 1


@given(times, st.integers(0, 2**74 - 1), st.integers(0, 2**74 - 1))
def test_randomness_is_not_lost(now: int, first: int, second: int) -> None:
    assert (new_id(now, first) == new_id(now, second)) == (first == second)


@given(st.text(), st.text(), st.text(), st.text())
def test_a_thread_has_a_partition(account: str, channel: str, identifier: str, topic: str) -> None:
    try:
        "".join((account, channel, identifier, topic)).encode()
    except UnicodeEncodeError:
        return
    assert 0 <= partition_of_thread(account, channel, identifier, topic) < PARTITIONS


def test_the_partition_of_a_thread_never_changes() -> None:
    # fixed for good: conversations are found by it, in every process and release
    assert [partition_of_thread("a", "c", str(n)) for n in range(4)] == [312, 588, 95, 347]
    program = "from tertulia.core.ids import partition_of_thread as p; print(p('a', 'c', '0'))"
    for seed in ("1", "2"):
        found = subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert int(found.stdout) == 312


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0" * 32,
        "0" * 36,
        "00000000-0000-0000-0000-00000000000A",
        " 00000000-0000-0000-0000-000000000000",
        "00000000-0000-0000-0000-000000000000\n",
        "{00000000-0000-0000-0000-000000000000}",
    ],
)
def test_what_is_no_canonical_uuid(text: str) -> None:
    assert not is_uuid(text)

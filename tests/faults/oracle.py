"""The oracle: every operation carries a unique token, and acknowledged tokens are compared with stored ones.

`History` logs the responses to clients; `judge` compares it with the database and with what each reader saw. It is pure, and
tested by itself on doctored histories.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

Numbered = Mapping[str, Sequence[tuple[int, str]]]
"""Conversation → (seq, token) of each entry, in the order found."""


@dataclass
class History:
    """The responses to clients. A token is invoked, and then ok, failed, or neither: unknown."""

    invoked: dict[str, str] = field(default_factory=dict)
    ok: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    acks: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    _tokens: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def invoke(self, conversation: str) -> str:
        token = f"op-{next(self._tokens)}"
        self.invoked[token] = conversation
        return token

    def succeed(self, token: str, seq: int, at: float) -> None:
        self.ok[token] = seq
        self.acks[self.invoked[token]].append(at)

    def fail(self, token: str, why: str) -> None:
        """Definitely refused, so it must not be stored."""
        self.failed[token] = why

    def longest_gap(self, begin: float, end: float) -> float:
        """Seconds between two moments in which some conversation had no acknowledgement; an outage that lasts to the
        end counts."""
        longest = 0.0
        for acks in self.acks.values():
            times = [begin, *sorted(t for t in acks if begin <= t <= end), end]
            longest = max(longest, *(b - a for a, b in itertools.pairwise(times)))
        return longest


@dataclass
class Verdict:
    """The violations by kind; empty if there are none."""

    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    misnumbered: list[str] = field(default_factory=list)
    misseen: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not (self.lost or self.duplicated or self.unexpected or self.misnumbered or self.misseen)

    def __str__(self) -> str:
        kinds = ((name, faults) for name, faults in vars(self).items() if faults)
        return "; ".join(f"{len(f)} {name}: {f[:5]}" for name, f in kinds) or "nothing wrong"


def judge(history: History, stored: Numbered, seen: Mapping[str, Numbered] | None = None) -> Verdict:
    """Count lost, duplicated and unexpected operations; check numbering, and that every reader saw exactly what is stored.

    `stored` holds every message of the conversations concerned; `seen`, by reader, what came over its streams.
    """
    verdict = Verdict()
    places: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for conversation, entries in stored.items():
        for seq, token in entries:
            places[token].append((conversation, seq))
        numbers = [seq for seq, _ in entries]
        if numbers != list(range(1, len(numbers) + 1)):
            verdict.misnumbered.append(f"{conversation}: {_first_fault(numbers)}")
    for token, conversation in history.invoked.items():
        found = places.get(token, [])
        if len(found) > 1:
            verdict.duplicated.append(f"{token} at {found}")
        if token in history.ok:
            if not found:
                verdict.lost.append(token)
            elif (conversation, history.ok[token]) not in found:
                verdict.misnumbered.append(
                    f"{token} was acknowledged as {history.ok[token]}, stands at {found}"
                )
        elif token in history.failed and found:
            verdict.unexpected.append(f"{token} was refused ({history.failed[token]}), stands at {found}")
    verdict.unexpected += [f"{token} was never asked for" for token in places if token not in history.invoked]
    for reader, view in (seen or {}).items():
        verdict.misseen += [f"{reader}: {fault}" for fault in _compare(stored, view)]
    return verdict


def _compare(stored: Numbered, view: Numbered) -> Iterable[str]:
    for conversation, entries in stored.items():
        got = list(view.get(conversation, ()))
        if got == list(entries):
            continue
        missing = set(entries) - set(got)
        twice = [e for e, n in Counter(got).items() if n > 1]
        strange = set(got) - set(entries)
        yield (
            f"{conversation}: {len(got)} of {len(entries)}, missing {sorted(missing)[:3]}, twice {twice[:3]},"
            f" strange {sorted(strange)[:3]}" + ("" if missing or twice or strange else ", out of order")
        )


def _first_fault(numbers: Sequence[int]) -> str:
    at = next((i for i, n in enumerate(numbers) if n != i + 1), len(numbers))
    return f"entry {at + 1} is numbered {numbers[at] if at < len(numbers) else None}"

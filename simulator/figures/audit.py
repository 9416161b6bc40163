"""The audit: every acknowledged message reaches every reader exactly once, in order, and nobody else.

Messages carry a marker that names run, customer and number. A reader is one place where messages arrive: the account's feed,
the customer's own stream, the agent's stream, the provider. A customer's record is checked and dropped soon after the conversation has ended, so
memory depends on the open conversations, not on all there were.
"""

from __future__ import annotations

import re
import time
from collections import Counter, OrderedDict
from collections.abc import Callable

import msgspec

SETTLE = 15.0
"""Seconds after a conversation's end in which its messages may still arrive."""
MAX_FINISHED = 5_000
"""Finished customers that are still checked for late duplicates; the oldest are forgotten."""
MAX_EXAMPLES = 20
_MARKER = re.compile(
    r"\[(?P<run>[a-z0-9]{4,12})-(?P<number>\d{1,9})-(?P<side>[ca])(?P<part>\d{1,9})\]", re.ASCII
)

Clock = Callable[[], float]


def marker(run: str, number: int, side: str, part: int) -> str:
    """The mark at the end of a message's text. `side`: c, the customer's; a, an agent's."""
    return f"[{run}-{number}-{side}{part}]"


class Mark(msgspec.Struct, frozen=True):
    run: str
    number: int
    side: str
    part: int


def marked(text: str) -> Mark | None:
    """The marker in a message's text, if it has one."""
    found = _MARKER.search(text)
    return found and Mark(found["run"], int(found["number"]), found["side"], int(found["part"]))


class _Reader(msgspec.Struct):
    """A customer's messages as one reader has seen them. Messages acknowledged from `since` to `until` must be among it."""

    since: float
    sides: str = "ca"
    until: float = float("inf")
    last_seq: dict[str, int] = {}
    last: dict[str, int] = {}
    seen: set[tuple[str, int]] = set()


class _Record(msgspec.Struct):
    acked: dict[tuple[str, int], float] = {}
    readers: dict[str, _Reader] = {}


class Audit:
    """`faults` counts `lost`, `duplicated`, `reordered`, `leaked`; `examples` says where. `checked`: pairs of message and reader."""

    def __init__(self, run: str, clock: Clock = time.monotonic) -> None:
        self.run = run
        self.clock = clock
        self.faults: Counter[str] = Counter()
        self.examples: list[str] = []
        self.checked = 0
        self._records: dict[int, _Record] = {}
        self._finished: OrderedDict[int, dict[str, set[tuple[str, int]]]] = OrderedDict()
        self._ending: OrderedDict[int, float] = OrderedDict()

    def __len__(self) -> int:
        """Customers under way."""
        return len(self._records)

    def _fault(self, kind: str, what: str) -> None:
        self.faults[kind] += 1
        if len(self.examples) < MAX_EXAMPLES:
            self.examples.append(f"{kind}: {what}")

    # -- what is expected

    def attach(self, number: int, reader: str, sides: str = "ca") -> None:
        """From now on this reader must see the customer's messages and agents': those of `sides`."""
        record = self._records.setdefault(number, _Record())
        if (known := record.readers.get(reader)) is not None:
            known.since, known.until = min(known.since, self.clock()), float("inf")
        else:
            record.readers[reader] = _Reader(self.clock(), sides)

    def detach(self, number: int, reader: str) -> None:
        """Messages acknowledged from now on need not reach this reader."""
        if (record := self._records.get(number)) and reader in record.readers:
            record.readers[reader].until = self.clock()

    def acked(self, number: int, side: str, part: int) -> None:
        """The server has acknowledged a message."""
        if (record := self._records.get(number)) is not None:
            record.acked.setdefault((side, part), self.clock())

    # -- what is seen

    def seen(self, reader: str, owner: int, conversation: str, seq: int | None, text: str) -> Mark | None:
        """A message that a reader got in the conversation of customer `owner`. Returns its marker unless it is a fault."""
        mark = marked(text)
        if mark is None:
            return None
        where = f"{reader} of customer {owner}: {text[-60:]!r}"
        if mark.run != self.run or mark.number != owner:
            self._fault("leaked", where)
            return None
        key = (mark.side, mark.part)
        record = self._records.get(owner)
        if record is None:
            if key in self._finished.get(owner, {}).get(reader, ()):
                self._fault("duplicated", where)
                return None
            return mark
        state = record.readers.setdefault(reader, _Reader(float("inf")))
        if key in state.seen:
            self._fault("duplicated", where)
            return None
        state.seen.add(key)
        if (seq is not None and seq <= state.last_seq.get(conversation, -1)) or mark.part < state.last.get(
            mark.side, 0
        ):
            self._fault("reordered", where)
            return None
        if seq is not None:
            state.last_seq[conversation] = seq
        state.last[mark.side] = mark.part
        return mark

    # -- checking

    def end(self, number: int) -> None:
        """The customer is done: check it after SETTLE."""
        if number in self._records:
            self._ending[number] = self.clock() + SETTLE

    def sweep(self, *, all: bool = False) -> None:
        """Check the customers whose time has come. `all`: everybody, now."""
        now = self.clock()
        while self._ending:
            number, due = next(iter(self._ending.items()))
            if due > now and not all and not self._complete(number):
                return
            del self._ending[number]
            self._check(number)
        if all:
            for number in list(self._records):
                self._check(number)

    def leak(self, what: str) -> None:
        """Something reached a reader that it must not see."""
        self._fault("leaked", what)

    def missing(self, number: int) -> bool:
        """Whether something acknowledged of this customer has not been seen everywhere yet."""
        return (record := self._records.get(number)) is not None and bool(self._missing(record))

    def pending(self) -> bool:
        """Whether something acknowledged has not been seen everywhere yet."""
        return any(self._missing(record) for record in self._records.values())

    def _complete(self, number: int) -> bool:
        record = self._records.get(number)
        return record is None or not self._missing(record)

    @staticmethod
    def _missing(record: _Record) -> list[tuple[str, tuple[str, int]]]:
        return [
            (name, key)
            for name, reader in record.readers.items()
            for key, at in record.acked.items()
            if key[0] in reader.sides and reader.since <= at <= reader.until and key not in reader.seen
        ]

    def _check(self, number: int) -> None:
        record = self._records.pop(number, None)
        if record is None:
            return
        for name, (side, part) in self._missing(record):
            self._fault("lost", f"{name} of customer {number}: {marker(self.run, number, side, part)}")
        self.checked += sum(len(reader.seen) for reader in record.readers.values())
        self._finished[number] = {name: reader.seen for name, reader in record.readers.items()}
        while len(self._finished) > MAX_FINISHED:
            self._finished.popitem(last=False)

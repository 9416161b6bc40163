"""A host whose journal fails at random keeps G1 to G4: what was answered is stored, once, in order, in one place.

The oracle: every message carries a token of its own. Done means stored; refused means not stored; Moved after a stale
epoch means perhaps, and a retry of the same command settles it.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter

import msgspec
import pytest
from fuzzing import searched
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from rig import Fault, Rig, raising, stored_but
from samples import ACCOUNT, CHANNEL, OPENING, agent, answered, received, to_conversation, to_thread, uid

from tertulia.core.conversation.commands import (
    Changes,
    Close,
    Done,
    Envelope,
    Moved,
    Open,
    Outcome,
    Refused,
    ThreadKey,
    Update,
)
from tertulia.core.conversation.status import Status
from tertulia.core.ports.journal import DuplicateKey, NotStored, Rejected, StaleEpoch

THREADS = [ThreadKey(ACCOUNT, CHANNEL, f"+{n}") for n in range(4)]
FAULTS: list[Fault | None] = [
    None,
    raising(NotStored("down")),
    raising(DuplicateKey("perhaps")),
    raising(Rejected("perhaps")),
    raising(RuntimeError("ours")),
    raising(StaleEpoch("taken over")),
    stored_but(StaleEpoch("the outcome could not be settled")),
]
faults = st.lists(st.sampled_from([*[None] * 8, *FAULTS]), max_size=6)
"""Most commits succeed."""

KINDS = ["receive", "plain", "keyed", "repeat", "bad", "private", "post", "open", "resolve", "close"]
pairs = st.tuples(st.sampled_from(THREADS), st.sampled_from(KINDS))


class Hosts(RuleBasedStateMachine):
    @initialize(placement=st.sampled_from(["shared", "dedicated"]))
    def begin(self, placement: str) -> None:
        self.runner = asyncio.Runner()
        self.placement = placement
        self.rig = self.runner.run(self._make())
        self.tokens = itertools.count()
        self.certain: set[str] = set()
        self.never: set[str] = set()
        self.perhaps: dict[str, Envelope] = {}
        self.answered: list[tuple[Envelope, str]] = []

    async def _make(self) -> Rig:
        return Rig(self.placement)

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            self.runner.run(self.rig.stop())
            self.runner.close()

    def command(self, thread: ThreadKey, kind: str) -> tuple[Envelope, str | None]:
        token = f"t{next(self.tokens)}"
        conversations = self.rig.store.of_thread(thread)
        if kind == "repeat" and self.answered:
            first, of = self.answered[-1 - int(thread.identifier) % len(self.answered)]
            return msgspec.structs.replace(first, id=uid()), of
        if kind == "bad":
            return to_thread(received("a\0" + token), thread), "a\0" + token
        if kind == "private":
            return to_thread(received(token, is_private=True), thread), token
        if kind == "open":
            return to_thread(Open(OPENING, find=True), thread, agent()), None
        if kind == "plain":
            return to_thread(received(token), thread), token
        if kind == "keyed":
            return to_thread(received(token, key=token), thread), token
        if kind in ("receive", "repeat") or not conversations:
            return to_thread(received(token, external_id=token), thread), token
        target = conversations[0].id
        if kind == "post":
            return to_conversation(answered(token, key=token), target), token
        command = Close() if kind == "close" else Update(Changes(status=Status.RESOLVED))
        return to_conversation(command, target), None

    # -- what happens

    @rule(wanted=st.lists(st.lists(pairs, min_size=1, max_size=5), min_size=1, max_size=4), faults=faults,
          sweep=st.booleans(), retries=st.booleans())  # fmt: skip
    def batches(
        self,
        wanted: list[list[tuple[ThreadKey, str]]],
        faults: list[Fault | None],
        sweep: bool,
        retries: bool,
    ) -> None:
        batches = [[self.command(*pair) for pair in batch] for batch in wanted]
        self.runner.run(self._run(batches, faults, sweep))
        if retries and self.perhaps:
            self.retry()

    @rule(deaths=st.sets(st.integers(1, 12)), wanted=st.lists(pairs, min_size=1, max_size=8), faults=faults)
    @precondition(lambda self: self.placement == "dedicated")
    def deaths(
        self, deaths: set[int], wanted: list[tuple[ThreadKey, str]], faults: list[Fault | None]
    ) -> None:
        base = self.rig.calls
        self.rig.deaths = lambda call: call - base in deaths
        self.runner.run(self._run([[self.command(*pair)] for pair in wanted], faults, False))
        self.rig.deaths = lambda _: False

    @rule()
    @precondition(lambda self: self.perhaps)
    def retry(self) -> None:
        again = [
            (msgspec.structs.replace(e, attempt=e.attempt + 1), token) for token, e in self.perhaps.items()
        ]
        self.perhaps = {}
        self.runner.run(self._run([again], [], False))
        assert not self.perhaps

    @rule()
    def sweep(self) -> None:
        self.rig.host.activations.sweep(-1, 0)

    # -- what must hold

    async def _run(
        self, batches: list[list[tuple[Envelope, str | None]]], faults: list[Fault | None], sweep: bool
    ) -> None:
        self.rig.journal.faults = list(faults)
        tasks = [self.rig.asking(*(e for e, _ in batch)) for batch in batches]
        if sweep:
            await asyncio.sleep(0)
            self.rig.host.activations.sweep(-1, 0)
        for batch, task in zip(batches, tasks, strict=True):
            for (envelope, token), outcome in zip(batch, await task, strict=True):
                self._note(envelope, token, outcome)
        self.rig.journal.faults = []
        await self.rig.quiet()
        self.rig.check()
        self._check()
        if self.rig.stale.is_set():
            await self.rig.restart()
        else:
            self.rig.check_memory()

    def _note(self, envelope: Envelope, token: str | None, outcome: Outcome) -> None:
        if isinstance(outcome, Done):
            for entry in outcome.entries:
                stored = self.rig.store.entries[entry.conversation_id][entry.seq]
                assert msgspec.structs.replace(stored, position=0) == msgspec.structs.replace(
                    entry, position=0
                )
            if token is not None:
                assert outcome.entries[-1].data.content == token  # type: ignore[union-attr]
                self.certain.add(token)
                self.never.discard(token)
                self.perhaps.pop(token, None)
                post = envelope.post
                if post is not None and (post.external_id or (post.key and envelope.conversation_id)):
                    self.answered.append((envelope, token))
        elif token is not None and token not in self.certain:
            if isinstance(outcome, Moved):
                self.perhaps[token] = envelope
                self.never.discard(token)
            elif token not in self.perhaps:
                assert isinstance(outcome, Refused)
                self.never.add(token)

    def _check(self) -> None:
        counts = Counter(self.rig.messages())
        assert not [t for t, n in counts.items() if n > 1], "twice"
        assert not [t for t in self.certain if counts[t] != 1], "lost"
        assert not [t for t in self.never if counts[t]], "refused and yet stored"
        assert set(counts) <= self.certain | self.perhaps.keys(), "from nowhere"


Hosts.TestCase.settings = searched(60, steps=12)
TestHosts = pytest.mark.timeout(240)(Hosts.TestCase)

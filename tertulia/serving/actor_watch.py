"""Decides whether an actor is dead: only if two independent witnesses agree.

One is the watcher's connection: the actor does not answer, or Ray reports it dead. It is wrong when that connection itself is broken, for
example because Ray's head was restarted. The other is the actor's heartbeat in Postgres. It says nothing while
Postgres is away.
"""

from __future__ import annotations

from typing import Literal

PING_EVERY = 1.0
FROZEN_AFTER = 8.0
"""Seconds without an answer and without a heartbeat after which an actor is ended. Its partitions are taken over much earlier."""
GONE_AFTER = 3.0
"""Seconds without a heartbeat after which an actor that Ray has given up is replaced."""

Verdict = Literal["alive", "unreached", "frozen", "gone"]
"""`unreached`: it lives, but calls from here do not reach it. `gone`: it has ended, and Ray does not restart it."""


class Vitals:
    """The signs of one actor's life. Times are the watcher's monotonic clock, in seconds."""

    def __init__(self, now: float) -> None:
        self._answered = now
        self._beaten = now
        self._beats: int | None = None
        self._given_up = False

    def forgive(self, now: float) -> None:
        """The watcher itself was suspended or blind: everything starts over."""
        self._answered = self._beaten = now

    def on_answer(self, now: float) -> None:
        self._answered = now
        self._given_up = False

    def on_unavailable(self, now: float) -> None:
        """Ray is restarting it, or its connection broke just now."""
        self._answered = now

    def on_given_up(self) -> None:
        """Ray says that it is dead and will not be restarted."""
        self._given_up = True

    def on_beats(self, beats: int | None, now: float) -> None:
        """Its heartbeats so far, as just read; None if it has never said that it lives, or has said that it ends."""
        if beats is None:
            if self._beats is not None:
                self._beaten = -GONE_AFTER + now - 1e-9  # it took its leave
        elif beats != self._beats:
            self._beaten = now
        self._beats = beats

    def on_blind(self, now: float) -> None:
        """Heartbeats could not be read."""
        self._beaten = now

    def verdict(self, now: float) -> Verdict:
        silent = now - self._beaten
        if self._given_up:
            return "gone" if silent > GONE_AFTER or self._beats is None else "unreached"
        if now - self._answered <= FROZEN_AFTER:
            return "alive"
        return "frozen" if silent > FROZEN_AFTER else "unreached"

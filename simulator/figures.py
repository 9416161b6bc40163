"""The figures of a simulation, and their table."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

from rich.console import Group
from rich.table import Table


class Flow:
    """Messages in one direction: when each was sent, and whether it reached the other side. Times in ms."""

    def __init__(self) -> None:
        self.sent = 0
        self.acked: dict[str, float] = {}
        self.seen: dict[str, float] = {}
        self.acks: list[float] = []
        self.deliveries: list[float] = []

    def on_ack(self, message_id: str, sent_at: float) -> None:
        self.acked[message_id] = sent_at
        self.acks.append((time.monotonic() - sent_at) * 1000)
        if (seen_at := self.seen.get(message_id)) is not None:
            self.deliveries.append((seen_at - sent_at) * 1000)

    def on_seen(self, message_id: str) -> None:
        if message_id in self.seen:
            return
        now = self.seen[message_id] = time.monotonic()
        if (sent_at := self.acked.get(message_id)) is not None:
            self.deliveries.append((now - sent_at) * 1000)

    @property
    def missing(self) -> set[str]:
        """Messages that were acknowledged but did not reach the other side."""
        return self.acked.keys() - self.seen.keys()


def percentile(values: list[float], share: float) -> str:
    if not values:
        return "–"
    ordered = sorted(values)
    return f"{ordered[min(len(ordered) - 1, int(len(ordered) * share))]:,.1f} ms"


class Figures:
    """The figures of one run: `inbound` for customers' messages, `outbound` for agents' replies."""

    def __init__(self) -> None:
        self.inbound, self.outbound = Flow(), Flow()
        self.errors: Counter[str] = Counter()
        self.online = 0
        self.reconnects = 0
        self.claimed = 0
        self.began = time.monotonic()

    @property
    def lost(self) -> int:
        """The number of acknowledged messages that did not reach the other side."""
        return len(self.inbound.missing) + len(self.outbound.missing)

    def summary(self, duration: float) -> Group:
        """A table of the figures so far, for a run of `duration` seconds."""
        elapsed = time.monotonic() - self.began
        table = Table(
            title=f"{elapsed:.0f} s of {duration:.0f} s, {self.online} streams open", title_justify="left"
        )
        for column in ("", "customers", "agents"):
            table.add_column(column, justify="left" if not column else "right")
        rows: list[tuple[str, Callable[[Flow], str]]] = [
            ("sent", lambda f: f"{f.sent:,}"),
            ("acknowledged", lambda f: f"{len(f.acked):,}"),
            ("delivered", lambda f: f"{len(f.deliveries):,}"),
            ("acknowledged, not delivered", lambda f: f"{len(f.missing):,}"),
            ("acknowledged per second", lambda f: f"{len(f.acked) / max(elapsed, 0.1):,.0f}"),
            ("to acknowledgement, p50", lambda f: percentile(f.acks, 0.5)),
            ("to acknowledgement, p99", lambda f: percentile(f.acks, 0.99)),
            ("to delivery, p50", lambda f: percentile(f.deliveries, 0.5)),
            ("to delivery, p99", lambda f: percentile(f.deliveries, 0.99)),
        ]
        for name, shown in rows:
            table.add_row(name, shown(self.inbound), shown(self.outbound))
        errors = Table(box=None, show_header=False)
        errors.add_row("claimed", str(self.claimed))
        errors.add_row("reconnects", str(self.reconnects))
        for kind, count in self.errors.most_common(12):
            errors.add_row(f"[yellow]{kind}", str(count))
        return Group(table, errors)

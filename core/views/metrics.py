"""The metrics that a process shows to Prometheus."""

from __future__ import annotations

from typing import Literal

import msgspec


class Sample(msgspec.Struct, frozen=True):
    """One figure. Samples of a name share kind, help and label names."""

    name: str
    help: str
    value: float
    labels: dict[str, str] = {}
    kind: Literal["gauge", "counter"] = "gauge"

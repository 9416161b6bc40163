"""A worker's plan: the scenario, the server, the participants, and the worker's share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from .scenario.model import Channel, Scenario


class Seat(msgspec.Struct, frozen=True):
    """An agent's user id and token."""

    user_id: str
    token: str


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """`run` names the run in addresses and messages: 4 to 12 small letters and digits. `customers`: the most that arrive.

    `service` and `admin` are tokens; `new_admin` is the admin's user id if the account did not know them. `double` is the address of the provider double. Of `workers`, this is the one with `index`: it has
    every so many'th customer and agent, and the first keeps the floor.
    """

    run: str
    url: str
    account: str
    scenario: Scenario
    channels: dict[Channel, str]
    service: str
    admin: str
    seats: list[Seat]
    new_admin: str | None = None
    double: str | None = None
    customers: int | None = None
    workers: int = 1
    index: int = 0
    settle: float = 10.0
    """Seconds at the end in which acknowledged messages may still arrive."""
    tamper: Callable[[str, Any], Any] | None = None

    def mine(self, number: int) -> bool:
        return number % self.workers == self.index

"""A simulated lead who assigns waiting conversations, for policies that the server does not have: fastest first, slowest first, random."""

from __future__ import annotations

import asyncio

from ..figures.floor import Floor
from ..scenario.model import Agents, Scenario
from ..traffic.feed import Event
from .world import World


class Lead:
    """Follows the floor, and assigns the longest waiting conversation to the free agent that the policy names."""

    def __init__(self, world: World, floor: Floor, agents: list[str]) -> None:
        self.world = world
        self.floor = floor
        self.speeds = {
            user: 1 / max(1e-9, float(group.handling.mean)) for user, group in _groups(world.scenario, agents)
        }
        self._asked: dict[str, str] = {}
        self._news = asyncio.Event()
        world.listeners.append(self._on_event)

    def _on_event(self, event: Event) -> None:
        if event["type"] in ("conversation:new", "agent:assigned", "conversation:status"):
            id = event["conversation_id"]
            if event["type"] != "conversation:new":
                self._asked.pop(id, None)
            self._news.set()

    async def run(self) -> None:
        """Assign until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            for id, agent in self._pairs():
                self._asked[id] = agent
                task = asyncio.ensure_future(self._assign(id, agent))
                self.world.background.add(task)
                task.add_done_callback(self.world.background.discard)

    def _pairs(self) -> list[tuple[str, str]]:
        waiting = [id for id, live in self.floor.live.items() if live.agent is None and id not in self._asked]
        taken = list(self._asked.values())
        free = [a for a, load in self.floor.agents.items() if len(load.held) + taken.count(a) < load.slots]
        strategy = self.world.scenario.policy.strategy
        if strategy == "random":
            self.world.chance.shuffle(free)
        else:
            free.sort(key=lambda a: self.speeds[a], reverse=strategy == "fastest_first")
        return list(zip(waiting, free, strict=False))

    async def _assign(self, id: str, agent: str) -> None:
        answer = await self.world.requests.call(
            "POST /v1/conversations/{id}/assign", f"/v1/conversations/{id}/assign", token=self.world.plan.service, body={"agent_id": agent},
        )  # fmt: skip
        if not answer.ok:
            self._asked.pop(id, None)
            self._news.set()


def _groups(scenario: Scenario, agents: list[str]) -> list[tuple[str, Agents]]:
    return [(user, scenario.group_of(number)) for number, user in enumerate(agents)]

"""All agents of an account as sets of bits: who is ready, who fits a need, who ranks first.

Every agent has a slot for good: its bit in these sets, which are ints. `tests/office.py` states the same rules for one agent.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from hashlib import blake2b

from msgspec.structs import replace

from ..accounts.business_hours import Schedule
from ..conversation.explain_record import Need
from .facts import Agent, Preferences, PresenceStatus, Reason
from .sorted_agents import LoadRanking, SortedAgents, bits

UNKNOWN = frozenset({""})
"""Stands for any topic or language that no agent has listed."""


class Skill:
    """Which agents have listed a value, and which have listed none."""

    __slots__ = ("listed", "none")

    def __init__(self) -> None:
        self.none = 0
        self.listed: dict[str, int] = {}

    def put(self, bit: int, values: Collection[str]) -> frozenset[str]:
        """Set an agent's values. Returns those that no agent had listed before."""
        new = frozenset(value for value in values if value not in self.listed)
        self.drop(bit)
        if not values:
            self.none |= bit
        for value in values:
            self.listed[value] = self.listed.get(value, 0) | bit
        return new

    def drop(self, bit: int) -> None:
        self.none &= ~bit
        self.listed = {v: left for v, mask in self.listed.items() if (left := mask & ~bit)}

    def any_of(self, values: Collection[str]) -> int:
        mask = 0
        for value in values:
            mask |= self.listed.get(value, 0)
        return mask


class Agents:
    """`ready`: agents that automatic routing may give a conversation now. `_unranked`: agents to rank again before the next
    choice between several."""

    def __init__(self) -> None:
        self._slots: dict[str, int] = {}
        self._agents: list[Agent] = []
        self._schedules: list[Schedule] = []
        self._roster: tuple[tuple[str, ...], str] | None = None
        self.all = self.ready = 0
        self._unready: dict[Reason, int] = dict.fromkeys(
            (Reason.UNAVAILABLE, Reason.OFFLINE, Reason.AWAY, Reason.CLOSED, Reason.FULL), 0
        )
        self._teams, self._channels, self._topics, self._languages = Skill(), Skill(), Skill(), Skill()
        self._unranked = 0
        self._least_busy = LoadRanking()
        self._longest_since = SortedAgents()

    # -- reading

    def __contains__(self, agent_id: str) -> bool:
        return agent_id in self._slots

    def __iter__(self) -> Iterator[Agent]:
        return iter(self._agents)

    def get(self, agent_id: str) -> Agent | None:
        slot = self._slots.get(agent_id)
        return None if slot is None else self._agents[slot]

    def at(self, slot: int) -> Agent:
        return self._agents[slot]

    def slot(self, agent_id: str | None) -> int | None:
        return None if agent_id is None else self._slots.get(agent_id)

    def mask(self, ids: Collection[str]) -> int:
        return sum(1 << slot for i in ids if (slot := self._slots.get(i)) is not None)

    def roster(self) -> tuple[tuple[str, ...], str]:
        """The ids in order of their slots, and their digest."""
        if self._roster is None:
            ids = tuple(agent.id for agent in self._agents)
            self._roster = ids, blake2b("\n".join(ids).encode(), digest_size=8).hexdigest()
        return self._roster

    def narrowed(self, need: Need) -> Need:
        """A need that the same agents fit, in values they have listed: customers' own values would make groups without end."""
        topics = need.topics and (need.topics.intersection(self._topics.listed) or UNKNOWN)
        language = need.language
        if language is not None and language not in self._languages.listed:
            language = ""
        return Need(need.channel_type, topics, language, need.teams)

    def fits(self, need: Need) -> int:
        mask = self.all & (self._channels.none | self._channels.listed.get(need.channel_type, 0))
        if need.teams:
            mask &= self._teams.any_of(need.teams)
        if need.topics:
            mask &= self._topics.none | self._topics.any_of(need.topics)
        if need.language is not None:
            mask &= self._languages.none | self._languages.listed.get(need.language, 0)
        return mask

    def passed_over(self, need: Need, declined: int) -> dict[Reason, int]:
        """The agents that are passed over, by reason; an agent can appear under several."""
        out = {reason: mask for reason, mask in self._unready.items() if mask}
        if need.teams:
            out[Reason.TEAM] = self.all & ~self._teams.any_of(need.teams)
        out[Reason.CHANNEL] = self.all & ~(
            self._channels.none | self._channels.listed.get(need.channel_type, 0)
        )
        if need.topics:
            out[Reason.TOPIC] = self.all & ~(self._topics.none | self._topics.any_of(need.topics))
        if need.language is not None:
            spoken = self._languages.none | self._languages.listed.get(need.language, 0)
            out[Reason.LANGUAGE] = self.all & ~spoken
        out[Reason.DECLINED] = declined
        return {reason: mask for reason, mask in out.items() if mask}

    def ranked(self, strategy: str, wanted: int) -> Iterator[int]:
        """The ready ones of `wanted`, the best first."""
        wanted &= self.ready
        if not wanted & (wanted - 1):  # one or none: often the agent just freed, all others being busy
            return bits(wanted)
        for slot in bits(self._unranked):
            self._rank(slot)
        self._unranked = 0
        return (self._longest_since if strategy == "round_robin" else self._least_busy).among(wanted)

    def _rank(self, slot: int) -> None:
        agent = self._agents[slot]
        if not self.ready >> slot & 1:
            self._least_busy.drop(slot)
            self._longest_since.drop(slot)
        else:
            self._least_busy.put(slot, agent.load, agent.idle_since, agent.id)
            self._longest_since.put(slot, agent.assigned_at, agent.id)

    # -- changing

    def set_preferences(self, agent_id: str, preferences: Preferences, now: int) -> frozenset[str]:
        """Add an agent, or change its preferences. Returns the topics and languages that no agent had listed before."""
        slot = self._slots.get(agent_id)
        if slot is None:
            agent = Agent(id=agent_id, preferences=preferences, idle_since=now)
            slot = self._add(agent)
        else:
            agent = replace(self.at(slot), preferences=preferences)
        bit = 1 << slot
        self._schedules[slot] = preferences.schedule()
        self._teams.put(bit, preferences.teams)
        self._channels.put(bit, preferences.channels)
        new = self._topics.put(bit, preferences.topics)
        new |= self._languages.put(bit, preferences.languages)
        self._mark(Reason.UNAVAILABLE, bit, not preferences.available)
        self._mark(Reason.CLOSED, bit, not self._schedules[slot].is_open(now))
        self._put(slot, agent)
        return new

    def set_presence(self, agent_id: str, status: PresenceStatus) -> None:
        slot = self._slots[agent_id]
        self._put(slot, replace(self.at(slot), status=status))

    def refresh_schedule(self, agent_id: str, now: int) -> int | None:
        """Recompute whether the agent is within its hours. Returns when that changes next."""
        slot = self._slots[agent_id]
        self._mark(Reason.CLOSED, 1 << slot, not self._schedules[slot].is_open(now))
        self._put(slot, self.at(slot))
        return self._schedules[slot].next_change(now)

    def add_load(
        self, agent_id: str, now: int, *, active: int = 0, offered: int = 0, got: bool = False
    ) -> None:
        """Add to an agent's counts. `got`: the agent received a conversation, by assignment or offer."""
        slot = self._slots[agent_id]
        a = self.at(slot)
        since = now if got else a.assigned_at
        self._put(
            slot,
            replace(
                a, active=a.active + active, offered=a.offered + offered, idle_since=now, assigned_at=since
            ),
        )

    def restore(self, agent: Agent, now: int) -> None:
        """Add a stored agent, without its conversations."""
        self.set_preferences(agent.id, agent.preferences, now)
        self._put(self._slots[agent.id], replace(agent, active=0, offered=0))

    def restore_times(self, agent: Agent) -> None:
        """Set a stored agent's times, once its conversations are counted."""
        slot = self._slots[agent.id]
        a = self.at(slot)
        self._put(slot, replace(a, idle_since=agent.idle_since, assigned_at=agent.assigned_at))

    def _add(self, agent: Agent) -> int:
        slot = self._slots[agent.id] = len(self._agents)
        self._agents.append(agent)
        self._schedules.append(Schedule())
        self.all |= 1 << slot
        self._mark(Reason.OFFLINE, 1 << slot, True)
        self._roster = None
        return slot

    def _mark(self, reason: Reason, bit: int, holds: bool) -> None:
        self._unready[reason] = self._unready[reason] | bit if holds else self._unready[reason] & ~bit

    def _put(self, slot: int, agent: Agent) -> None:
        bit = 1 << slot
        before = self._agents[slot]
        self._agents[slot] = agent
        if before.status != agent.status:
            self._mark(Reason.OFFLINE, bit, agent.status == "offline")
            self._mark(Reason.AWAY, bit, agent.status == "away")
        self._mark(Reason.FULL, bit, agent.load >= agent.preferences.maximum)
        self._unranked |= bit
        self.ready |= bit
        for mask in self._unready.values():
            if mask & bit:
                self.ready &= ~bit
                return

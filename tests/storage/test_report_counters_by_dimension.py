"""Reports by agent, team, channel and label: what was counted is what a model reckons from the entries, at any moment, and counted again."""

from __future__ import annotations

import random
from collections import Counter

import asyncpg
import pytest
from backends import PostgresBackend, thread
from samples import OPENING, Scribe, agent, answered, received, to_conversation, to_thread, uid

from tertulia.actors.host.conversation_actor import ConversationActor
from tertulia.core.conversation.commands import Assign, Changes, Command, Open, Post, Rate, ThreadKey, Update
from tertulia.core.conversation.entries import Actor, Assigned, Entry, Message, Rated, SlaNoted, StatusChanged
from tertulia.core.conversation.projection import apply
from tertulia.core.conversation.state import Conversation
from tertulia.core.conversation.status import Status
from tertulia.core.ports.journal import Write
from tertulia.core.views.reports import Dimension, ReportItem
from tertulia.core.views.statistics import DAY_MS, Period
from tertulia.storage.postgres.database import Database
from tertulia.storage.postgres.reports.report_counters import ACCURACY, ReportCounters
from tertulia.storage.postgres.reports.reports import PostgresReports

AGENTS = ("ana", "ben", "cleo")

COUNTS = "SELECT dimension, measure, at, item, bucket, n FROM report_counts WHERE account_id = $1 AND n <> 0 ORDER BY 1, 2, 3, 4, 5"


class Floor:
    """An account in which agents work at random, and what its reports must say."""

    def __init__(self, backend: PostgresBackend, key: ThreadKey, seed: int) -> None:
        self.backend, self.key, self.random = backend, key, random.Random(seed)
        self.scribe = Scribe()
        self.conversations: dict[str, Conversation] = {}
        self.entries: list[Entry] = []
        self.teams = (uid(), uid())

    def write(self) -> Write:
        self.scribe.now += self.random.choice([10, 5_000, 600_000, 7_200_000])
        live = [i for i, c in self.conversations.items() if c.live]
        resolved = [i for i, c in self.conversations.items() if c.status == "resolved" and c.csat_due]
        what = self.random.choice(
            ["open", "message", "answer", "note", "label", "team", "assign", "assign", "release", "resolve", "rate", "breach"]
        )  # fmt: skip
        if what == "rate" and resolved:
            made = self._command(self.random.choice(resolved), Rate(self.random.randint(1, 5)))
        elif what in ("open", "rate") or not live:
            made = self.scribe.write(
                to_thread(Open(OPENING), ThreadKey(self.key.account_id, self.key.channel_id, uid()))
            )
        elif what == "breach":
            made = self._breach(self.random.choice(live))
        else:
            target = self.random.choice(live)
            made = self._command(target, self._work(what, self.conversations[target]))
        self.conversations[made.after.id] = made.after
        self.entries += made.entries
        return made

    def _work(self, what: str, c: Conversation) -> Command:
        """A command that changes something."""
        pick = self.random.choice
        if what == "release" and c.assignee_id is None:
            what = "assign"
        labels = tuple(self.random.sample(["refund", "vip", "ጥያቄ"], self.random.randint(0, 3)))
        return {
            "message": received("m").post,
            "answer": answered("a"),
            "note": answered("n", is_private=True),
            "label": Update(
                Changes(labels=labels if set(labels) != set(c.labels) else (*c.labels, f"l{c.seq}"))
            ),
            "team": Update(Changes(team_id=pick([t for t in self.teams if t != c.team_id]))),
            "assign": Assign(pick([a for a in AGENTS if a != c.assignee_id])),
            "release": Assign(None),
            "resolve": Update(Changes(status=Status.RESOLVED)),
        }[what]

    def _command(self, target: str, command: Command) -> Write:
        by = agent("desk", "service") if not isinstance(command, Post) else agent(self.random.choice(AGENTS))
        return self.scribe.write(to_conversation(command, target, by, account=self.key.account_id))

    def _breach(self, target: str) -> Write:
        """An SLA target is missed, as the timer loop notes it."""
        state = self.scribe.state(target)
        before = state.conversation
        target_name = self.random.choice(["first_reply", "next_reply", "resolution"])
        noted = SlaNoted(
            target_name, self.random.choice(["warning", "breach", "breach"]), self.scribe.now + before.seq
        )
        entry = Entry(self.key.account_id, target, before.seq + 1, self.scribe.now, Actor("system"), noted)
        after = apply(state, entry)
        self.scribe.actors[target] = ConversationActor(after, uid)
        return Write(before, after.conversation, (entry,))

    # --- the model

    def expected(self, dimension: Dimension, item: str) -> dict[str, object]:
        found: Counter[str] = Counter()
        replies: list[int] = []
        scores: Counter[str] = Counter()
        for c in self.conversations.values():
            story = _Story([e for e in self.entries if e.conversation_id == c.id])
            if dimension == "agent":
                belongs = story.last_holder == item
                rated, replied = story.rated_agent == item, story.replier == item
                missed = [t for t, holder in story.missed.items() if holder == item]
            else:
                belongs = rated = replied = {
                    "account": True,
                    "channel": c.channel_id == item,
                    "team": c.team_id == item,
                    "label": item in c.labels,
                }[dimension]
                missed = list(story.missed) if belongs else []
            found["conversations"] += belongs
            found["resolved"] += belongs and c.resolved_at is not None
            found.update(missed)
            if replied and c.first_reply_at is not None:
                replies.append(c.first_reply_at - c.created_at)
            if rated and story.score is not None:
                scores[str(story.score)] += 1
        messages = [e.data for e in self.entries if isinstance(e.data, Message) and not e.data.is_private]
        assigned = [
            e.data.agent_id
            for e in self.entries
            if isinstance(e.data, Assigned) and e.data.agent_id is not None
        ]
        if dimension == "agent":
            found["outbound"] = sum(m.sender_id == item for m in messages)
            found["assigned"] = assigned.count(item)
        elif dimension in ("account", "channel"):
            found["inbound"] = sum(m.direction == "inbound" for m in messages)
            found["outbound"] = sum(m.direction == "outbound" for m in messages)
            found["assigned"] = len(assigned)
        return {"counts": +found, "replies": sorted(replies), "scores": scores}


class _Story:
    """What happened in one conversation, in order."""

    def __init__(self, entries: list[Entry]) -> None:
        holder = self.last_holder = self.replier = self.rated_agent = self.score = None
        self.missed: dict[str, str | None] = {}
        for entry in entries:
            data = entry.data
            if isinstance(data, Assigned):
                holder = data.agent_id
                self.last_holder = holder or self.last_holder
            elif isinstance(data, StatusChanged) and data.to_status in ("open", "bot"):
                holder = None
            elif isinstance(data, Message) and data.sender_type == "agent" and not data.is_private:
                self.replier = self.replier or data.sender_id
            elif isinstance(data, Rated):
                self.score, self.rated_agent = data.score, self.last_holder
            elif isinstance(data, SlaNoted) and data.state == "breach":
                self.missed.setdefault(data.target, holder)


def said(item: ReportItem) -> dict[str, object]:
    counts = Counter(
        conversations=item.conversations, resolved=item.resolved, inbound=item.inbound or 0, outbound=item.outbound or 0,
        assigned=item.assigned or 0, first_reply=item.missed.first_reply, next_reply=item.missed.next_reply,
        resolution=item.missed.resolution,
    )  # fmt: skip
    return {"counts": +counts, "scores": +Counter(item.csat.distribution)}


@pytest.fixture
async def floor(postgres: PostgresBackend) -> Floor:
    return Floor(postgres, await thread(postgres), 7)


def period(floor: Floor) -> Period:
    return Period(floor.scribe.now - 80 * DAY_MS, floor.scribe.now + DAY_MS)


async def check(floor: Floor, database: Database) -> None:
    reports = PostgresReports(database)
    items: dict[Dimension, tuple[str, ...]] = {
        "account": (floor.key.account_id,), "channel": (floor.key.channel_id,), "team": floor.teams,
        "label": ("refund", "vip", "ጥያቄ"), "agent": AGENTS,
    }  # fmt: skip
    for dimension, names in items.items():
        listed = await reports.report(floor.key.account_id, dimension, period(floor))
        assert {i.id for i in listed.items if dimension != "label" or i.id[0] != "l"} <= set(
            names
        ) and listed.more == 0
        for name in names:
            (single,) = (await reports.report(floor.key.account_id, dimension, period(floor), name)).items
            expected = floor.expected(dimension, name)
            assert said(single) == {k: expected[k] for k in ("counts", "scores")}, (dimension, name)
            for shown in listed.items:
                if shown.id == name:
                    assert (said(shown), shown.first_reply, shown.statuses) == (
                        said(single), single.first_reply, single.statuses)  # fmt: skip
            replies = expected["replies"]
            assert single.first_reply.count == len(replies)  # pyright: ignore[reportArgumentType]
            if replies:
                middle = replies[int(0.5 * (len(replies) - 1))] / 1000  # pyright: ignore
                assert single.first_reply.p50_s == pytest.approx(middle, rel=1.1 * ACCURACY, abs=0.001)
            assert sum(d.conversations for d in single.days) == single.conversations
            assert sum(d.csat_count for d in single.days) == single.csat.count


async def test_reports_are_exact_at_every_moment_and_counted_again(
    floor: Floor, database: Database, owner: asyncpg.Connection
) -> None:
    counters = ReportCounters(database)
    epochs = await floor.backend.epochs()
    for round_ in range(6):
        await floor.backend.journal.commit([floor.write() for _ in range(40)], epochs)
        if round_ % 2:  # in steps that end anywhere, one of which dies
            for most in (7, 1, 13):
                await owner.fetchval("SELECT report_advance($1, $2, true)", floor.key.account_id, most)
            transaction = owner.transaction()
            await transaction.start()
            assert await owner.fetchval("SELECT report_advance($1, 5, true)", floor.key.account_id) == 5
            await transaction.rollback()
        await check(floor, database)
    before = await owner.fetch(COUNTS, floor.key.account_id)
    await counters.recount()
    assert await owner.fetch(COUNTS, floor.key.account_id) == before != []


async def test_another_accounts_items_have_no_figures(floor: Floor, database: Database) -> None:
    epochs = await floor.backend.epochs()
    await floor.backend.journal.commit([floor.write() for _ in range(30)], epochs)
    stranger = await thread(floor.backend)
    reports = PostgresReports(database)
    assert (await reports.report(stranger.account_id, "channel", period(floor))).items == []
    (item,) = (
        await reports.report(stranger.account_id, "channel", period(floor), floor.key.channel_id)
    ).items
    assert (item.conversations, item.inbound, item.statuses) == (0, 0, {})

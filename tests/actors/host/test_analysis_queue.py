"""Commands that wait for the analysis of a message: in order, without delaying anybody else, whatever the classifier does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from in_memory.bots import MemoryRulesArchive
from rig import Rig, raising
from samples import (
    ACCOUNT,
    CHANNEL,
    OPENING,
    SERVICE,
    THREAD,
    agent,
    answered,
    received,
    to_conversation,
    to_thread,
)

from tertulia.actors.host.analysis.message_analyser import MessageAnalyser
from tertulia.core.conversation.commands import (
    Assign,
    Done,
    GiveBack,
    Moved,
    Open,
    Recall,
    Refused,
    Release,
    ThreadKey,
)
from tertulia.core.conversation.entries import Message
from tertulia.core.ids import partition_of_conversation
from tertulia.core.ports.bots import Question
from tertulia.core.ports.journal import NotStored
from tertulia.core.turn.account_rules import StoredRule, account_rules
from tertulia.core.turn.bot_rules import Classification

BILLING = StoredRule(
    "rule", "Billing", 1, "keyword", {"intent": "billing"}, {"reply_text": "About your bill …"}
)
OTHER = ThreadKey(ACCOUNT, CHANNEL, "+200")


class Classifier:
    """Answers when its door is open: `billing` to what has the word in it."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.asked: list[str] = []
        self.fails = False

    async def classify(self, question: Question) -> Classification | None:
        self.asked.append(question.text)
        await self.open.wait()
        if self.fails:
            raise ConnectionError("the classifier is down")
        return Classification("billing" if "bill" in question.text else "other", 0.9)


@pytest.fixture
def classifier() -> Classifier:
    return Classifier()


@pytest.fixture(params=["shared", "dedicated"])
async def rig(request: pytest.FixtureRequest, classifier: Classifier) -> AsyncIterator[Rig]:
    rules = MemoryRulesArchive()
    rules.accounts[ACCOUNT] = account_rules({"handoff_sentiment": -1}, [BILLING], 1)
    rig = Rig(request.param, rules=rules, analysis=MessageAnalyser(classifier))
    yield rig
    await rig.stop()
    rig.check()
    rig.check_memory()


def said(rig: Rig, thread: ThreadKey = THREAD) -> list[str]:
    """What was said in the thread, conversation by conversation."""
    entries = [e for c in rig.store.of_thread(thread) for e in rig.store.entries[c.id]]
    return [e.data.content for e in entries if isinstance(e.data, Message)]


async def test_a_message_is_classified_before_its_turn(rig: Rig, classifier: Classifier) -> None:
    await rig.done(to_thread(received("my bill")))
    assert said(rig) == ["my bill", "About your bill …"] and classifier.asked == ["my bill"]
    await rig.done(to_thread(received("something else")))
    assert rig.store.of_thread(THREAD)[0].handoff_requested
    await rig.done(to_thread(received("my bill again")))
    assert classifier.asked == ["my bill", "something else"], "after a handoff nobody needs to know"


async def test_nobody_overtakes(rig: Rig, classifier: Classifier) -> None:
    """Whether they name the thread or its conversation, and whether it is in memory."""
    first = (await rig.done(to_thread(received("my bill")))).entries[0].conversation_id
    classifier.open.clear()
    asking = [
        rig.asking(to_thread(received("bill 1"))),
        rig.asking(to_conversation(answered("hello"), first, SERVICE)),
        rig.asking(to_thread(received("bill 2"))),
        rig.asking(to_conversation(Recall(8), first)),
        rig.asking(to_thread(received("3"))),
        rig.asking(to_thread(Open(OPENING, find=True), by=agent())),
    ]
    await rig.quiet()
    assert classifier.asked[1:] == ["bill 1"] and not any(task.done() for task in asking)
    classifier.open.set()
    outcomes = [(await task)[0] for task in asking]
    assert all(isinstance(o, Done) for o in outcomes)
    assert said(rig) == [
        "my bill", "About your bill …", "bill 1", "About your bill …", "hello", "bill 2", "About your bill …", "3",
    ]  # fmt: skip
    recalled = outcomes[3]
    assert isinstance(recalled, Done)
    assert [e.data.content for e in recalled.entries] == said(rig)[:7]  # type: ignore[union-attr]
    assert classifier.asked[1:] == ["bill 1", "bill 2", "3"]


async def test_a_new_conversation_waits_for_its_first_message_to_be_classified(
    rig: Rig, classifier: Classifier
) -> None:
    classifier.open.clear()
    asking = [rig.asking(to_thread(received(text))) for text in ("bill", "2 bill", "3 bill")]
    opening = rig.asking(to_thread(Open(OPENING, find=True), by=agent()))
    await rig.quiet()
    assert classifier.asked == ["bill"] and rig.store.of_thread(THREAD) == []
    classifier.open.set()
    found = [(await task)[0] for task in (*asking, opening)]
    assert all(isinstance(o, Done) for o in found) and len(rig.store.of_thread(THREAD)) == 1
    assert said(rig)[::2] == ["bill", "2 bill", "3 bill"] and said(rig)[1::2] == ["About your bill …"] * 3


async def test_other_threads_do_not_wait(rig: Rig, classifier: Classifier) -> None:
    mine = (await rig.done(to_thread(received("my bill"), OTHER))).entries[0].conversation_id
    await rig.done(to_conversation(Assign("ana"), mine, SERVICE))
    classifier.open.clear()
    slow = rig.asking(to_thread(received("bill")))
    await rig.quiet()
    for n in range(5):  # an agent has it: nobody is asked
        await rig.done(to_thread(received(f"m{n}"), OTHER))
    assert not slow.done() and classifier.asked == ["my bill", "bill"]
    classifier.open.set()
    assert isinstance((await slow)[0], Done)


async def test_a_classifier_that_fails_leaves_it_to_humans(rig: Rig, classifier: Classifier) -> None:
    classifier.fails = True
    await rig.done(to_thread(received("my bill")))
    assert said(rig) == ["my bill"]
    (c,) = rig.store.of_thread(THREAD)
    assert (c.status, c.handoff_requested) == ("open", False)


async def test_who_stood_behind_a_slow_answer_is_not_asked_about(rig: Rig, classifier: Classifier) -> None:
    """Else a burst of messages to a slow classifier would outlast the deadlines of those who sent them."""
    assert rig.analysis is not None
    rig.analysis.patience = 0
    classifier.open.clear()
    tasks = [rig.asking(to_thread(received(f"bill {n}"))) for n in range(5)]
    await rig.quiet()
    classifier.open.set()
    assert all(isinstance(o, Done) for (o,) in await asyncio.gather(*tasks))
    assert classifier.asked == ["bill 0"]
    assert [text for text in said(rig) if "About" not in text] == [f"bill {n}" for n in range(5)]


async def test_what_is_decided_while_it_waits_counts(rig: Rig, classifier: Classifier) -> None:
    """The turn goes by the conversation as it is then: what came before it in the line was done before."""
    first = (await rig.done(to_thread(received("my bill")))).entries[0].conversation_id
    classifier.open.clear()
    tasks = [
        rig.asking(to_thread(received("bill 1"))),
        rig.asking(to_conversation(Assign("ana"), first, SERVICE)),
        rig.asking(to_thread(received("bill 2"))),
        rig.asking(to_conversation(Release(), first, SERVICE)),
    ]
    await rig.quiet()
    classifier.open.set()
    assert all(isinstance(o, Done) for (o,) in await asyncio.gather(*tasks))
    assert said(rig) == ["my bill", "About your bill …", "bill 1", "About your bill …", "bill 2"]
    await rig.done(to_conversation(GiveBack(), first, SERVICE))
    await rig.done(to_thread(received("bill 3")))
    assert said(rig)[-2:] == ["bill 3", "About your bill …"]


async def test_a_failed_commit_asks_nothing_twice(rig: Rig, classifier: Classifier) -> None:
    rig.journal.faults = [raising(NotStored("down"))]
    outcome = await rig.ask(to_thread(received("my bill")))
    assert isinstance(outcome, Refused) and outcome.code == "storage_unavailable"
    await rig.done(to_thread(received("my bill", key="k")))
    again = await rig.done(to_thread(received("my bill", key="k")))
    assert again.repeated and said(rig) == ["my bill", "About your bill …"]


async def test_a_conversation_that_left_memory_meanwhile(rig: Rig, classifier: Classifier) -> None:
    first = (await rig.done(to_thread(received("my bill")))).entries[0].conversation_id
    classifier.open.clear()
    tasks = [
        rig.asking(to_thread(received("bill 1"))),
        rig.asking(to_conversation(answered("hello"), first, SERVICE)),
    ]
    await rig.quiet()
    rig.host.activations.sweep(0, 0)
    assert first not in rig.host.activations.conversations
    late = rig.asking(to_thread(received("bill 2")))
    await rig.quiet()
    assert classifier.asked == ["my bill", "bill 1"], "what came later waits behind, loaded anew or not"
    classifier.open.set()
    assert all(isinstance(o, Done) for (o,) in await asyncio.gather(*tasks, late))
    assert [text for text in said(rig) if "About" not in text] == ["my bill", "bill 1", "hello", "bill 2"]


async def test_a_partition_that_moved_meanwhile(rig: Rig, classifier: Classifier) -> None:
    first = (await rig.done(to_thread(received("my bill")))).entries[0].conversation_id
    classifier.open.clear()
    asking = rig.asking(to_thread(received("bill 1")))
    await rig.quiet()
    partition = partition_of_conversation(first)
    leaving = asyncio.create_task(rig.host.disown({partition}))
    await rig.quiet()
    classifier.open.set()
    assert await asking == [Moved()]
    await leaving
    assert said(rig) == ["my bill", "About your bill …"]


async def test_what_waits_counts_as_waiting(rig: Rig, classifier: Classifier) -> None:
    classifier.open.clear()
    tasks = [rig.asking(to_thread(received(f"bill {n}"))) for n in range(3)]
    await rig.quiet()
    figures = rig.host.statistics()
    assert (figures["waiting"], figures["analysing"]) == (3, 1)
    classifier.open.set()
    await asyncio.gather(*tasks)
    figures = rig.host.statistics()
    assert (figures["waiting"], figures["analysing"], figures["classified_total"]) == (0, 0, 3)

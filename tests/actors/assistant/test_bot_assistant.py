"""What the conversational bot makes of a conversation: one command, whatever the model says or does not say."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import pytest
from ruled_threads import Thread, rules
from samples import ACCOUNT, agent
from test_injections import CORPUS, FENCE, NoLedger

from tertulia.actors.assistant.bot_assistant import BUDGET, BotAssistant, holds
from tertulia.actors.assistant.model_calls import ModelCalls
from tertulia.channels.models.rules import RulesModel
from tertulia.core.accounts.account_settings import Assistance
from tertulia.core.assistance.assist import UNREADABLE, WANTED
from tertulia.core.assistance.prompts import Passage, Rendered, rendered
from tertulia.core.assistance.suggestions import Source
from tertulia.core.conversation.commands import Assign, BotAnswer, Done, Envelope, Refused
from tertulia.core.conversation.entries import Attachment, Entry, Message
from tertulia.core.errors import Conflict
from tertulia.core.ports.assistance.models import Limits, ModelCall, ModelError, ModelRequest, Usage
from tertulia.core.turn.account_rules import AccountRules, StoredRule
from tertulia.core.turn.assisting import RULE_GONE

RULE = StoredRule(
    "rule 1",
    "Bot",
    1,
    "fallback",
    {},
    {"assist": {"instruction": "You are Acme's bot."}, "collect_info": ["order_number"]},
)
KNOWN = [(Source("article", "a1", "Returns"), Passage("a1", "Returns", "Within 30 days."))]


class Provider:
    """A model with a prepared answer, or a failure."""

    provider = "double"

    def __init__(self, answer: str | ModelError) -> None:
        self.answer = answer
        self.sent: list[tuple[ModelRequest, Rendered]] = []

    async def stream(self, request: ModelRequest, fence: str) -> AsyncGenerator[str | Usage, None]:
        self.sent.append((request, rendered(request.prompt, fence)))
        if isinstance(self.answer, ModelError):
            raise self.answer
        yield self.answer
        yield Usage("double-1", 1, 1)

    async def embed(self, texts: Sequence[str]) -> tuple[list[list[float]], Usage]:
        raise NotImplementedError

    async def close(self) -> None: ...


class Spent(NoLedger):
    async def begin(self, call: ModelCall, limits: Limits) -> Any:
        return "tokens"


class World:
    """One conversation with everything that the bot may reach; `commands` is all that it did."""

    def __init__(self, answer: str | ModelError, ledger: Any = None) -> None:
        self.thread = Thread(rules(RULE))
        self.rules = self.thread.account
        self.provider = Provider(answer)
        self.commands: list[BotAnswer] = []
        self.searched: list[tuple[str, bool]] = []
        self.known = KNOWN
        calls = ModelCalls(self.provider, RulesModel(), ledger or NoLedger(), deadline=5, most=4, prices={})
        self.bot = BotAssistant(calls, self, self, self, self.send)

    async def get(self, account_id: str, conversation_id: str) -> Any:
        return self.thread.c

    async def messages(self, account_id: str, conversations: list[str], **_: Any) -> list[Entry]:
        found = [e for e in self.thread.entries if isinstance(e.data, Message) and not e.data.is_private]
        return found[-20:]

    async def load(self, accounts: Any) -> dict[str, AccountRules]:
        return {ACCOUNT: self.rules} if self.rules is not None else {}

    async def versions(self, accounts: Any) -> dict[str, int]:
        raise NotImplementedError

    async def passages(self, account_id: str, question: str, *, public: bool) -> list[tuple[Source, Passage]]:
        self.searched.append((question, public))
        return self.known

    async def send(self, envelope: Envelope) -> Done:
        assert isinstance(envelope.command, BotAnswer) and envelope.account_id == ACCOUNT
        self.commands.append(envelope.command)
        self.thread.do(envelope.command, envelope.by)
        if isinstance(self.thread.outcome, Refused):
            raise Conflict(self.thread.outcome.detail)
        assert isinstance(self.thread.outcome, Done)
        return self.thread.outcome

    async def answer(self, seq: int | None = None) -> bool:
        return await self.bot.answer(self.thread.c, Assistance(), self.thread.c.seq if seq is None else seq)

    @property
    def said(self) -> list[str]:
        found = [e.data for e in self.thread.entries]
        return [
            m.content for m in found if isinstance(m, Message) and m.sender_type == "bot" and not m.is_private
        ]


def saying(**fields: Any) -> str:
    return json.dumps({"reply": "Within 30 days [1].", "confidence": 0.9} | fields)


async def test_it_answers_the_burst_from_public_articles() -> None:
    world = World(f"Sure! ```json\n{saying(fields={'order_number': 'A-77'})}\n```")
    for text in ("Hello", "it is A-77", "How do I return it?"):
        world.thread.says(text)
    assert holds(world.thread.c) and await world.answer()
    assert world.said == ["Within 30 days [1].\n\n[1] Returns"]
    assert world.searched == [("Hello\nit is A-77\nHow do I return it?", True)]
    assert world.thread.c.bot_context["order_number"] == "A-77"
    ((request, prompt),) = world.provider.sent
    assert (
        request.purpose == "assist"
        and "You are Acme's bot." in prompt.system
        and "order_number" in prompt.system
    )
    assert not await world.answer() and len(world.commands) == 1, "nothing is left to answer"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (ModelError("timeout", "t"), "The language model failed (timeout)"),
        (ModelError("unreachable", "t"), "The language model failed (unreachable)"),
        ("I refuse to write JSON", UNREADABLE),
        ('{"reply": ["no text"], "confidence": "high"}', UNREADABLE),
        ("{" * 30_000, UNREADABLE),
        (saying(handoff="human"), WANTED["human"]),
        (saying(handoff="sensitive"), WANTED["sensitive"]),
        (saying(confidence=0.1), "The bot is not sure enough (0.10 of 0.50)"),
        (saying(confidence=17), "The bot is not sure enough (0.00 of 0.50)"),
        (saying(reply="[4]"), "The bot is not sure enough (0.90 of 0.50)"),
    ],
)  # fmt: skip
async def test_what_cannot_be_said_ends_in_a_handoff(answer: str | ModelError, reason: str) -> None:
    world = World(answer)
    world.thread.says("How do I return it?")
    assert await world.answer()
    assert world.said == [] and world.thread.c.handoff_reason == reason and world.thread.c.handoff_requested


async def test_a_spent_budget_and_a_rule_that_is_gone() -> None:
    world = World(saying(), Spent())
    world.thread.says("How do I return it?")
    assert await world.answer() and world.thread.c.handoff_reason == BUDGET
    world = World(saying())
    world.thread.says("How do I return it?")
    world.rules = rules()
    assert await world.answer() and world.provider.sent == []
    assert world.thread.c.handoff_reason == RULE_GONE or world.commands[0].failed == RULE_GONE


async def test_a_burst_that_goes_on_and_a_human_who_was_faster() -> None:
    world = World(saying())
    world.thread.says("Hello")
    early = world.thread.c.seq
    world.thread.says("are you there?")
    assert not await world.answer(1) and world.commands == [], f"written after {early}"
    before = world.thread.c
    world.thread.do(Assign("ana"), agent())
    assert not await world.bot.answer(before, Assistance(), before.seq)
    assert world.said == [] and not holds(world.thread.c)


async def test_fields_are_only_what_the_customer_wrote() -> None:
    made_up = {"order_number": "B-99", "name": "Mallory", "admin": "yes"}
    world = World(saying(fields=made_up))
    world.thread.says("It is A-77, my name is Ana")
    await world.answer()
    assert not {"order_number", "name", "admin"} & world.thread.c.bot_context.keys()


CHANNELS = ("webchat", "email", "whatsapp", "telegram", "messenger", "sms")


@pytest.mark.parametrize(("number", "text"), list(enumerate(CORPUS)), ids=range(len(CORPUS)))
async def test_an_injection_gets_words_at_most(number: int, text: str) -> None:
    """Whatever stands in a message, subject, name, file name or article, on any channel, and whatever the model makes of it: one command to
    this conversation, no other instruction to the model, and no article but public ones."""
    obeyed = saying(
        reply=text,
        tool_calls=[{"name": "send", "arguments": {"to": "all"}}],
        account_id="b",
        fields={"role": text},
    )
    world, harmless = World(obeyed), World(saying())
    opening = {
        "channel_type": CHANNELS[number % 6],
        "subject": text[:998],
        "contact_name": text[:255],
        "metadata": {"note": text},
    }
    world.thread = Thread(rules(RULE), **opening)
    world.known = [(Source("article", "a1", text[:200]), Passage("a1", text, text))]
    world.thread.says(text, attachments=(Attachment("https://files.example/a", name=text[:200]),))
    harmless.thread.says("How do I return it?")
    for each in (world, harmless):
        if holds(each.thread.c):
            await each.answer()
    assert len(world.commands) <= 1 and all(public for _, public in world.searched)
    for _, prompt in world.provider.sent:
        ((_, plain),) = harmless.provider.sent
        assert _unfenced(prompt) == _unfenced(plain)
    assert not world.thread.c.bot_context.keys() - {"_assisting"}
    assert {type(e.data).__name__ for e in world.thread.entries} <= {
        "Opened", "Message", "Updated", "StatusChanged", "HandoffRequested"
    }  # fmt: skip


def _unfenced(prompt: Rendered) -> str:
    fence = FENCE.search(prompt.user)
    assert fence is not None
    return prompt.system.replace(fence[2], "…")

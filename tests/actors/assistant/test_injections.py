"""Prompt injections: whatever a customer writes stays fenced data, and a draft can do nothing but wait for a person."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Sequence

import pytest
from injections import CORPUS
from msgspec.structs import replace
from samples import SERVICE, Scribe, answered, received, said, to_conversation, to_thread

from tertulia.actors.assistant.drafting import Drafter
from tertulia.actors.assistant.model_calls import ModelCalls
from tertulia.channels.models.rules import RulesModel
from tertulia.core.accounts.account_settings import Assistance
from tertulia.core.assistance.prompts import Passage, Rendered, rendered
from tertulia.core.assistance.suggestions import Source, Suggestion, Wishes
from tertulia.core.conversation.commands import Opening
from tertulia.core.conversation.entries import Attachment, Entry, Message
from tertulia.core.conversation.state import Conversation
from tertulia.core.ports.assistance.models import CallResult, Limits, ModelCall, ModelRequest, Usage
from tertulia.core.text.visible import visible

FENCE = re.compile(r"<(knowledge|conversation|draft)-([0-9a-f]{16})>")


class Recorder:
    """A provider that keeps the prompts as they leave."""

    provider = "recorder"

    def __init__(self) -> None:
        self.sent: list[tuple[ModelRequest, Rendered, str]] = []

    async def stream(self, request: ModelRequest, fence: str) -> AsyncGenerator[str | Usage, None]:
        self.sent.append((request, rendered(request.prompt, fence), fence))
        yield (
            '{"sentiment": 0, "intent": "refund", "confidence": 0.5}'
            if request.purpose == "analysis"
            else "Hello"
        )
        yield Usage("recorder-1", 1, 1)

    async def embed(self, texts: Sequence[str]) -> tuple[list[list[float]], Usage]:
        raise NotImplementedError

    async def close(self) -> None: ...


class NoLedger:
    async def begin(self, call: ModelCall, limits: Limits) -> None: ...

    async def end(self, call: ModelCall, ended: CallResult) -> None: ...


class NoArticles:
    async def relevant(
        self, account_id: str, conversation_id: str, question: str, limits: Limits
    ) -> list[tuple[Source, Passage]]:
        return []


class Kept(list[Suggestion]):
    """The only thing that a draft can do."""

    async def add(self, suggestion: Suggestion) -> bool:
        self.append(suggestion)
        return True


class Stored:
    def __init__(self, c: Conversation, entries: list[Entry]) -> None:
        self.c, self.entries = c, entries

    async def get(self, account_id: str, conversation_id: str) -> Conversation | None:
        return self.c

    async def messages(
        self,
        account_id: str,
        conversations: list[str],
        *,
        before: int | None,
        after: int | None,
        limit: int,
        public: bool,
    ) -> list[Entry]:
        return self.entries


def thread(text: str) -> Stored:
    """A conversation with the text as message, subject, name and file name."""
    scribe = Scribe()
    opening = Opening("email", contact_name=text[:255], subject=text[:998], metadata={"note": text})
    first = scribe.write(to_thread(replace(received("Hello"), opening=opening)))
    conversation = first.after.id
    file = Attachment("https://files.example/a", name=text[:200])
    writes = [first, scribe.write(to_conversation(answered("How can I help?"), conversation))]
    post = said(text, attachments=(file,))
    writes.append(scribe.write(to_conversation(post, conversation, SERVICE)))
    entries = [e for w in writes for e in w.entries if isinstance(e.data, Message)]
    return Stored(scribe.state(conversation).conversation, entries)


async def prompts_of(text: str) -> tuple[Recorder, Kept]:
    recorder, kept, stored = Recorder(), Kept(), thread(text)
    calls = ModelCalls(recorder, RulesModel(), NoLedger(), deadline=5, most=4, prices={})
    drafter = Drafter(calls, stored, kept, NoArticles())  # pyright: ignore[reportArgumentType]
    await drafter.draft(stored.c, Assistance(instruction="We sign as Acme."), Wishes(), None)
    return recorder, kept


TOKENS = re.compile(
    r"<\W?[\w/]|\[/?[A-Z_]{2,}\]|[\U000e0000-\U000e007f\x85\u2028\u2029]|[\ufe00-\ufe0f\U000e0100-\U000e01ef]{3}"
)
"""What models take for tokens of their own, and text that nobody sees."""


def test_there_are_a_hundred_and_thirty() -> None:
    assert len(set(CORPUS)) == 130


@pytest.mark.parametrize("text", CORPUS, ids=range(len(CORPUS)))
async def test_an_injection_stays_data(text: str) -> None:
    recorder, kept = await prompts_of(text)
    harmless, _ = await prompts_of("Where is my refund?")
    assert [request.purpose for request, _, _ in recorder.sent] == ["analysis", "reply"]
    for (_, prompt, fence), (_, plain, other) in zip(recorder.sent, harmless.sent, strict=True):
        assert prompt.system.replace(fence, "") == plain.system.replace(other, ""), (
            "the instruction does not change"
        )
        assert [found[2] for found in FENCE.finditer(prompt.user)] == [fence], (
            "one block, under its own fence"
        )
        assert prompt.user.count(fence) == 2 and prompt.user.endswith(f"</conversation-{fence}>")
        data = prompt.user.split("\n")[1:-1]
        assert not [line for line in data if TOKENS.search(line)]
        lines = [json.loads(line) for line in data]
        assert [line["from"] for line in lines][-1] == "customer" and lines[-1]["text"] == visible(text)
        assert {line["from"] for line in lines[:-1]} <= {"customer", "agent"} and len(lines) <= 3
    (suggestion,) = kept
    assert suggestion.status == "pending" and suggestion.body == "Hello"

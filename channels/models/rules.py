"""The provider `rules` (`core/assistance/rules.py`) behind the port: nothing leaves the process. It runs no agent: a run's answer is
an echo of the user's message."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from functools import cached_property

import msgspec

from ...core.assistance import rules
from ...core.assistance.prompts import since_answered
from ...core.ports.assistance.models import ModelRequest, Usage
from ...core.turn.message_analysis import scored

MODEL = rules.VECTORS


class RulesModel:
    """`core.ports.assistance.models.Model`. The lexicon is read on first use (30 ms)."""

    provider = "rules"

    async def stream(self, request: ModelRequest, fence: str) -> AsyncGenerator[str | Usage, None]:
        prompt = request.prompt
        if request.purpose == "analysis":
            said = prompt.conversation[-1].text if prompt.conversation else ""
            yield msgspec.json.encode(rules.analysed(said, self._score(scored(said)))).decode()
        elif request.purpose == "assist":
            reply, sure, fields = rules.assisted(prompt)
            yield msgspec.json.encode({"reply": reply, "confidence": sure, "fields": fields}).decode()
        else:
            echo = request.purpose == "run"
            text = "\n".join(since_answered(prompt.conversation)) if echo else rules.reply(prompt)
            words = text.split(" ")
            for at, word in enumerate(words):
                yield word if at == 0 else f" {word}"
        yield Usage(MODEL, 0, 0)

    async def embed(self, texts: Sequence[str]) -> tuple[list[list[float]], Usage]:
        return [rules.vector(text) for text in texts], Usage(MODEL, 0, 0)

    async def close(self) -> None:
        """Holds nothing."""

    @cached_property
    def _score(self) -> Callable[[str], float]:
        from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

        analyser = SentimentIntensityAnalyzer()
        analyser.lexicon.update(rules.LEXICON)
        return lambda text: analyser.polarity_scores(text)["compound"]

"""Analyses messages for `core/turn/message_analysis.py`: language (py3langid), sentiment (vaderSentiment) and intent (the
operator's classifier).

Libraries are loaded on first use, in a thread: the language detector takes 0.7 s and 80 MB. A failure yields an empty
analysis, never an error for the customer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

import structlog
from msgspec.structs import replace

from ....core.ports.bots import Classifier, Question
from ....core.turn.message_analysis import (
    NO_ANALYSIS,
    READ,
    SCORED,
    Analysis,
    Wanted,
    believed,
    believed_english,
    by_script,
    has_words,
    is_english,
    scored,
)

log = structlog.get_logger(__name__)

T = TypeVar("T")
Detect = Callable[[str], tuple[str, float]]
"""A text's language, and its probability."""
Score = Callable[[str], float]
"""A text's sentiment, from -1 to 1."""


PATIENCE = 1.0
"""Seconds in a thread's queue after which a message is not classified: its sender is waiting."""


class NotLoaded(Exception):
    """A required library is not loaded yet."""

    def __init__(self, tool: Tool) -> None:
        super().__init__(tool.name)
        self.tool = tool


class Tool(Generic[T]):
    """A library's function, loaded once in a thread. If loading fails, the analysis does without it."""

    def __init__(self, name: str, load: Callable[[], T]) -> None:
        self.name = name
        self._load = load
        self._value: T | None = None
        self._loading: asyncio.Task[None] | None = None
        self._tried = False

    @property
    def value(self) -> T | None:
        """The function; None if it could not be loaded. Raises NotLoaded."""
        if not self._tried:
            raise NotLoaded(self)
        return self._value

    async def load(self) -> None:
        if self._loading is None:
            self._loading = asyncio.ensure_future(self._work())
        await asyncio.shield(self._loading)

    async def _work(self) -> None:
        try:
            self._value = await asyncio.to_thread(self._load)
        except Exception as error:
            log.error("library_unusable", library=self.name, error=repr(error))
        self._tried = True


def load_detector() -> Detect:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True).classify


def load_scorer() -> Score:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    scores = SentimentIntensityAnalyzer().polarity_scores
    return lambda text: scores(text)["compound"]


class MessageAnalyser:
    """Analyses messages; one for each process. Without `classifier` no message is classified."""

    def __init__(
        self,
        classifier: Classifier | None = None,
        *,
        detector: Callable[[], Detect] = load_detector,
        scorer: Callable[[], Score] = load_scorer,
        patience: float = PATIENCE,
    ) -> None:
        self.patience = patience
        self._classifier = classifier
        self._detector = Tool("py3langid", detector)
        self._scorer = Tool("vaderSentiment", scorer)
        self._classified = self._unclassified = 0

    def analyse_now(self, wanted: Wanted) -> Analysis | None:
        """The analysis if it needs no waiting, else None."""
        if wanted.classify and self._classifier is not None:
            return None
        try:
            return self._read(wanted)
        except NotLoaded:
            return None

    async def analyse(self, wanted: Wanted) -> Analysis:
        """The analysis. Never raises. Takes as long as the classifier and loading a library may."""
        while True:
            try:
                analysis = self._read(wanted)
                break
            except NotLoaded as missing:
                await missing.tool.load()
        if not wanted.classify or self._classifier is None:
            return analysis
        language = wanted.known or analysis.language
        question = Question(wanted.content, wanted.channel_type, language, wanted.account_id)
        try:
            found = await self._classifier.classify(question)
        except Exception:
            log.exception("classifier_failed", account=wanted.account_id)
            found = None
        if found is None:
            self._unclassified += 1
            return analysis
        self._classified += 1
        return replace(analysis, classification=found)

    def statistics(self) -> dict[str, float]:
        """Counters for /metrics."""
        return {"classified_total": self._classified, "unclassified_total": self._unclassified}

    def _read(self, wanted: Wanted) -> Analysis:
        try:
            return self._judge(wanted)
        except NotLoaded:
            raise
        except Exception:
            log.exception("analysis_failed", account=wanted.account_id)
            return NO_ANALYSIS

    def _judge(self, wanted: Wanted) -> Analysis:
        language = self._language(wanted.content) if wanted.detect else None
        sentiment = None
        if wanted.sentiment_below is not None and (score := self._scorer.value) is not None:
            found = score(scored(wanted.content))
            # the scorer assumes English; few messages get this far
            if found < wanted.sentiment_below and self._is_english(wanted, language):
                sentiment = found
        return Analysis(language, sentiment)

    def _language(self, content: str) -> str | None:
        text = content[:READ]
        if (language := by_script(text)) is not None:
            return language
        if not has_words(text) or (detect := self._detector.value) is None:
            return None
        return believed(*detect(text))

    def _is_english(self, wanted: Wanted, language: str | None) -> bool:
        known = wanted.known or language
        if known is not None:
            return is_english(known)
        text = wanted.content[:SCORED]
        if not has_words(text) or (detect := self._detector.value) is None:
            return False
        return believed_english(*detect(text))

"""Scores in words, and what a customer's answer to the question makes of a conversation."""

from __future__ import annotations

from typing import Any

import pytest
from samples import NOW, SERVICE, received
from timed_thread import HOUR, Thread

from tertulia.core.accounts.account_settings import AccountSettings
from tertulia.core.conversation.commands import Changes, Opening, Post, Rate, Receive, Update
from tertulia.core.conversation.entries import Attachment, Message, Rated, StatusChanged
from tertulia.core.conversation.status import Status
from tertulia.core.turn.csat import score_of


@pytest.mark.parametrize(
    ("content", "score"),
    [
        *[(str(n), n) for n in range(1, 6)],
        (" 4\n", 4), ("٣", 3), ("፭", 5), ("५", 5), ("４", 4),
        ("5️⃣", 5), ("5/5", 5), ("5.", 5), ("4 / 5", 4), ("(3)", 3), ("②", 2), ("*1*", 1), ("“4”", 4), ("3 out of 5", 3), ("\u200e2\u200f", 2),
        *[(text, None) for text in ("5/10", "1.5", "2,5", "5/", "15.", "6/5", "-5", "5" * 400, "5 - 5", "⭐", "5%", "$5", "5€", "5th", "1 or 5")],
        *[(text, None) for text in ("0", "6", "9", "", " ", "10", "-1", "½", "፮", "5 5", "five hundred", "5 items missing", "5 pm", "5:30", "um", "no. 5 bus")],
        *[(text, 5) for text in ("5 из 5", "5 из пяти", "5 von 5", "5 sur 5", "5 de 5", "5 su 5", "5 z 5", "5 av 5", "٥ من ٥", "۵ از ۵", "5 üzerinden 5", "5/5!")],
        *[(text, 5) for text in ("５", "５／５", "๕", "𝟓", "❺", "5️⃣!", "5⃣", "+5", "05", "5.0", "5,0", "5!!", "5,", "5)", "[5]", "« 5 »", "5 👍", "👍🏽 5", "5⭐️")],
        *[(text, 5) for text in ("five", "Five!", "FIVE STARS", "five out of five", "fünf", "cinq", "cinco", "пять", "Пятёрка", "pięć", "beş", "năm", "五", "五星", "다섯", "خمسة", "חמש", "पाँच")],
        *[(text, 5) for text in ("5 stars", "5 étoiles", "5 Sterne", "5 баллов", "5 звёзд", "5分", "5点", "5 점", "⭐⭐⭐⭐⭐", "★★★★★", "⭐️⭐️⭐️⭐️⭐️", "Score: 5", "Оценка 5")],
        *[(text, 5) for text in ("5, thanks", "5 thank you!", "Gracias, 5", "5. Спасибо!", "5 ありがとうございます", "п’ять", "星5つ", "5 obrigado", "5\n\nSent from my iPhone", "5\nVon meinem iPhone gesendet")],
        *[(text, None) for text in ("thanks", "5 thanks for nothing", "thanks but 5", "5\nSent it back", "*****")],
        ("★★★☆☆", 3), ("★☆☆☆☆", 1), ("★★☆", None), ("three", 3), ("один", 1), ("2 stars", 2), ("4 out of 5 stars", 4), ("5\n\n-- \nAna", 5), ("4\n> How was it?", 4),
    ],
)  # fmt: skip
def test_a_score_is_a_number_alone(content: str, score: int | None) -> None:
    assert score_of(content) == score


def asked(question: str | None = None) -> Thread:
    stated = {} if question is None else {"csat_question": question}
    thread = Thread(csat_enabled=True, auto_close_hours=3, **stated)
    thread.do(received("hello"))
    thread.do(Update(Changes(status=Status.RESOLVED)), SERVICE)
    ((_, message),) = thread.until(NOW + 60_000)
    assert isinstance(message, Message) and message.content == (question or AccountSettings().csat_question)
    return thread


def test_the_answer_is_kept_as_score_and_message_and_reopens_nothing() -> None:
    thread = asked("Comment c’était ? 1–5")
    score, message = thread.do(received("5"))
    assert score == Rated(5) and isinstance(message, Message) and message.content == "5"
    (answer,) = thread.outcome.entries
    assert answer.data == message, "who writes is told of the message"
    assert thread.c.status is Status.RESOLVED and not thread.c.csat_due and thread.c.unread_count == 2
    ((at, data),) = thread.until(NOW + 10 * HOUR)
    assert at == 3 * HOUR and data.to_status is Status.CLOSED, "it closes when it would have"


def test_anything_else_reopens_and_is_asked_about_again() -> None:
    thread = asked()
    status, _ = thread.do(received("5 more minutes please"))
    assert status == StatusChanged(Status.RESOLVED, Status.OPEN)
    assert [type(d) for d in thread.do(received("5"))] == [Message], "the question was about the last time"
    thread.do(Update(Changes(status=Status.RESOLVED)), SERVICE)
    assert len(thread.until(thread.now + 60_000)) == 1
    assert isinstance(thread.do(received("2"))[0], Rated)


def test_a_second_digit_is_a_message_like_any_other() -> None:
    thread = asked()
    thread.do(received("5"))
    assert [type(d) for d in thread.do(received("4"))] == [StatusChanged, Message]


def test_a_digit_is_a_message_where_nobody_asked() -> None:
    thread = Thread()
    thread.do(received("hello"))
    thread.do(Update(Changes(status=Status.RESOLVED)), SERVICE)
    assert [type(d) for d in thread.do(received("5"))] == [StatusChanged, Message]


def test_a_score_given_otherwise_is_the_answer() -> None:
    thread = asked()
    thread.do(Rate(3), SERVICE)
    assert [type(d) for d in thread.do(received("5"))] == [StatusChanged, Message]


@pytest.mark.parametrize(
    "fields",
    [{"attachments": (Attachment("https://files/5.png"),)}, {"content_type": "image"}],
)
def test_a_picture_is_no_score(fields: dict[str, Any]) -> None:
    thread = asked()
    said = thread.do(Receive(Opening("webchat"), Post("contact", "5", **fields)))
    assert [type(d) for d in said] == [StatusChanged, Message]

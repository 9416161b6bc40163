"""Functions of text over hostile text: only the errors they name, what comes out can be stored and is bounded, twice is once."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from fuzzing import EXAMPLES, fuzzed
from growth_table import CHANNELS, CORE, REFUSES, Row
from hostile_text import header, html, texts
from hypothesis import given, settings
from hypothesis import strategies as st

from tertulia.channels.email import html as mail_html
from tertulia.channels.email import text as mail_text
from tertulia.channels.shared import text
from tertulia.channels.shared.phones import e164
from tertulia.core.accounts import agents_and_teams
from tertulia.core.channels import file_types
from tertulia.core.conversation.mentions import MAX_MENTIONS, MAX_READINGS, words_of
from tertulia.core.text import email_subjects, normalization
from tertulia.core.text.text_matching import Text, fold

OF_TEXT = {
    name: row
    for name, row in {**CHANNELS, **CORE}.items()
    if isinstance(next(iter(row.makers.values()))(1), str)
}
"""Rows whose function is given a text."""


@settings(fuzzed, max_examples=4 * EXAMPLES)
@given(st.sampled_from(sorted(OF_TEXT)), texts | html | header)
def test_only_the_errors_it_names(name: str, said: str) -> None:
    row: Row = OF_TEXT[name]
    try:
        row.function(said)
    except REFUSES:
        pass


@fuzzed
@given(texts | html)
def test_html_is_harmless_and_bounded(said: str) -> None:
    clean = mail_html.sanitised(said)
    assert "<script" not in clean and "\0" not in clean
    for most in (0, 10, len(clean) // 2):
        assert len(mail_html.shortened(clean, most)) <= most
    read = mail_html.as_text(clean)
    assert len(read) <= 2 * len(clean) + 1 and "\n\n\n" not in read and read == read.strip()


@fuzzed
@given(texts, st.sampled_from([20, 160, 1_600]), st.sampled_from([text.length, text.utf8_length]))
def test_pieces_fit_and_lose_nothing_but_blanks(said: str, limit: int, measure: Callable[[str], int]) -> None:
    pieces = text.pieces(said, limit, measure)
    assert all(measure(piece) <= limit for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(said.split())


@fuzzed
@given(texts)
def test_what_is_stored_can_be_stored(said: str) -> None:
    content, _ = text.content(said)
    assert len(content) <= text.MAX_CONTENT and "\0" not in content
    msgspec.json.encode([content, text.short(said), file_types.safe_name(text.clean(said))])


@fuzzed
@given(header)
def test_ids_and_subjects_are_bounded(said: str) -> None:
    assert len(mail_text.message_id(said) or "") <= mail_text.MAX_ID
    assert len(mail_text.references(said, said)) <= mail_text.MAX_REFERENCES
    topic = email_subjects.topic(said)
    assert len(topic) <= email_subjects.MAX_TOPIC
    if (
        len(topic) < email_subjects.MAX_TOPIC - 1
    ):  # one that was cut may end within a character that comes apart
        assert email_subjects.topic(topic) == topic


@fuzzed
@given(texts)
def test_the_new_part_is_of_the_text(said: str) -> None:
    lines = set(said.strip().splitlines()) | {line.strip() for line in said.splitlines()}
    assert all(line in lines or line.strip() in lines for line in mail_text.new_part(said).splitlines())


@fuzzed
@given(texts)
def test_folding_is_bounded_and_done_once(said: str) -> None:
    folded = fold(said)
    assert len(folded) <= 18 * 3 * normalization.MAX_FOLDED
    assert len(words_of(said).ids) <= MAX_MENTIONS * MAX_READINGS
    assert agents_and_teams.folded(agents_and_teams.folded(said[:255])) == agents_and_teams.folded(said[:255])
    assert not Text(said).has("")


@fuzzed
@given(texts)
def test_a_number_is_one_or_stays_as_it_is(said: str) -> None:
    try:
        number = e164(said)
    except ValueError:
        return
    assert number == said.strip() or (number[0] == "+" and number[1:].isdecimal())

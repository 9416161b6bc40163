"""Variables in texts: what is known is filled in, once; everything else stays as it is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.core.text.templates import render

VALUES = {"contact_name": "Marta", "agent_name": "Abeba", "conversation_id": "c-1"}
names = st.sampled_from(sorted(VALUES))
spaces = st.text(" \t", max_size=3)
plain = st.text(st.characters(exclude_characters="{}"), max_size=20)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("Hello {{contact_name}}, I am {{ agent_name }}.", "Hello Marta, I am Abeba."),
        ("{{contact_name}}{{contact_name}}", "MartaMarta"),
        ("{{unknown}} {{ }} {{}} {contact_name} {{contact_name}", "{{unknown}} {{ }} {{}} {contact_name} {{contact_name}"),
        ("{{{contact_name}}}", "{Marta}"),
        ("{{contact name}} {{Contact_Name}} {{contact_name.x}}", "{{contact name}} {{Contact_Name}} {{contact_name.x}}"),
        ("{{contact_\nname}} {{\ncontact_name}}", "{{contact_\nname}} {{\ncontact_name}}"),
    ],
)  # fmt: skip
def test_what_becomes_of_a_text(text: str, expected: str) -> None:
    assert render(text, VALUES) == expected


@given(st.lists(st.tuples(plain, names, spaces, spaces)), plain)
def test_every_known_variable_is_filled_in(parts: list[tuple[str, str, str, str]], end: str) -> None:
    text = "".join(f"{before}{{{{{a}{name}{b}}}}}" for before, name, a, b in parts) + end
    assert render(text, VALUES) == "".join(before + VALUES[name] for before, name, _, _ in parts) + end


@given(st.dictionaries(names, st.text(max_size=40)), names)
def test_a_value_is_never_read_as_a_text(values: dict[str, str], name: str) -> None:
    text = f"a {{{{{name}}}}} z"
    assert render(text, values) == (f"a {values[name]} z" if name in values else text)
    hostile = {"contact_name": "{{agent_name}}", "agent_name": "{{contact_name}}"}
    assert render("{{contact_name}}{{agent_name}}", hostile) == "{{agent_name}}{{contact_name}}"


@given(st.text(st.sampled_from("{} \tabc_name"), max_size=200))
def test_without_values_a_text_stays_as_it_is(text: str) -> None:
    assert render(text, {}) == text

"""Rules for every provider: it is a ChannelKind, and its modules are pure."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from test_architecture import purity_faults

import tertulia.channels
from tertulia.channels import CHANNELS
from tertulia.core.ports.channels import ChannelKind

FOLDER = Path(tertulia.channels.__file__).parent


FORMATS = sorted(
    str(path.relative_to(FOLDER))
    for path in FOLDER.rglob("*.py")
    if path.relative_to(FOLDER).parts[0] not in {"double", "models", "outgoing"}
)
"""The providers' formats. `outgoing` sends the requests that they describe; `double` plays the provider; `models` calls language models itself."""


def test_every_provider_is_in_the_table_and_web_chat_has_none() -> None:
    assert set(CHANNELS) == {"whatsapp", "messenger", "telegram", "sms", "email"}


@pytest.mark.parametrize("name", CHANNELS)
def test_a_kind_has_all_that_the_port_asks_for(name: str) -> None:
    kind = CHANNELS[name]  # type: ignore[index]
    names = {n for n in vars(ChannelKind) if not n.startswith("_")} | set(ChannelKind.__annotations__)
    assert names and all(hasattr(kind, n) for n in names)
    assert kind.base_url.startswith("https://") and not kind.base_url.endswith("/") and kind.rate > 0


@pytest.mark.parametrize("name", FORMATS)
def test_no_input_output_clock_or_chance(name: str) -> None:
    source = (FOLDER / name).read_text()
    assert list(purity_faults(name, ast.parse(source))) == []

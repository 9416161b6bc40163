"""What holds for every provider: it is a ChannelKind, and its modules do nothing but compute."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from test_house import IMPURE_MODULES, imports

import tertulia.channels
from tertulia.channels import messenger, sms, telegram, whatsapp
from tertulia.core.ports_channels import ChannelKind

KINDS: dict[str, ChannelKind] = {
    "whatsapp": whatsapp,
    "messenger": messenger,
    "telegram": telegram,
    "sms": sms,
}
FILES = "answers messenger meta payloads phones signing sms telegram telegram_contents text whatsapp whatsapp_contents"


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_has_all_that_the_port_asks_for(name: str) -> None:
    kind = KINDS[name]
    names = {n for n in vars(ChannelKind) if not n.startswith("_")} | set(ChannelKind.__annotations__)
    assert names and all(hasattr(kind, n) for n in names)
    assert kind.base_url.startswith("https://") and not kind.base_url.endswith("/") and kind.rate > 0


@pytest.mark.parametrize("name", FILES.split())
def test_no_input_output_clock_or_chance(name: str) -> None:
    source = Path(tertulia.channels.__file__).with_name(f"{name}.py").read_text()
    found = {module.split(".")[0] for _, level, module, _ in imports(ast.parse(source)) if not level}
    assert not found & (IMPURE_MODULES | {"time", "datetime", "uuid"})

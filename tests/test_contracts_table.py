"""docs/contracts.md: every test that its tables name exists."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
NAMED = re.compile(r"`(test_[a-z0-9_]+)`")
MADE = re.compile(r"^(?:async )?def (test_[a-z0-9_]+)", re.MULTILINE)


def missing(table: str, sources: list[str]) -> set[str]:
    return set(NAMED.findall(table)) - {name for source in sources for name in MADE.findall(source)}


def test_a_missing_test_is_seen() -> None:
    assert missing("| `test_b` |", ["def test_a() -> None: ..."]) == {"test_b"}


def test_every_test_that_the_table_names_exists() -> None:
    table = (ROOT / "docs/contracts.md").read_text()
    assert NAMED.search(table)
    assert missing(table, [path.read_text() for path in (ROOT / "tests").rglob("test_*.py")]) == set()

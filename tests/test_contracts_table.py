"""docs/contracts.md: every test that its tables name exists, and every field has one; what is missing in them is seen."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from contract_documents import SECTIONS, rows, section
from contract_documents import missing as missing_rules

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


@pytest.mark.parametrize("document", SECTIONS)
def test_every_field_has_a_rule_and_a_test(document: str) -> None:
    found = rows(section((ROOT / "docs/contracts.md").read_text(), document))
    assert len(found) > 30
    assert [row for row in found if not row.rule or not row.tests] == []


DOCUMENT = """
POST /api/v1/things
`201 Created`, header `X-Thing`
- `limit` (default: 50): most things
```sql
CREATE TABLE things (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  name VARCHAR(50) NOT NULL,
  state VARCHAR(20) DEFAULT 'new',
  CONSTRAINT valid CHECK (state IN ('new', 'old'))
);
```
├── kind   Enum: big | small (default: big)
```json
{"made_at": "2025-11-04T00:00:00Z", "parts": [], "owner": null}
```
"""
TABLE = """
## CRM
`POST /api/v1/things`: `201`, X-Thing
| of | field | rule | test |
|---|---|---|---|
| a thing | `id` | UUID | `test_a` |
| a thing | `name` | text, at most 50 characters; required | `test_a` |
| a thing | `state` | text: one of `new`, `old`; default `new` | `test_a` |
| a thing | `kind` | one of `big`, `small`; default `big` | `test_a` |
| a thing | `made_at` | time | `test_a` |
| a thing | `parts` | list | `test_a` |
| a thing | `owner` | text; or null | `test_a` |
| a list | `limit` | whole number; default `50` | `test_a` |
"""


def test_what_a_document_says_and_no_row_has_is_seen() -> None:
    assert missing_rules("crm.md", DOCUMENT, TABLE) == []
    for gone in ("at most 50 characters", "required", "`old`", "default `new`", "UUID", "default `50`", "201", "X-Thing",
                 "| a thing | `parts` |", "or null", "POST /api/v1/things", "`small`"):  # fmt: skip
        assert missing_rules("crm.md", DOCUMENT, TABLE.replace(gone, "")) != [], gone

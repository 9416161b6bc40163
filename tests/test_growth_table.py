"""Every function that reads untrusted input takes time and memory linear in it, and none is missing from the table."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from growth import assert_all_linear
from growth_table import EXEMPT, REFUSES, ROWS

ROOT = Path(__file__).parents[1]
READ_TEXT = (
    "assistance.analysis",
    "assistance.answers",
    "assistance.assist",
    "assistance.site_files",
    "assistance.prompts",
    "assistance.rules",
    "turn.account_rules",
    "turn.assisting",
    "url_policy",
    "turn.form_filling",
    "channels.file_types",
    "turn.handoff",
    "accounts.identifiers",
    "accounts.phones",
    "text.languages",
    "channels.signed_urls",
    "conversation.mentions",
    "text.field_errors",
    "text.normalization",
    "accounts.agents_and_teams",
    "assistance.articles",
    "assistance.markdown_files",
    "turn.csat",
    "text.email_subjects",
    "text.templates",
    "turn.message_analysis",
    "text.text_matching",
)
"""Modules of `core/` that read what strangers write; of `channels/`, all do."""


def modules() -> dict[str, Path]:
    paths = [p for p in (ROOT / "channels").rglob("*.py") if "double" not in p.parts and p.stem != "__init__"]
    paths += [ROOT / "core" / f"{name.replace('.', '/')}.py" for name in READ_TEXT]
    return {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in paths}


def public_functions(source: str) -> set[str]:
    """What a module offers: its functions, and those of others that it gives names of its own."""
    found = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
        elif (
            isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Attribute)
            and node.value.attr.islower()
        ):
            found |= {
                target.id for target in node.targets if isinstance(target, ast.Name) and target.id.islower()
            }
    return {name for name in found if not name.startswith("_")}


@pytest.mark.parametrize("name", ROWS)
def test_growth(name: str) -> None:
    row = ROWS[name]
    assert_all_linear(row.function, row.makers, row.n, memory=row.memory, base=row.base, refuses=REFUSES)


def test_every_public_function_has_a_row() -> None:
    known = {name.split(" ")[0] for name in (*ROWS, *EXEMPT)}
    functions = {
        f"{module}.{name}"
        for module, path in modules().items()
        for name in public_functions(path.read_text("utf-8"))
    }
    assert not functions - known, "add a row to tests/growth_table.py"
    assert not EXEMPT.keys() - functions, "no such function"


def test_the_check_sees_a_function_without_a_row() -> None:
    source = "import a\nbase_url = a.URL\nverify = a.verify\ndef parse(): ...\ndef _own(): ...\nTABLE = a.b\n"
    assert public_functions(source) == {"verify", "parse"}

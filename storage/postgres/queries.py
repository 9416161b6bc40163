"""Named SQL queries from the files in `sql/`: one file per store, each query after a line `-- name: <name>`.

The comment below the name describes the query and its parameters. It stays in the text that is sent to Postgres.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent / "sql"
_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


@cache
def sql(name: str, **parts: str) -> str:
    """The query `name`, with its `{{part}}` placeholders replaced by other query texts, never by user input.

    Raises KeyError if there is no such query.
    """
    text = named_queries()[name]
    for key, value in parts.items():
        text = text.replace("{{" + key + "}}", value)
    return text


@cache
def named_queries() -> dict[str, str]:
    """Every query by name. Raises ValueError if two queries share a name."""
    found: dict[str, str] = {}
    for path in sorted(_FOLDER.glob("*.sql")):
        _, *parts = _NAME.split(path.read_text())
        for name, text in zip(parts[::2], parts[1::2], strict=True):
            if name in found:
                raise ValueError(f"{path.name}: a second query is named {name}")
            found[name] = text.strip("\n")
    return found

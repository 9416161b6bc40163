"""SQL from files: one query a file under `storage/sql/`, its header comment the description."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent / "sql"


@cache
def sql(name: str, **parts: str) -> str:
    """The query `name`, its `{{part}}` placeholders replaced by other query texts (never by user input)."""
    text = (_FOLDER / f"{name}.sql").read_text()
    for key, value in parts.items():
        text = text.replace("{{" + key + "}}", value)
    return text

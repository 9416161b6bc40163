"""Pieces of HTML that reports share."""

from __future__ import annotations

import html
from collections.abc import Collection, Iterable, Sequence

LONGEST = 200
"""Characters of a value that are shown."""


def escaped(text: object) -> str:
    return html.escape(str(text))


def table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Names and cells are HTML already."""
    head = "".join(f"<th>{name}</th>" for name in names)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def settings(
    value: dict[str, object], prefix: str = "", *, unset: Collection[object] = (None, [], "")
) -> Iterable[str]:
    """A line for each value, with its path; none for those of `unset`."""
    for name, item in value.items():
        if isinstance(item, dict):
            yield from settings(item, f"{prefix}{name}.", unset=unset)  # pyright: ignore[reportUnknownArgumentType]
        elif isinstance(item, list) and item and isinstance(item[0], dict):
            for i, one in enumerate(item):
                yield from settings(one, f"{prefix}{name}[{i}].", unset=unset)
        elif item not in unset:
            text = str(item)
            yield f"{prefix}{name} = {text if len(text) <= LONGEST else text[:LONGEST] + ' …'}"

"""Templates with variables, as in canned responses: `{{contact_name}}`, with optional spaces inside the braces.

Values are plain text: braces in them are not variables. Unknown names stay as written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

# bounded repetition: clients write the text, and the search must stay linear
_VARIABLE = re.compile(r"\{\{[ \t]{0,16}([A-Za-z_][A-Za-z0-9_]{0,63})[ \t]{0,16}\}\}")


def render(text: str, values: Mapping[str, str]) -> str:
    """`text` with its variables replaced by `values`, in one pass."""

    def value(found: re.Match[str]) -> str:
        return values.get(found[1], found[0])

    return _VARIABLE.sub(value, text)

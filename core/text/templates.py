"""Texts with variables, as canned responses have them: `{{contact_name}}`, with spaces inside the braces if one likes.

What a value holds is text and nothing else: braces in it are no variables. A name that is not known stays as it is
written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

# bounded runs: the text is a client's, and a search must not walk it twice
_VARIABLE = re.compile(r"\{\{[ \t]{0,16}([A-Za-z_][A-Za-z0-9_]{0,63})[ \t]{0,16}\}\}")


def render(text: str, values: Mapping[str, str]) -> str:
    """`text` with its variables replaced by `values`, in one pass."""

    def value(found: re.Match[str]) -> str:
        return values.get(found[1], found[0])

    return _VARIABLE.sub(value, text)

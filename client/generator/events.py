"""The modules of the events that the clients' streams yield, for Python and for TypeScript."""

from __future__ import annotations

from .schemas import NOTE, SCHEMAS, Json

INTERNAL = {"ready", "close"}
"""Events that the clients' streams take for themselves."""


def event_types(doc: Json) -> dict[str, str]:
    """Type of event → its schema's name."""
    mapping = doc["components"]["schemas"]["Event"]["discriminator"]["mapping"]
    return {type: reference.removeprefix(SCHEMAS) for type, reference in mapping.items()}


def python_events(doc: Json) -> str:
    """The module of the events that streams yield."""
    names = [name for type, name in event_types(doc).items() if type not in INTERNAL]
    return (
        f'"""The events that streams yield. `event["type"]` tells them apart for type checkers too. {NOTE}"""\n\n'
        f"from typing import TypeAlias\n\nfrom .models import {', '.join(names)}\n\nEvent: TypeAlias = {' | '.join(names)}\n"
    )


def npm_events(doc: Json) -> str:
    """The TypeScript types of the events that streams yield."""
    names = [name for type, name in event_types(doc).items() if type not in INTERNAL]
    arms = "\n".join(f'  | Schemas["{name}"]' for name in names)
    return (
        f"/** The events that streams yield; `event.type` tells them apart. {NOTE} */\n\n"
        'import type { components } from "./openapi.js";\n\ntype Schemas = components["schemas"];\n\n'
        f"export type Event =\n{arms};\n"
    )


def npm_event_names(doc: Json) -> str:
    """The types that an EventSource must listen for."""
    names = "\n".join(f'  "{type}",' for type in event_types(doc))
    return f"/** The types of events. {NOTE} */\n\nexport const TYPES = [\n{names}\n];\n"

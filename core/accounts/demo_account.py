"""The demo account of `tertulia serve --demo`: its id and its agents, with the ids that the README names."""

from __future__ import annotations

from typing import Final

from .principal import Role


def demo_id(number: int) -> str:
    """`00000000-0000-0000-0000-0000000000NN`"""
    return f"00000000-0000-0000-0000-{number:012d}"


ACCOUNT: Final = demo_id(1)
AGENTS: Final = {
    demo_id(21): ("Abeba", Role.AGENT),
    demo_id(22): ("Bruno", Role.AGENT),
    demo_id(23): ("Chen", Role.LEAD),
    demo_id(24): ("Dana", Role.ADMIN),
}

"""Play the reported cases on a served project, and print each with its right value and whether it holds.

    make cases                                   the demo on http://127.0.0.1:8080
    make cases ARGS="http://127.0.0.1:9000 -k mail"
    TOKEN=…                                      an admin's token, where `tertulia token` cannot make one

Exits 1 if a case does not hold. It leaves customers and conversations behind, under names of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parents[1]))

from cases.reported import CASES
from cases.world import World

from tertulia.serving import demo


def token() -> str:
    """An admin's token, with the secret of the running server's data folder."""
    if given := os.environ.get("TOKEN"):
        return given
    command = [
        sys.executable,
        "-m",
        "tertulia",
        "token",
        "--account",
        demo.ACCOUNT,
        "--role",
        "admin",
        "--user",
        "cases",
    ]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode:
        sys.exit(f"no token: {made.stderr.strip()}\nset TERTULIA_DATA to the server's data folder, or TOKEN")
    return made.stdout.strip()


async def play(base: str, wanted: str) -> int:
    """How many cases do not hold."""
    failed = 0
    headers = {"Authorization": f"Bearer {token()}"}
    async with httpx.AsyncClient(base_url=base, headers=headers, timeout=30) as http:
        for case in CASES:
            if wanted not in case.name:
                continue
            try:
                await case.check(World(http))
            except (AssertionError, httpx.HTTPError, KeyError, ValueError) as error:
                failed += 1
                verdict = f"NO     {str(error) or type(error).__name__}"
            else:
                verdict = "holds"
            print(f"{case.name}\n    right  {case.right}\n    {verdict}", flush=True)
    return failed


def main() -> None:
    parser = argparse.ArgumentParser(description="Play the reported cases on a served project.")
    parser.add_argument("base", nargs="?", default=os.environ.get("BASE", "http://127.0.0.1:8080"))
    parser.add_argument("-k", default="", help="only the cases with this in their name")
    arguments = parser.parse_args()
    failed = asyncio.run(play(arguments.base, arguments.k))
    print(f"{failed} of {len(CASES)} do not hold" if failed else "all hold")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()

"""Node for tests: Debian's, installed when it is missing and that is possible."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest


def program(name: str, package: str) -> str:
    """The path of a program of a Debian package."""
    if shutil.which(name) is None and os.geteuid() == 0 and shutil.which("apt-get"):
        install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", package]
        environment = {
            **os.environ,
            "DEBIAN_FRONTEND": "noninteractive",
            "RUNLEVEL": "1",
        }  # starts no service
        if subprocess.run(install, env=environment, capture_output=True, check=False).returncode:
            subprocess.run(["apt-get", "update", "-qq"], env=environment, capture_output=True, check=False)
            subprocess.run(install, env=environment, capture_output=True, check=False)
    found = shutil.which(name)
    if found is None:
        pytest.fail(f"{name} is missing; install it: sudo apt-get install {package}", pytrace=False)
    return found


async def start(script: str, cwd: Path, **environment: str) -> asyncio.subprocess.Process:
    """A script that runs in node."""
    return await asyncio.create_subprocess_exec(
        program("node", "nodejs"), script, cwd=cwd, env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def result(process: asyncio.subprocess.Process) -> dict[str, Any]:
    """The JSON in the last line that a script prints."""
    async with asyncio.timeout(90):
        output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return json.loads(output.decode().splitlines()[-1])

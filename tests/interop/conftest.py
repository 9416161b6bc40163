"""Tests by means of the providers' own libraries, which `make interop` installs; `make test` goes without them."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import AsyncIterator

import pytest
from desk import Desk, desk

LIBRARIES = {
    "test_aiogram.py": "aiogram",
    "test_python_telegram_bot.py": "telegram",
    "test_postmarker.py": "postmarker",
    "test_pywa.py": "pywa",
    "test_pyfacebook.py": "pyfacebook",
    "test_twilio.py": "twilio",
    "test_openai.py": "openai",
    "test_anthropic.py": "anthropic",
    "test_langflow.py": "langflow_sdk",
}
collect_ignore = [name for name, library in LIBRARIES.items() if importlib.util.find_spec(library) is None]

os.environ["PTB_TIMEDELTA"] = "1"  # python-telegram-bot warns of what it will be by itself in time


@pytest.fixture
async def at() -> AsyncIterator[Desk]:
    """The double, a receiver of its webhooks, and its control API."""
    async with desk() as made:
        yield made

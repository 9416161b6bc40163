"""Fails a unit test that starts Ray."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest
import ray


@pytest.fixture(autouse=True)
def no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise AssertionError("a unit test started Ray")

    monkeypatch.setattr(ray, "init", refuse)

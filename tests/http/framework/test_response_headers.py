"""Strict-Transport-Security goes out where clients come by HTTPS, and nowhere else. (The others: tests/acceptance.)"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tertulia.core.errors import NotFound
from tertulia.http.framework import problems, responses

HSTS = "Strict-Transport-Security"


@pytest.fixture(autouse=True)
def _again() -> Iterator[None]:
    yield
    responses.configure(None)


@pytest.mark.parametrize(
    ("public_url", "strict"),
    [
        (None, False),
        ("http://desk.example", False),
        ("https://desk.example", True),
        ("HTTPS://desk.example", True),
    ],
)
def test_only_https_servers_ask_for_https(public_url: str | None, strict: bool) -> None:
    responses.configure(public_url)
    answer = responses.json_bytes(200, "r", b"{}").decode()
    assert answer.endswith("\r\n\r\n{}") and (f"\r\n{HSTS}: max-age=31536000\r\n" in answer) is strict
    problem = problems.problem_response(NotFound("x"), "r")
    assert (HSTS in problem.headers) is strict
    assert (HSTS.encode() in responses.response_bytes(problem)) is strict


def test_a_response_keeps_what_it_says_itself() -> None:
    headers = {"Cache-Control": "private"}
    responses.secured(headers)
    assert headers["Cache-Control"] == "private" and headers["X-Content-Type-Options"] == "nosniff"

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from tertulia import logs

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
CANARY = "hunter2secretvalue"


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    logging.root.handlers[:], logging.root.level = handlers, level
    structlog.reset_defaults()


def logged(form: Any, event: str, level: str = "info", **fields: Any) -> str:
    out = io.StringIO()
    logs.configure("info", form, out)
    getattr(structlog.get_logger("test"), level)(event, **fields)
    return out.getvalue()


SECRETS: list[dict[str, Any]] = [
    {"authorization": CANARY},
    {"Authorization": f"Bearer {CANARY}"},
    {"headers": {"Authorization": CANARY, "Cookie": CANARY}},
    {"headers": {"X": f"Bearer {CANARY}"}},
    {"access_token": CANARY},
    {"refreshToken": CANARY},
    {"ticket": CANARY},
    {"client_secret": CANARY},
    {"password": CANARY},
    {"password": 123456},
    {"credentials": {"anything": CANARY}},
    {"tokens": [CANARY]},
    {"secret": CANARY.encode()},
    {"url": f"wss://h/v1/ws?topics=a&ticket={CANARY}&since=1"},
    {"url": f"/v1/stream?token={CANARY}"},
    {"url": f"postgresql://user:{CANARY}@host/db"},
    {"url": f"redis://:{CANARY}@host/0"},
    {"body": json.dumps({"access_token": CANARY})},
    {"body": json.dumps({"a": json.dumps({"password": CANARY})})},
    {"body": f'{{"password": "{CANARY}"}}'.encode()},
    {"reason": f"could not verify {JWT} of x"},
    {"items": [{"deep": [{"x": JWT}]}]},
    {"error": ValueError(JWT)},
]


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize("fields", SECRETS, ids=str)
def test_secrets_do_not_reach_the_log(form: str, fields: dict[str, Any]) -> None:
    line = logged(form, "something", **fields)
    assert CANARY not in line and "c2lnbmF0dXJl" not in line and "eyJzdWIi" not in line
    assert logs.REDACTED in line


@pytest.mark.parametrize("form", ["json", "console"])
def test_secrets_in_events_exceptions_and_foreign_records_neither(form: Any) -> None:
    assert CANARY not in logged(form, f"GET /v1/ws?ticket={CANARY} 101")
    out = io.StringIO()
    logs.configure("info", form, out)
    logging.getLogger("aiohttp.access").info('"GET /v1/stream?ticket=%s" 200', CANARY)
    logging.getLogger("x").warning("headers %s", {"authorization": f"Bearer {CANARY}"})
    try:
        raise RuntimeError(f"bad token={CANARY} and {JWT}")
    except RuntimeError:
        structlog.get_logger().exception("failed")
        logging.getLogger("x").exception("failed too")
    text = out.getvalue()
    assert CANARY not in text and "c2lnbmF0dXJl" not in text
    assert text.count("RuntimeError") >= 2


def test_what_is_no_secret_stays() -> None:
    fields = {
        "token_id": "t-1",
        "tokens_used": 7,
        "ticket_count": 3,
        "url": "/v1/x?cursor=abc&limit=5",
        "tokens": 5,
    }
    record = json.loads(logged("json", "a ticket was bought: see 7", **fields))
    assert {key: record[key] for key in fields} == fields
    assert record["event"] == "a ticket was bought: see 7"
    assert (record["level"], record["logger"]) == ("info", "test")


INJECTIONS = [
    "a\nINFO forged",
    "a\r\nb",
    "a\u2028b",
    "a\x85b",
    "\x1b[2Jgone",
    "a\0b",
    "\x7f",
    "\ud800",
    "a\x0bb\x0cc\x1db",
]


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize("text", INJECTIONS)
def test_one_record_is_one_line(form: str, text: str) -> None:
    line = logged(form, text, field=text, nested={text: [text]}, **{"k" + text: 1})
    assert len(line.splitlines()) == 1 and line.endswith("\n")
    assert line[:-1].isprintable()


@given(st.text())
def test_any_text_is_one_json_line_and_survives(text: str) -> None:
    line = logged("json", "event", body=[text])
    assert len(line.splitlines()) == 1
    if "://" not in text and not logs._PATTERNS[-1][0].search(text):
        assert json.loads(line)["body"] == [logs.redact_text(text)]


@pytest.mark.parametrize("text", ["eyJ" * 300_000, "a" * 1_000_000, "token" * 200_000, "://a:" * 200_000])
def test_a_huge_value_is_cut(text: str) -> None:
    line = logged("json", "event", body=text)
    assert len(line) < 20_000 and "more]" in line


def test_a_trace_on_a_terminal_cannot_forge_a_record() -> None:
    out = io.StringIO()
    logs.configure("info", "console", out)
    try:
        raise ValueError("a\n2026-01-01 info forged\x1b[0m")
    except ValueError:
        structlog.get_logger().exception("failed")
    first, *rest = out.getvalue().splitlines()
    assert "failed" in first and rest and all(line.startswith("  | ") for line in rest)
    assert "\x1b" not in out.getvalue()


def test_a_trace_in_json_stays_in_its_line() -> None:
    out = io.StringIO()
    logs.configure("info", "json", out)
    try:
        raise ValueError("x")
    except ValueError:
        structlog.get_logger().exception("failed")
    assert "ValueError: x" in json.loads(out.getvalue())["exception"]


def test_the_context_of_a_request_is_on_every_record() -> None:
    token = logs.request_context.set({"request_id": "r-1"})
    try:
        assert json.loads(logged("json", "a"))["request_id"] == "r-1"
        assert json.loads(logged("json", "a", request_id="own"))["request_id"] == "own"
    finally:
        logs.request_context.reset(token)
    assert "request_id" not in json.loads(logged("json", "a"))


def test_levels_and_forms() -> None:
    out = io.StringIO()
    logs.configure("warning", "auto", out)
    structlog.get_logger().info("quiet")
    logging.getLogger("x").info("quiet")
    structlog.get_logger().warning("loud")
    assert [json.loads(line)["event"] for line in out.getvalue().splitlines()] == ["loud"]

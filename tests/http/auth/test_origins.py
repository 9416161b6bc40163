from __future__ import annotations

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from tertulia.core.errors import Forbidden
from tertulia.http.auth.origins import Origin, OriginPolicy, parse
from tertulia.settings import Settings

SETTINGS = Settings(
    public_url="https://chat.example.com/base",
    allowed_origins="https://desk.example.com, http://localhost:5173/",
)


def check(
    origin: str | None, *, host: str = "127.0.0.1:8080", policy: OriginPolicy | None = None, **extra: str
) -> None:
    headers = {"Host": host} | ({} if origin is None else {"Origin": origin})
    headers |= {name.replace("_", "-"): value for name, value in extra.items()}
    (policy or OriginPolicy.from_settings(SETTINGS)).check(
        make_mocked_request("GET", "/v1/ws", headers=headers)
    )


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "http://127.0.0.1:8080",
        "https://chat.example.com",
        "https://chat.example.com:443",
        "HTTPS://Chat.Example.COM",
        "https://desk.example.com",
        "http://localhost:5173",
    ],
)
def test_own_and_allowed_origins_pass(origin: str | None) -> None:
    check(origin)


def test_the_own_origin_is_the_host_asked_for() -> None:
    check("http://tertulia.internal", host="tertulia.internal", policy=OriginPolicy())
    check("http://[::1]:8080", host="[::1]:8080", policy=OriginPolicy())


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "null",
        "*",
        "https://evil.example",
        "https://evil-chat.example.com",
        "https://chat.example.com.evil.example",
        "https://evilchat.example.com",
        "https://sub.chat.example.com",
        "https://example.com",
        "https://chat.example.com.",
        "https://chat.example.com:8443",
        "https://chat.example.com:4430",
        "https://chat.example.com:443443",
        "https://chat.example.com:",
        "https://chat.example.com:０443",
        "http://chat.example.com",
        "http://127.0.0.1",
        "http://127.0.0.1:80801",
        "http://127.0.0.1:8081",
        "https://127.0.0.1:8080",
        "ws://127.0.0.1:8080",
        "file://",
        "chat.example.com",
        "https://chat.example.com/",
        "https://chat.example.com/x",
        "https://chat.example.com@evil.example",
        "https://evil.example#https://chat.example.com",
        "https://evil.example https://chat.example.com",
        "https://chat.example.com https://chat.example.com",
        "https://chat.exämple.com",
        "https://localhost:5173",
        "https://chat.example.com:" + "9" * 5000,
    ],
)
def test_other_origins_are_refused(origin: str) -> None:
    with pytest.raises(Forbidden):
        check(origin)


def test_two_origins_are_none() -> None:
    headers = CIMultiDict(
        [("Host", "h"), ("Origin", "https://desk.example.com"), ("Origin", "https://evil.example")]
    )
    with pytest.raises(Forbidden):
        OriginPolicy.from_settings(SETTINGS).check(make_mocked_request("GET", "/", headers=headers))


def test_a_browser_that_says_cross_site_without_origin_is_refused() -> None:
    check(None, Sec_Fetch_Site="same-origin")
    check(None, Sec_Fetch_Site="none")
    for site in ("cross-site", "same-site"):
        with pytest.raises(Forbidden):
            check(None, Sec_Fetch_Site=site)


@pytest.mark.parametrize(
    "wrong", ["*", "null", "example.com", "https://*.example.com", "https://a.example/path"]
)
def test_a_setting_that_is_no_origin_stops_the_start(wrong: str) -> None:
    with pytest.raises(ValueError, match="origin"):
        OriginPolicy(frozenset({wrong}))
    with pytest.raises(ValueError, match="public URL"):
        OriginPolicy(public_url="chat.example.com")


def test_parse() -> None:
    assert parse("http://a") == Origin("http", "a", 80)
    assert parse("https://a:8443") == Origin("https", "a", 8443)
    assert parse("https://[::1]") == Origin("https", "[::1]", 443)

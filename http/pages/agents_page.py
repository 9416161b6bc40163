"""`/inbox`: the agents' page, and its sign-in.

The page speaks the public API with a bearer token that it holds in memory. A reload would lose it, so the page can store it in
a cookie that scripts cannot read and that is sent to `/inbox/session` only. In the demo, and only there, you can sign in as one of the
demo's agents.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from aiohttp import hdrs, web

from ...core.accounts.demo_account import ACCOUNT, AGENTS
from ...core.accounts.principal import Role
from ...core.errors import Forbidden, NotFound, TertuliaError
from ...core.text.fields import AgentId, about
from ..auth.tokens import bearer
from ..framework.endpoint import Call, Route, answer
from .files import sent, versioned_file, versioned_page

TAG = "pages"
FOLDER: Final = Path(__file__).parent / "inbox"
COOKIE: Final = "tertulia_inbox"
SESSION: Final = "/inbox/session"
DEMO_LIFETIME: Final = 3600.0
"""Seconds that a demo agent's token is good for; the page gets a new one before that."""
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:;"
    " connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
    " require-trusted-types-for 'script'; trusted-types 'none'"
)
"""Content-Security-Policy of the page: this server's own files, and no text ever becomes markup or script."""
_PAGE: Final = {
    "Content-Security-Policy": POLICY,
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-cache",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class Session(msgspec.Struct, frozen=True):
    """The page's session."""

    token: Annotated[
        str | None, about("The access token; null if nobody is signed in here", "eyJhbGciOiJIUzI1NiJ9.e30.s")
    ]
    account_id: Annotated[
        str | None, about("The chosen one of the token's accounts", ACCOUNT, format="uuid")
    ] = None


class DemoAgent(msgspec.Struct, frozen=True):
    """An agent of the demo."""

    user_id: AgentId
    name: Annotated[str, about("The agent's name", "Abeba")]
    role: Annotated[Role, about("What the agent may do", "lead")]


class DemoAgents(msgspec.Struct, frozen=True):
    """The demo's agents; empty outside the demo."""

    items: Annotated[list[DemoAgent], about("The agents")]


class DemoSignIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The agent who signs in."""

    user_id: Annotated[
        str, msgspec.Meta(max_length=64, description="The agent", examples=[next(iter(AGENTS))])
    ]


class DemoToken(msgspec.Struct, frozen=True):
    """A short-lived token of a demo agent."""

    token: Annotated[str, about("The access token", "eyJhbGciOiJIUzI1NiJ9.e30.s")]
    expires_in: Annotated[int, about("Seconds for which it is valid", 3600)]


async def page(call: Call[None]) -> web.Response:
    return sent(call.request, versioned_page(FOLDER / "index.html"), _PAGE)


async def file(call: Call[Any]) -> web.Response:
    return versioned_file(call.request, FOLDER, call.path["path"])


async def keep(call: Call[None]) -> web.Response:
    """Leave the caller's token in the cookie, until the token ends."""
    p = call.principal
    token = bearer(call.request.headers)
    left = int(p.expires_at - call.services.signer.clock())
    return answer(
        Session(token, p.account_id), headers=_cookie(call, f"{p.account_id}.{token}", max(0, left))
    )


async def restore(call: Call[None]) -> web.Response:
    """The token of the cookie. Only this server's own pages may ask."""
    if call.request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        raise Forbidden("a session is for this server's own pages")
    account, _, token = call.request.cookies.get(COOKIE, "").partition(".")
    if not token:
        return answer(Session(None))
    try:
        principal = await call.services.verifier.verify(token, account)
    except TertuliaError:
        return answer(Session(None), headers=_cookie(call, "", 0))
    return answer(Session(token, principal.account_id))


async def forget(call: Call[None]) -> web.Response:
    return web.Response(status=204, headers=_cookie(call, "", 0))


def _cookie(call: Call[Any], value: str, max_age: int) -> dict[str, str]:
    public = call.services.settings.public_url or ""
    secure = "; Secure" if call.request.scheme == "https" or public.lower().startswith("https://") else ""
    text = f"{COOKIE}={value}; Path={SESSION}; Max-Age={max_age}; HttpOnly; SameSite=Strict{secure}"
    return {hdrs.SET_COOKIE: text}


async def demo_agents(call: Call[None]) -> web.Response:
    shown = AGENTS if call.services.settings.demo else {}
    return answer(DemoAgents([DemoAgent(id, name, role) for id, (name, role) in shown.items()]))


async def demo_sign_in(call: Call[DemoSignIn]) -> web.Response:
    agent = AGENTS.get(call.body.user_id)
    if not call.services.settings.demo or agent is None:
        raise NotFound("no such demo agent")
    name, role = agent
    token = call.services.signer.issue(call.body.user_id, {ACCOUNT: role}, lifetime=DEMO_LIFETIME, name=name)
    return answer(DemoToken(token, int(DEMO_LIFETIME)), 201)


ROUTES = [
    Route("GET", "/inbox", page, None, {200: str, 304: None}, "getInboxPage", "The agents' page", tag=TAG, media="text/html"),
    Route("GET", SESSION, restore, None, {200: Session}, "getInboxSession", "The page's session, from its cookie", tag=TAG, refuses=(403,)),
    Route("POST", SESSION, keep, "me", {200: Session}, "keepInboxSession", "Keep the token in the page's cookie", tag=TAG),
    Route("DELETE", SESSION, forget, None, {204: None}, "deleteInboxSession", "Delete the page's cookie", tag=TAG),
    Route("GET", "/inbox/demo", demo_agents, None, {200: DemoAgents}, "listDemoAgents", "The demo's agents; none outside the demo", tag=TAG),
    Route("POST", "/inbox/demo", demo_sign_in, None, {201: DemoToken}, "signInToDemo", "Sign in as one of the demo's agents", tag=TAG,
          body=DemoSignIn, refuses=(404,)),
    Route("GET", "/inbox/{path:.+}", file, None, {200: None, 304: None}, "getInboxFile", "Files of the agents' page", tag=TAG,
          refuses=(404,)),
]  # fmt: skip
"""The file route comes last: it matches every path below `/inbox`."""

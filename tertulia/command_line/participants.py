"""The participants of a simulation: tokens, signed or given, and the account's channels."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import jwt

from ..core.ids import is_uuid
from .common import fail, read_settings, signer_of

if TYPE_CHECKING:
    from ..simulator.plan import Plan, Seat
    from ..simulator.scenario.model import Scenario

ADMIN = "simulator"
"""User id of the token that prepares the account and cleans up, unless the account is the demo's."""
LETTERS = "abcdefghjkmnpqrstvwxyz23456789"


def new_run() -> str:
    """A name for a run, as addresses and messages carry it."""
    return "".join(secrets.choice(LETTERS) for _ in range(6))


async def plan_of(scenario: Scenario, options: dict[str, Any]) -> Plan:
    """Raises PreparationError, TertuliaError."""
    from ..client import AsyncClient, Options, RetryPolicy
    from ..serving import demo
    from ..simulator.plan import Plan
    from ..simulator.run.preparation import channels_of, is_agent

    account, url = _account(options["account"] or demo.ACCOUNT), _address("--url", options["url"])
    given = dict(_channel(pair) for pair in options["channel"] or [])
    if options["double"] is not None:
        _address("--double", options["double"])
    service, admin, seats = _tokens(options["tokens"], account, scenario)
    once = Options(
        retries=RetryPolicy(attempts=1), timeout=15.0
    )  # a server that is not there is said at once
    async with AsyncClient(url, service, options=once) as client:
        known = await is_agent(client, admin.user_id)
    async with AsyncClient(url, admin.token) as client:
        channels = await channels_of(client, scenario, given)
    double = options["double"]
    if double is None and set(channels) - {"webchat"}:
        if options["account"] is not None:
            fail("customers at providers need the provider double: give its address with --double")
        double = demo_double(url)
    return Plan(
        run=new_run(), url=url, account=account, scenario=scenario, channels=channels,
        service=service, admin=admin.token, new_admin=None if known else admin.user_id, seats=seats, double=double and double.rstrip("/"), customers=options["customers"],
    )  # fmt: skip


def _account(given: str) -> str:
    if not is_uuid(given.lower()):
        fail(f"--account must be a UUID (given: {given!r})")
    return given.lower()


def _address(option: str, given: str) -> str:
    """An http or https URL without a slash at its end."""
    from yarl import URL

    try:
        url = URL(given)
    except ValueError:
        url = URL()
    if url.scheme not in ("http", "https") or not url.host:
        fail(f"{option} must be a URL such as http://127.0.0.1:8080 (given: {given!r})")
    return given.rstrip("/")


def _channel(pair: str) -> tuple[str, str]:
    """The type and id of `--channel TYPE=ID`."""
    from ..simulator.scenario.model import Channel

    kind, _, id = pair.partition("=")
    if kind not in get_args(Channel) or not is_uuid(id.lower()):
        fail(
            f"--channel must be TYPE=ID, a type of {', '.join(get_args(Channel))} and a channel's id (given: {pair!r})"
        )
    return kind, id.lower()


def demo_double(url: str) -> str:
    """The address at which `tertulia serve --demo` runs the double: the next port, or a setting's."""
    from yarl import URL

    server = URL(url)
    port = read_settings().demo_double_port or (server.port or 80) + 1
    return str(URL.build(scheme="http", host=server.host or "127.0.0.1", port=port))


def _tokens(path: Path | None, account: str, scenario: Scenario) -> tuple[str, Seat, list[Seat]]:
    """Tokens of a service, an admin, and the agents."""
    from ..core.accounts.principal import Role
    from ..simulator.plan import Seat

    if path is not None:
        return _given_tokens(path, account, scenario.agent_count)
    signer, life = signer_of(read_settings()), float(scenario.duration) / scenario.scale * 30 + 24 * 3600

    def sign(user: str, role: Role) -> str:
        return signer.issue(user, {account: role}, lifetime=life)

    head = _admin(account)
    users = [f"simulated-{number}" for number in range(1, scenario.agent_count + 1)]
    return (
        sign("simulator", Role.SERVICE),
        Seat(head, sign(head, Role.ADMIN)),
        [Seat(user, sign(user, Role.AGENT)) for user in users],
    )


def _admin(account: str) -> str:
    """The demo has an admin, who leaves no further agent behind."""
    from ..core.accounts.principal import Role
    from ..serving import demo

    admins = [user for user, (_, role) in demo.AGENTS.items() if role is Role.ADMIN]
    return admins[0] if account == demo.ACCOUNT and admins else ADMIN


def _given_tokens(path: Path, account: str, agents: int) -> tuple[str, Seat, list[Seat]]:
    from ..simulator.plan import Seat

    found: dict[str, list[tuple[str, str]]] = {"service": [], "admin": [], "agent": []}
    try:
        lines = path.read_text().split()
        for line in lines:
            claims = jwt.decode(line, options={"verify_signature": False})
            role = claims.get("accounts", {}).get(account)
            if role in found:
                found[role].append((str(claims.get("sub")), line))
    except (OSError, UnicodeDecodeError, jwt.PyJWTError) as error:
        fail(f"the tokens in {path} cannot be read: {error}")
    for role, needed in (("service", 1), ("admin", 1), ("agent", agents)):
        if len(found[role]) < needed:
            fail(
                f"{path} has {len(found[role])} tokens of the role {role} in account {account}; the scenario needs {needed} (tertulia token --many)"
            )
    return found["service"][0][1], Seat(*found["admin"][0]), [Seat(*pair) for pair in found["agent"][:agents]]

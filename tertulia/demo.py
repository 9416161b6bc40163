"""The demo account: what `tertulia serve --demo` makes, with the ids that README and api.md name."""

from __future__ import annotations

from .core.principal import Role
from .http.tokens import TokenSigner
from .settings import Settings
from .storage.accounts import PostgresAccounts
from .storage.credentials import FernetVault
from .storage.postgres import Database


def demo_id(number: int) -> str:
    """`00000000-0000-0000-0000-0000000000NN`"""
    return f"00000000-0000-0000-0000-{number:012d}"


ACCOUNT = demo_id(1)
WEBCHAT = demo_id(11)
OUTLET = demo_id(12)
IDENTITY_SECRET = "demo-identity-secret"
AGENTS = {
    demo_id(21): ("Abeba", Role.AGENT),
    demo_id(22): ("Bruno", Role.AGENT),
    demo_id(23): ("Chen", Role.LEAD),
    demo_id(24): ("Dana", Role.ADMIN),
}
TOKEN_LIFE = 12 * 3600


async def install(settings: Settings, database: Database) -> None:
    """Make the demo account and what belongs to it; what exists is left as it is."""
    assert settings.credentials_keys is not None
    accounts = PostgresAccounts(database)
    await accounts.create(ACCOUNT, "Demo", {"sub_domain": "demo"})
    sealed = FernetVault(settings.credentials_keys).seal(
        ACCOUNT, WEBCHAT, {"identity_secret": IDENTITY_SECRET}
    )
    await accounts.add_channel(ACCOUNT, WEBCHAT, "webchat", "Web chat", sealed)
    for user_id, (name, _) in AGENTS.items():
        await accounts.add_agent(ACCOUNT, user_id, name)


def token(settings: Settings, user_id: str) -> str:
    """A token for one of the demo's agents."""
    assert settings.jwt_secret is not None
    signer = TokenSigner.from_settings(settings, settings.jwt_secret)
    return signer.issue(user_id, {ACCOUNT: AGENTS[user_id][1]}, lifetime=TOKEN_LIFE)

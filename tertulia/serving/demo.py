"""The demo account that `tertulia serve --demo` creates, with the ids that the README names."""

from __future__ import annotations

import msgspec

from ..core.accounts.demo_account import ACCOUNT, AGENTS, demo_id
from ..core.accounts.records import ChannelType
from ..core.url_policy import parsed
from ..http.auth.tokens import TokenSigner
from ..settings import Settings
from ..storage.credentials import FernetVault
from ..storage.postgres.accounts.accounts import PostgresAccounts
from ..storage.postgres.database import Database

WEBCHAT = demo_id(11)
OUTLET = demo_id(12)
IDENTITY_SECRET = "demo-identity-secret-of-the-web-chat"


class DemoChannel(msgspec.Struct, frozen=True):
    """A channel whose provider is the double."""

    id: str
    type: ChannelType
    name: str
    credentials: dict[str, str]


CHANNELS = (
    DemoChannel(demo_id(13), "whatsapp", "WhatsApp", {
        "app_secret": "demo-app-secret", "verify_token": "demo-verify-token", "access_token": "demo-whatsapp-token",
        "phone_number_id": "100000000000013",
    }),
    DemoChannel(demo_id(14), "telegram", "Telegram", {
        "bot_token": "14:demo-bot-token", "secret_token": "demo-secret-token",
    }),
    DemoChannel(demo_id(15), "messenger", "Messenger", {
        "app_secret": "demo-app-secret", "verify_token": "demo-verify-token", "page_access_token": "demo-page-token",
        "page_id": "100000000000015",
    }),
    DemoChannel(demo_id(16), "sms", "SMS", {
        "account_sid": "ACdemo16", "auth_token": "demo-auth-token", "from_number": "+15005550006",
    }),
    DemoChannel(demo_id(17), "email", "E-mail", {
        "server_token": "demo-server-token", "from_address": "support@demo.example", "webhook_user": "demo",
        "webhook_password": "demo-webhook-password",
    }),
)  # fmt: skip
TOKEN_LIFE = 12 * 3600


async def install(settings: Settings, database: Database, double_url: str) -> None:
    """Create the demo account and its records. Existing ones are left alone, except for the double's address."""
    assert settings.credentials_keys is not None
    vault = FernetVault(settings.credentials_keys)
    accounts = PostgresAccounts(database)
    await accounts.create(ACCOUNT, "Demo", {"sub_domain": "demo"})
    sealed = vault.seal(ACCOUNT, WEBCHAT, {"identity_secret": IDENTITY_SECRET})
    await accounts.add_channel(ACCOUNT, WEBCHAT, "webchat", "Café Tertulia", sealed)
    for channel in CHANNELS:
        sealed = vault.seal(ACCOUNT, channel.id, channel.credentials)
        await accounts.add_channel(ACCOUNT, channel.id, channel.type, channel.name, sealed)
        await accounts.point_channel(ACCOUNT, channel.id, double_url)
    for user_id, (name, _) in AGENTS.items():
        await accounts.add_agent(ACCOUNT, user_id, name)


def token(settings: Settings, user_id: str) -> str:
    """A token for one of the demo's agents."""
    assert settings.jwt_secret is not None
    signer = TokenSigner.from_settings(settings, settings.jwt_secret)
    return signer.issue(user_id, {ACCOUNT: AGENTS[user_id][1]}, lifetime=TOKEN_LIFE)


def with_double(settings: Settings, double_url: str) -> Settings:
    """Settings that let the demo account's channels, and no others, name the double as their `base_url`.

    If the server listens on this machine only, they may name other addresses on it too, such as a second double.
    """
    places = [double_url]
    if settings.host == "localhost" or ((address := parsed(settings.host)) and address.is_loopback):
        places += ["127.0.0.0/8", "::1/128"]
    allowed = [*filter(None, [settings.account_networks]), *(f"{ACCOUNT}={place}" for place in places)]
    return settings.model_copy(update={"account_networks": ",".join(allowed)})

"""The server's settings: read from the environment once, by the command line, and passed in from there.

Nothing else reads the environment. Every field here is an environment variable; `tertulia serve --help`
lists them from this class, so a description is written for an operator.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Literal

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from .core.channels.provider_urls import ProviderUrls
from .core.ids import is_uuid
from .core.routing.supervision_messages import SHARDS
from .secret_settings import secret_fields


def _env(*names: str) -> AliasChoices:
    return AliasChoices(*names)


class Settings(BaseSettings):
    """Every setting of a server, with its default. Times are in seconds unless a name says otherwise."""

    model_config = SettingsConfigDict(
        env_prefix="TERTULIA_", extra="ignore", frozen=True, populate_by_name=True
    )

    host: str = Field("127.0.0.1", description="address the gateways listen on")
    port: int = Field(8080, ge=1, le=65535, description="port the gateways listen on")
    data: Path = Field(Path(".tertulia"), description="folder of the embedded servers and generated secrets")
    database_url: str | None = Field(
        None,
        validation_alias=_env("DATABASE_URL"),
        description="Postgres, as the owner of the schema; embedded when unset",
    )
    app_database_url: str | None = Field(
        None,
        description="login of role tertulia_app, for API requests; made by DATABASE_URL's user when unset",
    )
    system_database_url: str | None = Field(
        None,
        description="login of role tertulia_system, for work across accounts; made by DATABASE_URL's user when unset",
    )
    database_timeout: float = Field(
        5, gt=0, le=60, description="longest statement of an API request in Postgres; beyond it 503"
    )
    database_expensive_timeout: float = Field(
        20, gt=0, le=300, description="the same for statistics, searches and exports"
    )
    expensive_reads: int = Field(
        default_factory=lambda: max(1, (os.cpu_count() or 2) // 2),
        ge=1,
        le=64,
        description="statistics, searches and exports that one gateway has Postgres work on at once; more wait",
    )
    expensive_reads_account: int = Field(
        16,
        ge=1,
        description="of these, how many one account may have at a gateway, waiting ones included; beyond it 429",
    )
    expensive_reads_user: int = Field(
        4, ge=1, description="of these, how many one user may have at a gateway; beyond it 429"
    )
    redis_url: str | None = Field(
        None, validation_alias=_env("REDIS_URL"), description="Valkey or Redis; embedded when unset"
    )
    ray_address: str | None = Field(
        None, validation_alias=_env("RAY_ADDRESS"), description="Ray cluster; a local one when unset"
    )
    hosts: int = Field(
        default_factory=lambda: max(1, (os.cpu_count() or 2) // 2),
        ge=1,
        le=256,
        description="conversation hosts",
    )
    gateways: int = Field(1, ge=1, le=256, description="HTTP gateways; those of one machine share the port")
    dispatchers: int = Field(1, ge=1, le=256, description="dispatchers, which send messages to the providers")
    supervisors: int = Field(
        1, ge=1, le=SHARDS, description="supervisors, which balance the accounts' agents"
    )
    placement: Literal["shared", "dedicated"] = Field(
        "shared", description="conversations share a host process (shared) or have one each (dedicated)"
    )
    public_url: str | None = Field(None, description="what providers call; signatures are checked against it")

    whatsapp_url: str | None = Field(None, description="WhatsApp's API, in place of Meta's own")
    messenger_url: str | None = Field(None, description="Messenger's API, in place of Meta's own")
    telegram_url: str | None = Field(None, description="Telegram's API, in place of Telegram's own")
    sms_url: str | None = Field(
        None,
        validation_alias=_env("TERTULIA_SMS_URL", "TERTULIA_TWILIO_URL"),
        description="the SMS API, in place of Twilio's own; TERTULIA_TWILIO_URL is the same",
    )
    email_url: str | None = Field(
        None,
        validation_alias=_env("TERTULIA_EMAIL_URL", "TERTULIA_POSTMARK_URL"),
        description="the e-mail API, in place of Postmark's own; TERTULIA_POSTMARK_URL is the same",
    )

    link_folder: Path | None = Field(
        None,
        description="folder of the hosts' Unix sockets on one machine, made private; <data>/run when unset. Not used on a"
        " cluster (RAY_ADDRESS), where hosts listen with TLS",
    )
    link_cert: Path | None = Field(
        None,
        description="certificate (PEM, with its chain) that hosts of a cluster show to gateways; each host makes its own"
        " when unset",
    )
    link_key: Path | None = Field(None, description="private key (PEM) of TERTULIA_LINK_CERT")
    link_ca: Path | None = Field(
        None,
        description="CA certificates (PEM) that hosts' certificates must come from, besides the mutual proof; none when unset",
    )

    jwt_secret: str | None = Field(None, description="HS256 secret, 32 bytes or more; generated when unset")
    jwt_issuer: str = Field("tertulia", description="required iss of tokens")
    jwt_audience: str = Field("tertulia", description="required aud (or Cognito client_id) of tokens")
    jwks_url: str | None = Field(
        None, description="key set for RS256/ES256 tokens; then HS256 user tokens are refused"
    )
    jwt_leeway: float = Field(30, ge=0, le=300, description="clock skew allowed in token times")
    credentials_keys: str | None = Field(
        None,
        description="Fernet keys for channel credentials, newest first, comma separated; generated when unset",
    )
    allowed_origins: str = Field(
        "",
        description="origins that may open streams from a browser, comma separated; the own origin always may",
    )

    allowed_hosts: str = Field(
        "",
        description="host names this server is called by, comma separated, *.example.com for all below; then it"
        " answers 421 under any other name. Addresses, localhost and the public URL's host always are allowed",
    )
    trusted_proxies: str = Field(
        "",
        description="addresses or networks of reverse proxies, comma separated (10.0.0.7,fd00::/8): their X-Forwarded-For"
        " and X-Forwarded-Proto are believed, nobody else's; none when unset",
    )
    metrics_token: str | None = Field(
        None, min_length=16, description="bearer token for /metrics, from wherever it is asked"
    )
    metrics_networks: str = Field(
        "127.0.0.0/8,::1",
        description="addresses or networks that may read /metrics without a token, comma separated; never through a proxy",
    )

    max_connections: int | None = Field(
        None,
        ge=16,
        description="open connections of one gateway; the oldest idle one makes way, else 503. When unset, as many as the"
        " limit of open files allows, less what the gateway needs itself",
    )
    max_connections_per_address: int = Field(
        8_192,
        ge=1,
        description="open connections of one address (of IPv6 a /64) to one gateway, at most half of all; its oldest idle"
        " one makes way, else 503. Trusted proxies are not bounded",
    )
    header_timeout: float = Field(
        10,
        gt=0,
        description="longest wait for a request's header, from its first byte or the connection's beginning",
    )
    keepalive_timeout: float = Field(
        75, gt=0, description="how long a connection may be idle between two requests"
    )
    body_timeout: float = Field(
        10,
        gt=0,
        description="a body must come whole, or in each such interval at TERTULIA_MIN_RATE; else 408",
    )
    write_timeout: float = Field(
        30,
        gt=0,
        description="a client must take its answers, or in each such interval at TERTULIA_MIN_RATE; else it is cut off",
    )
    min_rate: float = Field(
        512, ge=0, description="slowest body, and slowest reader of answers, bytes a second"
    )

    demo_double_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="port of the demo's provider double; the server's own plus one when unset, the next free one if taken",
    )

    rate_account: float = Field(10_000, gt=0, description="requests a second of one account")
    rate_user: float = Field(200, gt=0, description="requests a second of one user's tokens")
    rate_address: float = Field(
        100, gt=0, description="requests a second of one address on routes without a token"
    )
    rate_address_burst: int = Field(1_000, ge=1, description="burst of one address on routes without a token")

    max_body: int = Field(1_048_576, ge=1024, description="largest request body, bytes")
    max_webhook_body: int = Field(
        41_943_040,
        ge=1024,
        description="largest call of an e-mail provider, which carries the attachments, bytes",
    )
    max_waiting: int = Field(8_192, ge=1, description="commands that may wait for one host; beyond it 503")
    command_deadline: float = Field(10, gt=0, description="longest wait of a command before 503")
    stream_queue: int = Field(
        1_048_576, ge=4096, description="bytes that may wait for one reader; beyond it 1013"
    )
    stream_send_deadline: float = Field(15, gt=0, description="longest wait for a slow reader to take bytes")
    heartbeat: float = Field(15, gt=0, description="WebSocket ping and SSE comment interval")
    stream_queue_per_account: int = Field(
        67_108_864,
        ge=4096,
        description="bytes that may wait for all readers of one account in one gateway; beyond it the slowest get 1013",
    )
    max_streams: int = Field(20_000, ge=1, description="open streams of one gateway; beyond it 503")
    max_streams_per_user: int = Field(
        50, ge=1, description="open streams of one agent or service in one gateway; beyond it 429"
    )
    max_streams_per_customer: int = Field(
        10, ge=1, description="open streams of one web chat customer in one gateway; beyond it 429"
    )
    max_streams_per_account: int | None = Field(
        None,
        ge=1,
        description="open streams of one account in one gateway; beyond it 429; half of TERTULIA_MAX_STREAMS when unset",
    )
    max_streams_per_address: int = Field(
        1_000, ge=1, description="open streams of one client address in one gateway; beyond it 429"
    )
    rate_frames: float = Field(
        500,
        gt=0,
        description="WebSocket frames a second, of any kind, of one connection and of one user in one gateway; four times as"
        " many at once; beyond it the socket is closed with 1008. An address may send 4, an account 10 times as many",
    )
    resident_conversations: int = Field(200_000, ge=16, description="conversations one host keeps in memory")
    idle_after: float = Field(900, gt=0, description="idle time before a conversation leaves memory")
    presence_ttl: float = Field(
        60, ge=1, le=3600, description="how long an agent's presence lives without renewal"
    )
    drain: float = Field(20, gt=0, description="longest graceful stop")
    takeover_after: float = Field(
        2.5, gt=0.5, description="silence of a host before others take its partitions"
    )

    max_attachment: int = Field(26_214_400, ge=1024, description="largest attachment, bytes")
    upload_min_rate: float = Field(
        1_024,
        gt=0,
        description="bytes a second an upload must bring, over 10 seconds; a slower one ends with 408",
    )
    max_uploads: int = Field(128, ge=1, description="uploads under way in one gateway; beyond it 503")
    max_uploads_account: int = Field(
        48, ge=1, description="of them, those of one account, its visitors half of that; beyond it 429"
    )
    max_uploads_user: int = Field(16, ge=1, description="of them, those of one user; beyond it 429")
    max_downloads: int = Field(512, ge=1, description="files one gateway hands out at once; beyond it 503")
    max_downloads_account: int = Field(
        128,
        ge=1,
        description="of them, those of one account, its visitors and its signed links half of that each; beyond it 429",
    )
    max_downloads_user: int = Field(
        32, ge=1, description="of them, those of one user, or of one address by signed links; beyond it 429"
    )
    attachment_types: str = Field(
        "image/*,audio/*,video/*,application/pdf,text/plain,text/csv,text/calendar,text/vcard,text/markdown,"
        "application/json,application/rtf,application/zip,application/msword,application/vnd.ms-excel,"
        "application/vnd.ms-powerpoint,application/vnd.openxmlformats-officedocument.wordprocessingml.document,"
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet,"
        "application/vnd.openxmlformats-officedocument.presentationml.presentation,"
        "application/vnd.oasis.opendocument.text,application/vnd.oasis.opendocument.spreadsheet,"
        "application/vnd.oasis.opendocument.presentation",
        description="types that may be uploaded, comma separated; image/* is every image but SVG",
    )
    attachments_url: str | None = Field(
        None,
        description="where attachments' bytes are: s3://bucket/prefix or file:///folder; <data>/attachments when unset",
    )
    s3_endpoint: str | None = Field(
        None, description="S3-compatible server of attachments, when not Amazon's"
    )
    s3_region: str | None = Field(None, description="region of the attachments' bucket")
    s3_access_key_id: str | None = Field(
        None, description="S3 credentials; when unset AWS's own variables or the machine's role"
    )
    s3_secret_access_key: str | None = Field(None, description="the secret of TERTULIA_S3_ACCESS_KEY_ID")
    allowed_networks: str = Field(
        "",
        description="private networks that attachments may be fetched from, event webhooks be sent to and channels name as"
        " config.base_url, comma separated (10.1.0.0/16); none when unset",
    )
    account_networks: str = Field(
        "",
        description="private networks and URLs that the channels of one account may name as config.base_url, comma"
        " separated (<account id>=10.1.0.0/16,<account id>=http://10.1.2.3:8081)",
    )
    webhooks_allow_private: bool = Field(
        False, description="event webhooks may use http and private addresses: for development and tests"
    )
    webhooks_disable_after: float = Field(
        5 * 86_400,
        gt=0,
        description="seconds of nothing but failures after which an event webhook is disabled",
    )
    event_stream: str | None = Field(
        None,
        min_length=1,
        description="Redis stream that all accounts' events are written into; none when unset",
    )
    event_stream_maxlen: int = Field(
        1_000_000, ge=1, description="events the Redis stream keeps, about; the oldest go first"
    )

    classifier_url: str | None = Field(
        None,
        pattern="^https?://",
        description="classifier that bot rules with an intent ask: POST JSON, see README; none when unset",
    )
    classifier_key: str | None = Field(None, description="bearer token for the classifier")
    classifier_timeout: float = Field(
        2, gt=0, le=8, description="longest wait for the classifier; then the message is not classified"
    )

    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least level logged")
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="auto: console on a terminal, else JSON"
    )

    def base_url(self) -> str:
        """Where providers and browsers find this server."""
        return self.public_url or f"http://{self.host}:{self.port}"

    def provider_urls(self) -> dict[str, str]:
        """The providers' APIs that are set, by channel type."""
        kinds = ("whatsapp", "messenger", "telegram", "sms", "email")
        urls = {kind: getattr(self, f"{kind}_url") for kind in kinds}
        return {kind: url for kind, url in urls.items() if url}

    def origins(self) -> frozenset[str]:
        """The extra origins as a set."""
        return frozenset(o.strip() for o in self.allowed_origins.split(",") if o.strip())

    def host_names(self) -> frozenset[str]:
        """The names this server answers to, besides its own."""
        return _parts(self.allowed_hosts.lower())

    def proxies(self) -> frozenset[str]:
        """The reverse proxies that are believed."""
        return _parts(self.trusted_proxies)

    def upload_types(self) -> frozenset[str]:
        """The types that may be uploaded."""
        return _parts(self.attachment_types.lower())

    def networks(self) -> tuple[str, ...]:
        """The private networks that may be called."""
        return tuple(sorted(_parts(self.allowed_networks)))

    def metrics_readers(self) -> frozenset[str]:
        """The networks that may read /metrics."""
        return _parts(self.metrics_networks)

    def provider_access(self) -> ProviderUrls:
        """Where providers are, and what channels may name in their place. Raises ValueError for a setting that is wrong."""
        accounts: dict[str, tuple[str, ...]] = {}
        for part in sorted(_parts(self.account_networks)):
            account, equals, place = part.partition("=")
            if not equals or not is_uuid(account.lower()):
                raise ValueError(f"{part!r} is not <account id>=<network or URL>")
            if "://" not in place:
                ip_network(place)
            accounts[account.lower()] = (*accounts.get(account.lower(), ()), place)
        return ProviderUrls(self.provider_urls(), self.networks(), accounts)

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Without the secrets: a repr ends up in logs and tracebacks."""
        hidden = secret_fields(self)
        return [(name, "…" if name in hidden else value) for name, value in super().__repr_args__()]


def _parts(text: str) -> frozenset[str]:
    return frozenset(part.strip() for part in text.split(",") if part.strip())

"""The server's settings: read from the environment once, by the command line, and passed in from there.

Nothing else reads the environment. Every field is an environment variable, and `tertulia serve --help` lists the
descriptions, so they are written for operators.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AliasChoices, Field
from pydantic_settings import SettingsConfigDict

from .assistant_settings import AssistantSettings
from .assistant_settings import TokenIssuer as TokenIssuer  # for who reads its issuers
from .cluster_settings import ClusterSettings
from .core.channels.provider_urls import ProviderUrls
from .core.ids import is_uuid
from .event_settings import EventSettings
from .model_settings import ModelSettings
from .secret_settings import secret_fields
from .setting_types import AnyHttpUrl, Count, HttpUrl, PostgresUrl, Rate, RedisUrl


def _env(*names: str) -> AliasChoices:
    return AliasChoices(*names)


class Settings(AssistantSettings, ClusterSettings, EventSettings, ModelSettings):
    """Every setting of a server, with its default. Times are in seconds."""

    model_config = SettingsConfigDict(
        env_prefix="TERTULIA_", extra="ignore", frozen=True, populate_by_name=True, allow_inf_nan=False
    )

    host: str = Field("127.0.0.1", description="address the gateways listen on")
    port: int = Field(8080, ge=1, le=65535, description="port the gateways listen on")
    data: Annotated[Path, AfterValidator(Path.absolute)] = Field(
        Path(".tertulia"),
        validate_default=True,
        description="folder of the embedded servers and generated secrets",
    )
    database_url: PostgresUrl | None = Field(
        None,
        validation_alias=_env("DATABASE_URL"),
        description="Postgres URL of the schema's owner; an embedded server when unset",
    )
    app_database_url: PostgresUrl | None = Field(
        None,
        description="Postgres URL of the role tertulia_app, for API requests; created through DATABASE_URL when unset",
    )
    system_database_url: PostgresUrl | None = Field(
        None,
        description="Postgres URL of the role tertulia_system, for work across accounts; created through DATABASE_URL when unset",
    )
    database_timeout: float = Field(
        5, gt=0, le=60, description="time limit of an API request's database statement; then 503"
    )
    database_expensive_timeout: float = Field(
        20, gt=0, le=300, description="the same for statistics, searches and exports"
    )
    expensive_reads: int = Field(
        default_factory=lambda: max(1, (os.cpu_count() or 2) // 2),
        ge=1,
        le=64,
        description="statistics, searches and exports that one gateway runs in Postgres at once; more wait",
    )
    expensive_reads_account: int = Field(
        16, ge=1, description="of these, running or waiting for one account in one gateway; beyond it 429"
    )
    expensive_reads_user: int = Field(
        4, ge=1, description="of these, running or waiting for one user in one gateway; beyond it 429"
    )
    redis_url: RedisUrl | None = Field(
        None, validation_alias=_env("REDIS_URL"), description="Valkey or Redis URL; embedded when unset"
    )
    public_url: HttpUrl | None = Field(None, description="URL that providers call and sign webhooks for")

    whatsapp_url: HttpUrl | None = Field(None, description="URL used instead of Meta's WhatsApp API")
    messenger_url: HttpUrl | None = Field(None, description="URL used instead of Meta's Messenger API")
    telegram_url: HttpUrl | None = Field(None, description="URL used instead of Telegram's Bot API")
    sms_url: HttpUrl | None = Field(
        None,
        validation_alias=_env("TERTULIA_SMS_URL", "TERTULIA_TWILIO_URL"),
        description="URL used instead of Twilio's API; TERTULIA_TWILIO_URL is an alias",
    )
    email_url: HttpUrl | None = Field(
        None,
        validation_alias=_env("TERTULIA_EMAIL_URL", "TERTULIA_POSTMARK_URL"),
        description="URL used instead of Postmark's API; TERTULIA_POSTMARK_URL is an alias",
    )

    jwt_secret: str | None = Field(None, description="HS256 secret, 32 bytes or more; generated when unset")
    jwt_issuer: str = Field("tertulia", min_length=1, description="required iss claim of tokens")
    jwt_audience: str = Field(
        "tertulia", min_length=1, description="required aud claim (or Cognito client_id) of tokens"
    )
    jwks_url: AnyHttpUrl | None = Field(
        None, description="URL of the key set for RS256/ES256 tokens; when set, HS256 user tokens are refused"
    )
    jwt_leeway: float = Field(30, ge=0, le=300, description="clock skew allowed in token times")
    credentials_keys: str | None = Field(
        None,
        description="Fernet keys for channel credentials, newest first, comma separated; generated when unset",
    )
    allowed_origins: str = Field(
        "",
        description="origins whose pages may call the API and open streams, comma separated (https://desk.example.com); the server's"
        " own may always. A web chat channel's config.allowed_origins adds origins for its customers",
    )

    allowed_hosts: str = Field(
        "",
        description="host names this server answers to, comma separated, with *.example.com for all subdomains; others get"
        " 421, except addresses, localhost and the public URL's host. Any name is answered when unset",
    )
    trusted_proxies: str = Field(
        "",
        description="addresses or networks of reverse proxies, comma separated (10.0.0.7,fd00::/8): only their"
        " X-Forwarded-For and X-Forwarded-Proto are trusted; none when unset",
    )
    trust_tenant_header: bool = Field(
        False, description="accept the header X-Tenant-Id as authentication under /crm"
    )
    demo: bool = Field(False, description="demo sign-in on the agents' page; set by --demo, off without it")
    metrics_token: str | None = Field(None, min_length=16, description="token that opens /metrics anywhere")
    metrics_networks: str = Field(
        "127.0.0.0/8,::1",
        description="addresses or networks that may read /metrics without a token, comma separated; never through a proxy",
    )

    max_connections: int | None = Field(
        None,
        ge=16,
        description="open connections of one gateway; beyond it the oldest idle one is closed, else 503. When unset, as many"
        " as the limit of open files allows, less those that the gateway needs itself",
    )
    max_connections_per_address: int = Field(
        8_192,
        ge=1,
        description="open connections of one address (IPv6: one /64) to one gateway, at most half of all; beyond it its"
        " oldest idle one is closed, else 503. Trusted proxies have no such limit",
    )
    header_timeout: float = Field(
        10,
        gt=0,
        description="time limit for a request's header, from its first byte or the start of the connection",
    )
    keepalive_timeout: float = Field(
        75, gt=0, description="how long a connection may be idle between two requests"
    )
    body_timeout: float = Field(
        10,
        gt=0,
        description="time limit for a request's body, unless each such interval brings TERTULIA_MIN_RATE; then 408",
    )
    write_timeout: float = Field(
        30,
        gt=0,
        description="time limit for a client to read its responses, unless it reads TERTULIA_MIN_RATE in each such interval;"
        " then its connection is closed",
    )
    min_rate: float = Field(
        512, ge=0, description="lowest rate of a request's body and of a response's reader, bytes a second"
    )

    demo_double_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="port of the demo's provider double; TERTULIA_PORT + 1 when unset, or the next free one",
    )

    rate_account: Rate = Field(10_000, gt=0, description="requests a second of one account; or off")
    rate_user: Rate = Field(200, gt=0, description="requests a second of one user; or off")
    rate_address: Rate = Field(
        100, gt=0, description="requests a second of one address on routes without a token; or off"
    )
    rate_address_burst: int = Field(1_000, ge=1, description="burst of one address on routes without a token")
    max_body: int = Field(1_048_576, ge=1024, description="largest request body, bytes")
    max_webhook_body: int = Field(
        41_943_040,
        ge=1024,
        description="largest webhook body of an e-mail provider, which carries the attachments, bytes",
    )
    max_waiting: int = Field(8_192, ge=1, description="commands waiting for one host; beyond it 503")
    command_deadline: float = Field(10, gt=0, description="time limit of a command; then 503")
    stream_queue: int = Field(
        1_048_576, ge=4096, description="bytes queued for one stream; beyond it close code 1013"
    )
    stream_send_deadline: float = Field(15, gt=0, description="time limit for a stream's client to read")
    heartbeat: float = Field(15, gt=0, description="interval of WebSocket pings and SSE comments")
    stream_queue_per_account: int = Field(
        67_108_864,
        ge=4096,
        description="bytes queued for all streams of one account in one gateway; beyond it the slowest get 1013",
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
    max_streams_per_address: Count = Field(
        None, ge=1, description="open streams of customers at one address in one gateway; off when unset"
    )
    rate_frames: Rate = Field(
        500,
        gt=0,
        description="WebSocket frames a second, of any kind, of one connection and of one user in one gateway, in bursts of"
        " four times as many; beyond it 1008. An account may send 10 times as many, customers at one address 4 times; or off",
    )
    resident_conversations: int = Field(200_000, ge=16, description="conversations one host keeps in memory")
    idle_after: float = Field(900, gt=0, description="idle time before a conversation leaves memory")
    presence_ttl: float = Field(
        60, ge=1, le=3600, description="how long an agent's presence lasts unless renewed"
    )

    max_attachment: int = Field(26_214_400, ge=1024, description="largest attachment, bytes")
    upload_min_rate: float = Field(
        1_024, gt=0, description="lowest rate of an upload over 10 seconds, bytes a second; below it 408"
    )
    max_uploads: int = Field(128, ge=1, description="uploads under way in one gateway; beyond it 503")
    max_uploads_account: int = Field(
        48, ge=1, description="of these, by one account, and half as many by its visitors; beyond it 429"
    )
    max_uploads_user: int = Field(16, ge=1, description="of these, by one user; beyond it 429")
    max_downloads: int = Field(512, ge=1, description="downloads under way in one gateway; beyond it 503")
    max_downloads_account: int = Field(
        128,
        ge=1,
        description="of these, of one account, and half as many by its visitors and by signed links each; beyond it 429",
    )
    max_downloads_user: int = Field(
        32, ge=1, description="of these, by one user, or by one address through signed links; beyond it 429"
    )
    attachment_types: str = Field(
        "image/*,audio/*,video/*,application/pdf,text/plain,text/csv,text/calendar,text/vcard,text/markdown,"
        "application/json,application/rtf,application/zip,application/msword,application/vnd.ms-excel,"
        "application/vnd.ms-powerpoint,application/vnd.openxmlformats-officedocument.wordprocessingml.document,"
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet,"
        "application/vnd.openxmlformats-officedocument.presentationml.presentation,"
        "application/vnd.oasis.opendocument.text,application/vnd.oasis.opendocument.spreadsheet,"
        "application/vnd.oasis.opendocument.presentation",
        description="media types that may be uploaded, comma separated; image/* is every image type but SVG",
    )
    attachments_url: str | None = Field(
        None,
        description="where attachments are stored: s3://bucket/prefix or file:///folder; <data>/attachments when unset",
    )
    s3_endpoint: HttpUrl | None = Field(
        None, description="URL of an S3-compatible server for attachments; Amazon S3 when unset"
    )
    s3_region: str | None = Field(None, description="region of the attachments' bucket")
    s3_access_key_id: str | None = Field(
        None, description="S3 access key; AWS's own variables or the machine's role when unset"
    )
    s3_secret_access_key: str | None = Field(None, description="secret key of TERTULIA_S3_ACCESS_KEY_ID")
    allowed_networks: str = Field(
        "",
        description="private networks that attachments may be fetched from, event webhooks may be sent to and channels may"
        " name as config.base_url, comma separated (10.1.0.0/16); none when unset",
    )
    account_networks: str = Field(
        "",
        description="private networks and URLs that the channels of one account may name as config.base_url, comma"
        " separated (<account id>=10.1.0.0/16,<account id>=http://10.1.2.3:8081)",
    )
    classifier_url: AnyHttpUrl | None = Field(
        None,
        description="URL of the intent classifier for bot rules (POST, JSON; see README); none when unset",
    )
    classifier_key: str | None = Field(None, description="bearer token for the classifier")
    classifier_timeout: float = Field(
        2, gt=0, le=8, description="time limit of the classifier; then the message has no intent"
    )

    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="lowest level logged")
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="auto is console on a terminal, else json"
    )

    def base_url(self) -> str:
        """The address at which providers and browsers reach this server."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.public_url or f"http://{host}:{self.port}"

    def provider_urls(self) -> dict[str, str]:
        """The configured URLs of providers' APIs, by channel type."""
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
        """The trusted reverse proxies."""
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
        """The URLs of the providers' APIs, and those that channels may name instead. Raises ValueError for a wrong setting."""
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
        """Omits the secrets, since a repr ends up in logs and tracebacks."""
        hidden = secret_fields(self)
        return [(name, "…" if name in hidden else value) for name, value in super().__repr_args__()]


def _parts(text: str) -> frozenset[str]:
    return frozenset(part.strip() for part in text.split(",") if part.strip())

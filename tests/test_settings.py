"""Settings: each one has a wrong value that is refused in one sentence, which names the setting and keeps secrets."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import typer
from cryptography.fernet import Fernet

from tertulia.command_line.app import read_settings
from tertulia.serving.start_checks import StartError, check_port, check_settings
from tertulia.settings import Settings

ROOT = Path(__file__).parents[1]
WRONG: dict[str, list[tuple[str, str]]] = {
    "TERTULIA_HOST": [("203.0.113.77", "not an address of this machine"), ("no such host", "not an address")],
    "TERTULIA_PORT": [("70000", "65535"), ("0", "greater"), ("http", "integer")],
    "DATABASE_URL": [
        ("mysql://u:hunter2@db/x", "postgresql://"), ("db.example.com:5432", "postgresql://"),
        ("postgresql:///x", "no host"), ("postgresql://u@db:port/x", "port"), ("postgresql://u@ db/x", "blanks"),
    ],
    "TERTULIA_APP_DATABASE_URL": [("http://u:hunter2@db", "postgresql://")],
    "TERTULIA_SYSTEM_DATABASE_URL": [("http://u:hunter2@db", "postgresql://")],
    "TERTULIA_DATABASE_TIMEOUT": [("0", "greater"), ("inf", "finite"), ("nan", "finite"), ("5s", "number")],
    "TERTULIA_DATABASE_EXPENSIVE_TIMEOUT": [("301", "300")],
    "TERTULIA_EXPENSIVE_READS": [("0", "greater"), ("65", "64")],
    "TERTULIA_EXPENSIVE_READS_ACCOUNT": [("0", "greater")],
    "TERTULIA_EXPENSIVE_READS_USER": [("0", "greater")],
    "REDIS_URL": [
        ("amqp://u:hunter2@mq", "redis://"), ("127.0.0.1:6379", "redis://"), ("redis://", "no host"),
        ("redis://h/zero", "number of a database"), ("redis://h:99999", "port"), ("unix://", "no path"),
    ],
    "RABBITMQ_URL": [
        ("redis://u:hunter2@mq", "amqp://"), ("amqp://", "no host"), ("amqp://u:hunter2@mq:x", "port"),
    ],
    "TERTULIA_RABBITMQ_EXCHANGE": [("", "at least 1")],
    "TERTULIA_HOSTS": [("many", "integer"), ("0", "greater")],
    "TERTULIA_GATEWAYS": [("0", "greater")],
    "TERTULIA_DISPATCHERS": [("0", "greater")],
    "TERTULIA_SUPERVISORS": [("0", "greater")],
    "TERTULIA_HOSTS_PER_NODE": [("0", "greater")],
    "TERTULIA_GATEWAYS_PER_NODE": [("0", "greater")],
    "TERTULIA_AUTOSCALE_MAX_NODES": [("0", "greater"), ("8", "TERTULIA_HOSTS_PER_NODE")],
    "TERTULIA_PROCESS_METRICS": [("perhaps", "boolean")],
    "TERTULIA_LEAVE_NOTICE": [("-1", "greater"), ("301", "300"), ("soon", "number")],
    "TERTULIA_ON_STOP": [("kill", "leave")],
    "TERTULIA_PLACEMENT": [("nowhere", "shared")],
    "TERTULIA_PUBLIC_URL": [
        ("chat.example.com", "http://"), ("https://", "no host"), ("https://chat.example.com/?a=1", "no ?"),
        ("ftp://chat.example.com", "http://"), ("https://chat.example.com:x", "port"),
    ],
    "TERTULIA_WHATSAPP_URL": [("graph.facebook.com", "http://")],
    "TERTULIA_MESSENGER_URL": [("graph.facebook.com", "http://")],
    "TERTULIA_TELEGRAM_URL": [("api.telegram.org", "http://")],
    "TERTULIA_SMS_URL": [("api.twilio.com", "http://")],
    "TERTULIA_EMAIL_URL": [("api.postmarkapp.com", "http://")],
    "TERTULIA_DEMO": [("perhaps", "boolean")],
    "TERTULIA_LINK_CERT": [("/nowhere/cert.pem", "TERTULIA_LINK_KEY")],
    "TERTULIA_LINK_KEY": [("/nowhere/key.pem", "TERTULIA_LINK_CERT")],
    "TERTULIA_LINK_CA": [("/nowhere/ca.pem", "No such file")],
    "TERTULIA_JWT_SECRET": [("hunter2", "32 bytes")],
    "TERTULIA_JWT_ISSUER": [("", "at least 1")],
    "TERTULIA_JWT_AUDIENCE": [("", "at least 1")],
    "TERTULIA_JWKS_URL": [("login.example.com", "http://")],
    "TERTULIA_JWT_LEEWAY": [("301", "300"), ("-1", "greater")],
    "TERTULIA_CREDENTIALS_KEYS": [("hunter2", "")],
    "TERTULIA_ALLOWED_ORIGINS": [("*", "*"), ("chat.example.com", "chat.example.com")],
    "TERTULIA_ALLOWED_HOSTS": [("https://chat.example.com/", "")],
    "TERTULIA_TRUSTED_PROXIES": [("10.0.0.0/33", "10.0.0.0/33")],
    "TERTULIA_TRUST_TENANT_HEADER": [("perhaps", "boolean")],
    "TERTULIA_METRICS_TOKEN": [("hunter2", "16")],
    "TERTULIA_METRICS_NETWORKS": [("everybody", "everybody")],
    "TERTULIA_MAX_CONNECTIONS": [("15", "16")],
    "TERTULIA_DEMO_DOUBLE_PORT": [("65536", "65535")],
    "TERTULIA_RATE_ACCOUNT": [("many", "number"), ("0", "greater"), ("on", "number")],
    "TERTULIA_RATE_FRAMES": [("0", "greater"), ("none", "number")],
    "TERTULIA_MAX_STREAMS_PER_ADDRESS": [("0", "greater"), ("few", "integer")],
    "TERTULIA_RATE_USER": [("many", "number")],
    "TERTULIA_RATE_ADDRESS": [("many", "number")],
    "TERTULIA_RATE_ADDRESS_BURST": [("many", "")],
    "TERTULIA_MAX_BODY": [("1k", "integer"), ("1023", "1024")],
    "TERTULIA_TAKEOVER_AFTER": [("0.5", "greater")],
    "TERTULIA_ATTACHMENTS_URL": [("ftp://x", "s3://"), ("s3:///x", "")],
    "TERTULIA_ATTACHMENT_TYPES": [("pictures", "pictures")],
    "TERTULIA_S3_ENDPOINT": [("minio:9000", "http://")],
    "TERTULIA_ALLOWED_NETWORKS": [("10.0.0.0/33", "10.0.0.0/33")],
    "TERTULIA_ACCOUNT_NETWORKS": [("10.0.0.0/8", "account id")],
    "TERTULIA_WEBHOOKS_ALLOW_PRIVATE": [("perhaps", "boolean")],
    "TERTULIA_EVENT_STREAM": [("", "at least 1")],
    "TERTULIA_CLASSIFIER_URL": [("classifier:80", "http://")],
    "TERTULIA_MODEL_PROVIDER": [("oracle", "rules"), ("openai-compatible", "TERTULIA_MODEL_URL")],
    "TERTULIA_MODEL_URL": [("api.openai.com", "http://")],
    "TERTULIA_MODEL_CHEAP": [("", "at least 1")],
    "TERTULIA_MODEL_PREMIUM": [("", "at least 1")],
    "TERTULIA_MODEL_EMBEDDING": [("", "at least 1")],
    "TERTULIA_MODEL_TIMEOUT": [("0", "greater"), ("301", "300")],
    "TERTULIA_MODEL_CALLS": [("0", "greater"), ("4097", "4096")],
    "TERTULIA_MODEL_PRICES": [("gpt=1", "<dollars in>"), ("gpt=1/cheap", "<dollars in>"), ("gpt=-1/1", "<dollars in>")],
    "LANGFLOW_RUNTIME_URL": [("langflow:7860", "http://")],
    "LANGFLOW_FLOW_ID": [("", "at least 1")],
    "LANGFLOW_API_KEY": [("", "at least 1")],
    "CONVERSATION_SERVICE_ACCOUNT_ID": [("main", "pattern")],
    "CONVERSATION_SERVICE_M2M_JWT_SECRET_KEY": [("short", "at least 32"), ("k" * 32, "CONVERSATION_SERVICE_M2M_JWT_ISSUER")],
    "CONVERSATION_SERVICE_M2M_JWT_ALGORITHM": [("none", "HS256")],
    "CONVERSATION_SERVICE_M2M_JWT_ISSUER": [("", "at least 1")],
    "CONVERSATION_SERVICE_M2M_JWT_AUDIENCE": [("", "at least 1")],
    "CONVERSATION_SERVICE_USER_JWT_SECRET_KEY": [("short", "at least 32"), ("k" * 32, "CONVERSATION_SERVICE_USER_JWT_ISSUER")],
    "CONVERSATION_SERVICE_USER_JWT_ALGORITHM": [("none", "HS256")],
    "CONVERSATION_SERVICE_USER_JWT_ISSUER": [("", "at least 1")],
    "CONVERSATION_SERVICE_USER_JWT_AUDIENCE": [("", "at least 1")],
    "TERTULIA_LOG_LEVEL": [("loud", "debug")],
    "TERTULIA_LOG_FORMAT": [("xml", "json")],
}  # fmt: skip
"""Wrong values by variable, each with words of the answer."""

ANY_TEXT = {"s3_region", "s3_access_key_id", "s3_secret_access_key", "classifier_key", "model_key"}
"""Settings whose values only the other side can judge."""
IN_TEST_CLI = {"ray_address", "data", "link_folder"}
"""Settings that are tried, not parsed: `test_cli.py` and `test_link_settings.py` give wrong ones."""


def variable_of(name: str) -> str:
    alias = Settings.model_fields[name].validation_alias
    return str(alias.choices[0]) if alias is not None else f"TERTULIA_{name.upper()}"  # pyright: ignore


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(("TERTULIA_", "LANGFLOW_", "CONVERSATION_SERVICE_")) or name in (
            "DATABASE_URL",
            "REDIS_URL",
            "RAY_ADDRESS",
        ):
            monkeypatch.delenv(name)


def answer_to(capsys: pytest.CaptureFixture[str]) -> str:
    """What `tertulia serve` says of the environment before it starts anything; empty if nothing is wrong."""
    try:
        settings = read_settings()
    except typer.Exit as end:
        assert end.exit_code == 2
        return capsys.readouterr().err.removeprefix("tertulia: ").strip()
    made = {"jwt_secret": "s" * 32, "credentials_keys": Fernet.generate_key().decode()}
    given = {name: getattr(settings, name) or value for name, value in made.items()}
    attachments = settings.attachments_url or "file:///tmp"
    try:
        check_settings(settings.model_copy(update={**given, "attachments_url": attachments}))
        check_port(settings.host, settings.port)
    except StartError as error:
        return str(error)
    return ""


def test_the_defaults_are_right(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERTULIA_PORT", "48123")
    assert answer_to(capsys) == ""


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [(variable, value, words) for variable, cases in WRONG.items() for value, words in cases],
)
def test_a_wrong_value_is_refused_by_its_name(
    variable: str, value: str, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(variable, value)
    answer = answer_to(capsys)
    assert answer.startswith(f"{variable} is wrong: ")
    assert words in answer
    assert "\n" not in answer and "hunter2" not in answer


def test_every_setting_has_a_wrong_value() -> None:
    """Numbers with a bound are checked by their type, so only one wrong number of each kind stands in the table."""
    bounded = {
        name
        for name, field in Settings.model_fields.items()
        if field.annotation in (int, float, int | None) and field.metadata
    }
    names = {name for name in Settings.model_fields if name not in bounded | ANY_TEXT | IN_TEST_CLI}
    assert {variable_of(name) for name in names} - WRONG.keys() == set()
    assert WRONG.keys() <= {variable_of(name) for name in Settings.model_fields}


@pytest.mark.parametrize(
    "name", [n for n, f in Settings.model_fields.items() if f.annotation in (int, float)]
)
@pytest.mark.parametrize("value", ["-1", "many", "nan"])
def test_no_number_is_negative_or_no_number(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(variable_of(name), value)
    assert answer_to(capsys).startswith(f"{variable_of(name)} is wrong: ")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TERTULIA_PUBLIC_URL", "https://chat.example.com/"), ("TERTULIA_PUBLIC_URL", "http://[::1]:8080"),
        ("DATABASE_URL", "postgresql://u:p%40@a:5432,b:5433/x?sslmode=require"), ("DATABASE_URL", "postgres://u@/x?host=/run/pg"),
        ("REDIS_URL", "rediss://:p@valkey:6380/1?ssl_cert_reqs=none"), ("REDIS_URL", "unix:///run/valkey.sock?db=2"),
    ],
)  # fmt: skip
def test_a_right_url_is_taken(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TERTULIA_PORT", "48123")
    monkeypatch.setenv(variable, value)
    assert answer_to(capsys) == ""

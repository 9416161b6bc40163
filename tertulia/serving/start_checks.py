"""Checks before the server starts: settings that only their users can validate, a free port, a reachable Ray."""

from __future__ import annotations

import errno
import re
import socket
from collections.abc import Callable
from importlib.util import find_spec
from ipaddress import ip_address, ip_network
from typing import Final

from ..actors.transport.link_transport import client_context
from ..composition.host_links import tls_of
from ..http.auth.client_address import TrustedProxies
from ..http.auth.hosts import HostPolicy
from ..http.auth.origins import OriginPolicy
from ..http.auth.tokens import TokenSigner
from ..settings import Settings
from ..storage.credentials import FernetVault
from ..storage.objects.object_store import open_objects

MEDIA_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]*/(\*|[a-z0-9][a-z0-9!#$&^_.+-]*)")
"""RFC 6838, 4.2, in lower case; or all types of one kind."""


class StartError(Exception):
    """Why the server cannot start, as one sentence for the operator."""


def reach(ray_address: str) -> None:
    """Raise OSError if nothing listens at a `host:port`: Ray itself would retry for minutes, then end the process."""
    host, _, port = ray_address.rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=3).close()


def loopback(host: str) -> bool:
    """Whether nobody but this machine reaches what listens there."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_settings(settings: Settings) -> None:
    """Raise StartError for settings that only the parts that use them can validate, before anything is started."""
    assert settings.jwt_secret is not None and settings.credentials_keys is not None
    jwt_secret, keys = settings.jwt_secret, settings.credentials_keys
    checks: dict[str, Callable[[], object]] = {
        "TERTULIA_JWT_SECRET": lambda: TokenSigner.from_settings(settings, jwt_secret),
        "TERTULIA_CREDENTIALS_KEYS": lambda: FernetVault(keys),
        "TERTULIA_ALLOWED_ORIGINS": lambda: OriginPolicy.from_settings(settings),
        "TERTULIA_ALLOWED_HOSTS": lambda: HostPolicy.from_settings(settings),
        "TERTULIA_TRUSTED_PROXIES": lambda: TrustedProxies(settings.proxies()),
        "TERTULIA_METRICS_NETWORKS": lambda: TrustedProxies(settings.metrics_readers()),
        "TERTULIA_ALLOWED_NETWORKS": lambda: [ip_network(network) for network in settings.networks()],
        "TERTULIA_ACCOUNT_NETWORKS": settings.provider_access,
        "TERTULIA_ATTACHMENT_TYPES": lambda: [_media_type(name) for name in settings.upload_types()],
        "TERTULIA_ATTACHMENTS_URL": lambda: open_objects(settings),
        "TERTULIA_LINK_KEY" if settings.link_cert is None else "TERTULIA_LINK_CERT": lambda: tls_of(settings),
        "LANGFLOW_RUNTIME_URL" if settings.langflow_fault() else "TERTULIA_MODEL_PROVIDER": lambda: _model(
            settings
        ),
        "CONVERSATION_SERVICE_M2M_JWT_SECRET_KEY"
        if settings.m2m_jwt_secret_key
        else "CONVERSATION_SERVICE_USER_JWT_SECRET_KEY": lambda: _assistant(settings),
        "RABBITMQ_URL": lambda: _broker(settings),
        "TERTULIA_AUTOSCALE_MAX_NODES": lambda: _autoscale(settings),
        "TERTULIA_LINK_CA": lambda: client_context(settings.link_ca),
    }
    for name, check in checks.items():
        try:
            check()
        except (ValueError, OSError) as error:
            raise StartError(f"{name} is wrong: {error}") from error


def _model(settings: Settings) -> None:
    if (fault := settings.model_fault()) is not None:
        raise ValueError(fault)


def _assistant(settings: Settings) -> None:
    if (fault := settings.assistant_fault()) is not None:
        raise ValueError(fault)


def _autoscale(settings: Settings) -> None:
    if (fault := settings.autoscale_fault()) is not None:
        raise ValueError(fault)


def _broker(settings: Settings) -> None:
    if settings.rabbitmq_url is not None and find_spec("aio_pika") is None:
        raise ValueError("this needs aio-pika: pip install 'tertulia[rabbitmq]'")


def _media_type(name: str) -> None:
    if not MEDIA_TYPE.fullmatch(name):
        raise ValueError(f"{name!r} is not a media type, as in image/png or image/*")


def check_port(host: str, port: int) -> None:
    """Raise StartError if the gateways could not listen there. They share the port, so they would not notice it taken."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:
        raise StartError(
            f"TERTULIA_HOST is wrong: {host!r} is not an address or host name ({error})"
        ) from error
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                raise StartError(
                    f"TERTULIA_HOST is wrong: {host} is not an address of this machine"
                ) from error
            hint = {
                errno.EADDRINUSE: "; stop what listens there, or choose another port (--port)",
                errno.EACCES: "; ports below 1024 need rights that this user lacks",
            }.get(error.errno or 0, "")
            raise StartError(
                f"cannot listen on {host}:{port} (TERTULIA_PORT): {error.strerror}{hint}"
            ) from error

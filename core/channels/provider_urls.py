"""The URL of a channel's provider, and which addresses it may have.

A provider's own URL comes with its module. The operator may replace it with a setting, and a channel's admin with `config.base_url`. Only
the operator can allow private addresses: for all accounts (`networks`), or for one (`accounts`).
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from ..accounts.records import Channel
from ..url_policy import HTTPS, Grant, Reach, is_inside, is_numeric_host, parsed

OPEN_BY = "unless the operator allows its network (TERTULIA_ALLOWED_NETWORKS)"


class Base(msgspec.Struct, frozen=True):
    """A provider's API: `url` without a trailing slash, and the addresses allowed for it."""

    url: str
    grants: tuple[Grant, ...] = ()


class ProviderUrls(msgspec.Struct, frozen=True):
    """`operator`: by channel type, where a setting names one. `networks`: allowed to every account. `accounts`: by account, further
    networks (`10.1.0.0/16`) and URLs (`http://10.1.2.3:8081`) of its channels.
    """

    operator: Mapping[str, str] = {}
    networks: tuple[str, ...] = ()
    accounts: Mapping[str, tuple[str, ...]] = {}

    def of(self, channel: Channel, default: str) -> Base:
        """The API of a channel; `default` is its provider's own."""
        own = channel.config.get("base_url")
        if isinstance(own, str) and own:
            url = own.rstrip("/")
            networks = (
                None if self._is_listed(channel.account_id, url) else self._networks(channel.account_id)
            )
            return Base(url, (Grant(url, networks),))
        if named := self.operator.get(channel.type):
            url = named.rstrip("/")
            return Base(url, (Grant(url),))
        return Base(default)

    def fault(self, account_id: str, url: str) -> str | None:
        """Why an account's channel may not have this base URL, judged by its text alone; None if it may.

        What a name stands for is looked at when something is sent, and each time anew.
        """
        if self._is_listed(account_id, url.rstrip("/")):
            return None
        parts = urlsplit(url)
        host, networks = parts.hostname or "", self._networks(account_id)
        if is_numeric_host(host) or "%" in host or "\\" in url:
            return "the host must be a plain name or address"
        is_plain = parts.scheme != "https" or parts.port not in (None, HTTPS)
        if is_plain and not networks:
            return f"must be an https URL on port {HTTPS}, {OPEN_BY}"
        address = parsed(host)
        if address is not None:
            reason = Reach(networks, public=not is_plain).refusal(host)
            return f"the host is {reason}, {OPEN_BY}" if reason else None
        name = host.rstrip(".")
        if name == "localhost" or name.endswith(".localhost"):
            return self._machine_fault(networks)
        return None

    def _machine_fault(self, networks: tuple[str, ...]) -> str | None:
        loopback = parsed("127.0.0.1")
        assert loopback is not None
        return None if is_inside(loopback, networks) else f"the host is this machine, {OPEN_BY}"

    def _networks(self, account_id: str) -> tuple[str, ...]:
        own = self.accounts.get(account_id, ())
        return (*self.networks, *(text for text in own if "://" not in text))

    def _is_listed(self, account_id: str, url: str) -> bool:
        """Whether it is a URL that the operator allows the account, or below one: compared as text, so that no two parsers differ."""
        listed = (text.rstrip("/") for text in self.accounts.get(account_id, ()) if "://" in text)
        return any(url == text or url.startswith(f"{text}/") for text in listed)

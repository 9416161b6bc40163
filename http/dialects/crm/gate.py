"""Authentication: the tenant in `X-Tenant-Id`, proved by a token for it, or by the header alone if the operator trusts it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from aiohttp import web
from multidict import istr

from ....core.accounts.principal import Principal, Role
from ....core.errors import Forbidden, Malformed, Unauthenticated
from ....core.ids import is_uuid
from ....settings import Settings
from ...auth.tokens import ACCOUNT_ID, bearer
from ...framework.endpoint import of_token
from ...framework.services import Services

TENANT: Final = istr("X-Tenant-Id")
TRUSTED_USER: Final = "crm"
"""The user id of callers that are identified by the header alone."""
NO_END: Final = 253_402_300_799.0
"""The expiry of trusted tenants' principals: the end of the year 9999."""


def trusted(settings: Settings, tenant: str) -> Principal:
    """A service of the tenant, by its id alone. Raises Unauthenticated unless the operator trusts the header."""
    if not settings.trust_tenant_header:
        raise Unauthenticated("a bearer token is required")
    return Principal(account_id=tenant, role=Role.SERVICE, user_id=TRUSTED_USER, expires_at=NO_END)


@lru_cache(maxsize=1024)  # raises for what is not an id, and so keeps ids alone
def tenant_id(text: str | None) -> str:
    """The tenant that a request names. Raises Malformed."""
    tenant = (text or "").lower()
    if not is_uuid(tenant):
        raise Malformed(f"the header {TENANT} must be the id of a tenant")
    return tenant


class TenantGate:
    """`framework.endpoint.Gate` of the CRM."""

    header: str | None = TENANT
    schemes: tuple[str, ...] = ("bearer", "tenant")

    def at_once(self, services: Services, headers: Mapping[str, str]) -> Principal | None:
        token, tenant = bearer(headers), headers.get(TENANT)
        if token is None:
            return None if tenant is None else trusted(services.settings, tenant_id(tenant))
        if ACCOUNT_ID in headers:
            return None
        return None if tenant is None else services.verifier.cached(token, tenant_id(tenant))

    async def proved(self, request: web.Request, services: Services) -> Principal:
        headers = request.headers
        token, tenant = bearer(headers), headers.get(TENANT)
        if token is None:
            if tenant is None:
                raise Unauthenticated("a bearer token is required")
            return trusted(services.settings, tenant_id(tenant))
        try:
            tenant = tenant_id(tenant)
        except Malformed:
            await of_token(services, token, headers.get(ACCOUNT_ID))  # an invalid token is reported first
            raise
        if headers.get(ACCOUNT_ID, tenant).lower() != tenant:
            raise Forbidden(f"the headers {TENANT} and X-Account-Id name different accounts")
        return await of_token(services, token, tenant)


GATE: Final = TenantGate()

"""The settings of the assistant runtime's own tokens, which `Settings` takes in, under the names that its service had."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

from jwt import get_algorithm_by_name
from jwt.exceptions import InvalidKeyError
from pydantic import AfterValidator, AliasChoices, Field
from pydantic_settings import BaseSettings

Algorithm = Literal["HS256", "HS384", "HS512", "RS256", "ES256"]
Holder = Literal["M2M", "USER"]
"""The kinds of tokens, machines' and users', as in the variables' names."""


class TokenIssuer(NamedTuple):
    key: str
    algorithm: Algorithm
    issuer: str | None
    """None: not usable, and the server does not start."""
    audience: str


def _pem(key: str) -> str:
    """A key whose line ends are written as \\n, as environment files need them."""
    return key.replace("\\n", "\n") if key.startswith("-----BEGIN") else key


def _named(name: str) -> AliasChoices:
    return AliasChoices(f"CONVERSATION_SERVICE_{name}")


class AssistantSettings(BaseSettings):
    """The issuers whose tokens `/assistant` takes besides the native ones."""

    assistant_runs: int = Field(
        1024,
        ge=1,
        le=8192,
        description="answers of the assistant that one process streams at once; more of them wait",
    )
    assistant_account: str | None = Field(
        None,
        pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
        validation_alias=_named("ACCOUNT_ID"),
        description="account of those whose tokens come from the issuers below; their tokens are refused when unset",
    )
    m2m_jwt_secret_key: Annotated[str, AfterValidator(_pem)] | None = Field(
        None,
        min_length=32,
        validation_alias=_named("M2M_JWT_SECRET_KEY"),
        description="secret, or public key as PEM, of machines' tokens at /assistant; none are taken when unset",
    )
    m2m_jwt_algorithm: Algorithm = Field(
        "HS256", validation_alias=_named("M2M_JWT_ALGORITHM"), description="algorithm of machines' tokens"
    )
    m2m_jwt_issuer: str | None = Field(
        None,
        min_length=1,
        validation_alias=_named("M2M_JWT_ISSUER"),
        description="issuer of machines' tokens; required with their key",
    )
    m2m_jwt_audience: str = Field(
        "authenticated",
        min_length=1,
        validation_alias=_named("M2M_JWT_AUDIENCE"),
        description="audience of machines' tokens",
    )
    user_jwt_secret_key: Annotated[str, AfterValidator(_pem)] | None = Field(
        None,
        min_length=32,
        validation_alias=_named("USER_JWT_SECRET_KEY"),
        description="secret, or public key as PEM, of users' tokens at /assistant; none are taken when unset",
    )
    user_jwt_algorithm: Algorithm = Field(
        "HS256", validation_alias=_named("USER_JWT_ALGORITHM"), description="algorithm of users' tokens"
    )
    user_jwt_issuer: str | None = Field(
        None,
        min_length=1,
        validation_alias=_named("USER_JWT_ISSUER"),
        description="issuer of users' tokens; required with their key",
    )
    user_jwt_audience: str = Field(
        "authenticated",
        min_length=1,
        validation_alias=_named("USER_JWT_AUDIENCE"),
        description="audience of users' tokens",
    )

    def assistant_issuers(self) -> dict[Holder, TokenIssuer]:
        """The issuers whose key is set, machines' first."""
        both: dict[Holder, tuple[str | None, Algorithm, str | None, str]] = {
            "M2M": (
                self.m2m_jwt_secret_key,
                self.m2m_jwt_algorithm,
                self.m2m_jwt_issuer,
                self.m2m_jwt_audience,
            ),
            "USER": (
                self.user_jwt_secret_key,
                self.user_jwt_algorithm,
                self.user_jwt_issuer,
                self.user_jwt_audience,
            ),
        }
        return {
            holder: TokenIssuer(key, algorithm, issuer, audience)
            for holder, (key, algorithm, issuer, audience) in both.items()
            if key is not None
        }

    def assistant_fault(self) -> str | None:
        """The fault of the issuers' settings; None if they can be used."""
        issuers = self.assistant_issuers()
        for holder, given in issuers.items():
            if given.issuer is None or self.assistant_account is None:
                return (
                    f"it needs CONVERSATION_SERVICE_{holder}_JWT_ISSUER and CONVERSATION_SERVICE_ACCOUNT_ID"
                )
            if not _fits(given.key, given.algorithm):
                return (
                    f"the key is not one of CONVERSATION_SERVICE_{holder}_JWT_ALGORITHM ({given.algorithm})"
                )
        if len({(given.key, given.issuer) for given in issuers.values()}) < len(issuers):
            return "users and machines need a key or an issuer of their own, or users would count as machines"
        return None


def _fits(key: str, algorithm: str) -> bool:
    """Whether tokens of this algorithm can be verified with the key."""
    try:
        get_algorithm_by_name(algorithm).prepare_key(key)
    except (InvalidKeyError, ValueError, TypeError):
        return False
    return True

"""The settings of language models, which `Settings` takes in."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AliasChoices, Field
from pydantic_settings import BaseSettings

from .setting_types import AnyHttpUrl, HttpUrl


def _prices(text: str) -> str:
    prices_of(text)
    return text


def prices_of(text: str) -> dict[str, tuple[float, float]]:
    """US dollars for a million tokens in and out, by model. Raises ValueError."""
    found: dict[str, tuple[float, float]] = {}
    for part in (p.strip() for p in text.split(",") if p.strip()):
        model, equals, pair = part.rpartition("=")
        cost_in, slash, cost_out = pair.partition("/")
        try:
            price = float(cost_in), float(cost_out)
        except ValueError:
            price = (-1.0, -1.0)
        if not (equals and slash and model and 0 <= price[0] < 1e6 and 0 <= price[1] < 1e6):
            raise ValueError(
                "prices are <model>=<dollars in>/<dollars out> for a million tokens, comma separated"
            )
        found[model] = price
    return found


class ModelSettings(BaseSettings):
    """Which provider answers, and how long it may take."""

    model_config: Any = {"protected_namespaces": ()}

    model_provider: Literal["rules", "openai-compatible", "anthropic-compatible", "langflow"] = Field(
        "rules", description="provider of language models; rules is built in and needs no key and no network"
    )
    model_url: AnyHttpUrl | None = Field(
        None, description="base URL of the provider (https://api.openai.com/v1, https://api.anthropic.com)"
    )
    model_key: str | None = Field(None, description="the provider's key; none when unset")
    model_cheap: str | None = Field(
        None, min_length=1, description="model that analyses messages; TERTULIA_MODEL_PREMIUM when unset"
    )
    model_premium: str | None = Field(None, min_length=1, description="model that drafts replies")
    model_embedding: str | None = Field(
        None,
        min_length=1,
        description="OpenAI-compatible embedding model; built-in hashed vectors when unset",
    )
    model_timeout: float = Field(30, gt=0, le=300, description="time limit of a model's answer")
    model_calls: int = Field(
        64,
        ge=1,
        le=4096,
        description="model calls that one process makes at once; beyond it the built-in rules answer",
    )
    model_prices: Annotated[str, AfterValidator(_prices)] = Field(
        "",
        description="prices in dollars per million tokens, comma separated (<model>=<in>/<out>); free when unset",
    )
    langflow_runtime_url: HttpUrl | None = Field(
        None,
        validation_alias=AliasChoices("LANGFLOW_RUNTIME_URL", "TERTULIA_LANGFLOW_RUNTIME_URL"),
        description="URL of the Langflow server that runs flows",
    )
    langflow_flow_id: str | None = Field(
        None,
        min_length=1,
        validation_alias=AliasChoices("LANGFLOW_FLOW_ID", "TERTULIA_LANGFLOW_FLOW_ID"),
        description="flow that Langflow runs; it answers the assistant's users, whatever TERTULIA_MODEL_PROVIDER is",
    )
    langflow_api_key: str | None = Field(
        None,
        min_length=1,
        validation_alias=AliasChoices("LANGFLOW_API_KEY", "TERTULIA_LANGFLOW_API_KEY"),
        description="Langflow's API key; without one, the server signs in by auto_login",
    )

    def model_fault(self) -> str | None:
        """The fault of the chosen provider's settings, as `<variable>: <fault>`; None if it can be used."""
        if (fault := self.langflow_fault()) is not None:
            return fault
        if self.model_provider in ("langflow", "rules"):
            return None
        missing = [
            name
            for name, value in (
                ("TERTULIA_MODEL_URL", self.model_url),
                ("TERTULIA_MODEL_PREMIUM", self.model_premium),
            )
            if value is None
        ]
        return f"{self.model_provider} needs {' and '.join(missing)}" if missing else None

    def langflow_fault(self) -> str | None:
        """The fault of Langflow's settings, if one of them, or the provider, asks for it."""
        wanted = self.langflow_runtime_url or self.langflow_flow_id or self.model_provider == "langflow"
        missing = [
            name
            for name, value in (
                ("LANGFLOW_RUNTIME_URL", self.langflow_runtime_url),
                ("LANGFLOW_FLOW_ID", self.langflow_flow_id),
            )
            if value is None
        ]
        return f"langflow needs {' and '.join(missing)}" if wanted and missing else None

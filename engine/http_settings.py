"""What an operator can choose about HTTP."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings

from engine.setting_types import CommaList


class HttpSettings(BaseSettings):
    """Where the surfaces are, who may call them from a browser, and how much they take."""

    cors_origins: CommaList = ()
    """Origins whose pages may call the API, to the letter (`https://app.example`)."""
    v1_surface: Literal["orchestration", "management"] = "orchestration"
    """Which surface answers at `/v1` where no host name decides."""
    orchestration_hosts: CommaList = ("orchestration.localhost",)
    """Host names at which all paths are the Orchestration API's."""
    management_hosts: CommaList = ("management.localhost",)
    max_body_bytes: int = Field(default=1024 * 1024, ge=1024)
    """Of a request that carries no definition."""
    max_definition_bytes: int = Field(default=24 * 1024 * 1024, ge=1024)
    """Of a request that carries a definition; one of 100,000 steps takes about 20 MB."""
    execute_wait_seconds: float = Field(default=60, ge=0, le=3600)
    """How long a request that starts an execution and waits for its end may wait."""
    body_seconds: float = Field(default=60, gt=0)
    """How long a request's body may take to arrive."""

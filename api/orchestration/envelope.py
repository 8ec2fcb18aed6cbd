"""What every answer of the Orchestration API is in: `{"success": true, "data": ...}`, lists with `pagination`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

T = TypeVar("T")


def _shown(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _absent(value: Any) -> bool:
    return value is None


Moment = Annotated[datetime, PlainSerializer(_shown, return_type=str, when_used="json")]
"""UTC to the second, as `2024-01-15T14:30:00Z`."""
Optional = Annotated[T | None, Field(exclude_if=_absent)]
"""A field that is left out where there is nothing to say."""


class Body(BaseModel):
    """A request's body: nothing in it is ignored."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Pagination(BaseModel):
    """Which page of a list this is."""

    page: int
    limit: int
    total: int
    has_next: bool


class Answer(BaseModel, Generic[T]):
    """An answer."""

    success: Literal[True] = True
    data: T
    pagination: Optional[Pagination] = None


def paged(data: T, *, page: int, limit: int, total: int) -> Answer[T]:
    """One page of a list of `total`; pages count from 1."""
    return Answer(data=data, pagination=Pagination(page=page, limit=limit, total=total, has_next=page * limit < total))

"""Error bodies as RFC 9457 has them (problem details)."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from api.exchange import exchange_of
from api.faults import ErrorManner, Fault


class ProblemDocument(BaseModel):
    """A problem document; `code`, `problems`, `request_id` and `error_id` are ours."""

    model_config = ConfigDict(title="Problem")

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    problems: list[dict[str, Any]] | None = Field(None, description="Each with `code`, `path`, `message`, `remedy`.")
    request_id: str
    error_id: str | None = None


def problem_document(request: Request, fault: Fault) -> ProblemDocument:
    """A fault as a problem document."""
    return ProblemDocument(
        title=fault.title,
        status=fault.status,
        detail=fault.text,
        code=fault.code,
        problems=[problem.as_dict() for problem in fault.problems] or None,
        request_id=exchange_of(request.scope).request_id,
        error_id=fault.error_id,
    )


PROBLEM_DOCUMENTS = ErrorManner(ProblemDocument, problem_document, media_type="application/problem+json")

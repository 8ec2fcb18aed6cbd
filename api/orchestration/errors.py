"""Errors in the Orchestration API's words: `{"success": false, "error": {"code", "message", "details"}}`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from pydantic import BaseModel
from starlette.requests import Request

from api.exchange import exchange_of
from api.faults import ErrorManner, Fault
from api.orchestration.envelope import Optional
from api.orchestration.remedies import with_endpoints
from definitions.errors import Problem

_CODES = {
    "definition_not_found": "WORKFLOW_NOT_FOUND",
    "workflow_not_found": "WORKFLOW_NOT_FOUND",
    "execution_not_found": "EXECUTION_NOT_FOUND",
}
"""Of whole errors; the others are the core's code in capitals."""
_KINDS: dict[str, frozenset[str]] = {
    "STEP_DEPENDENCY_ERROR": frozenset({"unknown_step", "cycle", "refers_to_enclosing"}),
    "PLUGIN_UNAVAILABLE": frozenset({"plugin_unavailable", "unknown_plugin"}),
    "RESOURCE_INSUFFICIENT": frozenset({"resource_insufficient", "unknown_node_type"}),
    "SCHEDULE_CONFLICT": frozenset({"schedule_conflict"}),
}
"""What a definition's problems come to, the first that there is; where there is none, `DEFINITION_INVALID`."""
_NO_ID = {"execution_id": "EXECUTION_NOT_FOUND", "workflow_id": "WORKFLOW_NOT_FOUND"}
_SCHEDULE = "schedule"


class ProblemDetails(BaseModel):
    """One thing that is wrong: where, and what to do."""

    code: str
    path: str
    message: str
    remedy: str


class ValidationResults(BaseModel):
    """What checking a workflow has come to."""

    steps_valid: bool
    dependencies_resolved: bool
    plugins_available: bool
    schedule_valid: bool
    warnings: Optional[list[ProblemDetails]] = None
    """What does not keep it from being stored, but from being activated as things are now."""


class ErrorDetails(BaseModel):
    """An error. `details` has `request_id`; also `remedy`, `problems` (each with `code`, `path`, `message`, `remedy`),
    `validation_results`, `error_id`, and the ids of the path where there are such."""

    code: str
    message: str
    details: dict[str, Any]


class ErrorBody(BaseModel):
    """The body of every error."""

    success: Literal[False] = False
    error: ErrorDetails


def validation_results(problems: Iterable[Problem] = (), *, warnings: Sequence[Problem] = ()) -> ValidationResults:
    """What a definition's problems say of it; `warnings`: those that have not kept it from being stored."""
    kinds = {_kind(problem) for problem in (*problems, *warnings)}
    return ValidationResults(
        steps_valid=not kinds & {"", "RESOURCE_INSUFFICIENT"},
        dependencies_resolved="STEP_DEPENDENCY_ERROR" not in kinds,
        plugins_available="PLUGIN_UNAVAILABLE" not in kinds,
        schedule_valid=not kinds & {_SCHEDULE, "SCHEDULE_CONFLICT"},
        warnings=[_details(each) for each in warnings] or None,
    )


def _details(problem: Problem) -> ProblemDetails:
    return ProblemDetails(**{**problem.as_dict(), "code": problem.code.upper()})


def _kind(problem: Problem) -> str:
    """The documented code that it comes to, `schedule` for what is wrong with one, else nothing."""
    found = next((code for code, problems in _KINDS.items() if problem.code in problems), "")
    at_schedule = problem.path == _SCHEDULE or problem.path.startswith(f"{_SCHEDULE}.")
    return found or (_SCHEDULE if at_schedule else "")


def _code(fault: Fault) -> str:
    if fault.code == "definition_invalid":
        kinds = {_kind(problem) for problem in fault.problems}
        return next((code for code in _KINDS if code in kinds), "DEFINITION_INVALID")
    return _CODES.get(fault.code, fault.code.upper())


def _of_no_id(request: Request, fault: Fault) -> str | None:
    """The code of a path whose id is none."""
    if fault.code != "not_found":
        return None
    return next((code for name, code in _NO_ID.items() if name in request.path_params), None)


def error_body(request: Request, fault: Fault) -> ErrorBody:
    """Any error in the documented body."""
    fault = with_endpoints(fault, request.path_params)
    details: dict[str, Any] = {**request.path_params, "request_id": exchange_of(request.scope).request_id}
    if fault.remedy:
        details["remedy"] = fault.remedy
    if fault.problems:
        details["problems"] = [_details(each).model_dump() for each in fault.problems]
    if fault.code == "definition_invalid":
        details["validation_results"] = validation_results(fault.problems).model_dump()
    if fault.error_id is not None:
        details["error_id"] = fault.error_id
    return ErrorBody(
        error=ErrorDetails(code=_of_no_id(request, fault) or _code(fault), message=fault.whole_text, details=details)
    )


ORCHESTRATION_ERRORS = ErrorManner(ErrorBody, error_body)

"""What the steps of a mock run do instead of their handlers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, ValidationError

from definitions.errors import Problem, ProblemsError
from definitions.field_problems import field_problems
from definitions.model import Definition, Duration, Frozen, Step
from definitions.nearest import did_you_mean


class ResponsesInvalid(ProblemsError):
    """Responses that can't be used."""

    default_code = "responses_invalid"
    subject = "the responses"


class MockResponse(Frozen):
    """What a step does in each of its attempts."""

    output: Any = None
    """What it returns."""
    seconds: Annotated[Duration, Field(ge=0)] | None = None
    """How long an attempt takes; None: the step's `estimated_duration`, else no time."""
    errors: tuple[str, ...] = ()
    """Error classes (`timeout`, `rate_limit`, ...) of its first attempts, in order; it succeeds after them."""
    always_fails: str | None = None
    """The error class of every attempt after those in `errors`."""
    message: str = "made up"
    """What the errors say."""
    context: Mapping[str, Any] = Field(default_factory=dict)
    """What it adds to the run's context."""


class MockResponses(Frozen):
    """Responses by step id, and by handler for steps that have none of their own; `default` for all others."""

    steps: Mapping[str, MockResponse] = Field(default_factory=dict)
    handlers: Mapping[str, MockResponse] = Field(default_factory=dict)
    default: MockResponse = MockResponse()

    def of(self, step: Step) -> MockResponse:
        """The response of a step."""
        return self.steps.get(step.id) or self.handlers.get(step.handler or "") or self.default


def read_responses(document: Mapping[str, Any], definition: Definition) -> MockResponses:
    """The responses in a document, for a definition.

    Raises `ResponsesInvalid` with everything that is wrong: also for a step or a handler that the definition does not
    have, since a response that is never used would say nothing."""
    try:
        responses = MockResponses.model_validate(document)
    except ValidationError as error:
        raise ResponsesInvalid(field_problems(error, MockResponses, ())) from None
    handlers = {step.handler for step in definition.steps if step.handler}
    problems = [
        *_unknown("steps", "step", responses.steps, [step.id for step in definition.steps]),
        *_unknown("handlers", "handler", responses.handlers, sorted(handlers)),
    ]
    if problems:
        raise ResponsesInvalid(problems)
    return responses


def _unknown(field: str, kind: str, given: Mapping[str, Any], known: list[str]) -> list[Problem]:
    return [
        Problem(
            f"unknown_{kind}",
            f"{field}.{name}",
            f"the definition has no {kind} {name!r}",
            did_you_mean(name, known) or f"take it out, or name one of: {', '.join(known[:10])}",
        )
        for name in given
        if name not in known
    ]

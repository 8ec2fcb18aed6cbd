"""What the steps of a mock run do instead of their handlers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

from pydantic import Field, ValidationError

from definitions.block import Block, step_at
from definitions.errors import Problem, ProblemsError
from definitions.field_problems import field_problems
from definitions.model import Definition, Duration, Frozen, Step
from definitions.nearest import did_you_mean
from definitions.program import compile_definition


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


class MockEvent(Frozen):
    """An event that somebody sends to the run."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    after: Annotated[Duration, Field(ge=0)] = 0.0
    """Seconds after the start of the run."""
    data: Any = None


class MockAnswer(Frozen):
    """What somebody says to an approval."""

    approved: bool | None = True
    """Null: nobody answers."""
    after: Annotated[Duration, Field(ge=0)] = 0.0
    """Seconds after it was asked."""
    by: str | None = None
    """None: the first of the approvers."""
    comment: str = ""
    values: Mapping[str, Any] = Field(default_factory=dict)
    """What they change of the values."""


class MockResponses(Frozen):
    """Responses by step, then by handler or by workflow; `default` for all others. A step is named by its id, or one
    instance of it in a block by its path (`docs[3].analyse`), which goes before."""

    steps: Mapping[str, MockResponse] = Field(default_factory=dict)
    handlers: Mapping[str, MockResponse] = Field(default_factory=dict)
    workflows: Mapping[str, MockResponse] = Field(default_factory=dict)
    default: MockResponse = MockResponse()
    events: tuple[MockEvent, ...] = ()
    approvals: Mapping[str, MockAnswer] = Field(default_factory=dict)
    """Others are approved at once."""

    def of(self, step: Step, path: str) -> MockResponse:
        """The response of a step."""
        by_kind = self.workflows.get(step.workflow.name) if step.workflow else self.handlers.get(step.handler or "")
        return self.steps.get(path) or self.steps.get(step.id) or by_kind or self.default

    def answer_of(self, path: str) -> MockAnswer:
        """What is said to an approval."""
        return self.approvals.get(path) or self.approvals.get(path.rpartition(".")[2]) or MockAnswer()


def read_responses(document: Mapping[str, Any], definition: Definition) -> MockResponses:
    """The responses in a document, for a definition.

    Raises `ResponsesInvalid` with everything that is wrong: also for a step or a handler that the definition does not
    have, since a response that is never used would say nothing."""
    try:
        responses = MockResponses.model_validate(document)
    except ValidationError as error:
        raise ResponsesInvalid(field_problems(error, MockResponses, ())) from None
    steps = list(_all_steps(definition.steps))
    approvals = [step.id for step in steps if step.approval is not None]
    has_paths = any("." in name for name in (*responses.steps, *responses.approvals))
    root = compile_definition(definition, "").root if has_paths else None
    problems = [
        *_unknown("steps", "step", responses.steps, [step.id for step in steps], root),
        *_unknown("handlers", "handler", responses.handlers, sorted({step.handler for step in steps if step.handler})),
        *_unknown(
            "workflows",
            "workflow",
            responses.workflows,
            sorted({step.workflow.name for step in steps if step.workflow}),
        ),
        *_unknown("approvals", "approval", responses.approvals, approvals, root),
    ]
    if problems:
        raise ResponsesInvalid(problems)
    return responses


def _unknown(
    field: str, kind: str, given: Mapping[str, Any], known: list[str], root: Block | None = None
) -> list[Problem]:
    return [
        Problem(
            f"unknown_{kind}",
            f"{field}.{name}",
            f"the definition has no {kind} {name!r}",
            _remedy(name, known),
        )
        for name in given
        if name not in known and (root is None or not _is_path_of(name, known, root))
    ]


def _is_path_of(path: str, known: list[str], root: Block) -> bool:
    """Whether an instance of one of the known steps may have this path."""
    return path.rpartition(".")[2] in known and step_at(root, path) is not None


def _remedy(name: str, known: list[str]) -> str:
    step_id = name.rpartition(".")[2]
    if step_id != name and step_id in known:
        return f"write `{step_id}` for all of its instances, or the path of one: in a loop docs[0].{step_id}"
    return did_you_mean(name, known) or f"take it out, or name one of: {', '.join(known[:10])}"


def _all_steps(steps: Iterable[Step]) -> Iterator[Step]:
    for step in steps:
        yield step
        for _, inside in step.blocks:
            yield from _all_steps(inside)

"""Words for what is done with executions beyond the document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from api.orchestration import steering_wire
from api.orchestration.translate import execution_word
from definitions.graph import dependencies
from definitions.model import CONTROL_KEYS, Definition, Step
from definitions.steering import OpenApproval
from engine.orchestration.plugin_steps import plugin_of
from engine.orchestration.views import Estimate
from engine.views import Execution, Rerun


def rerun(made: Rerun) -> steering_wire.Rerun:
    """What a rerun reuses and runs."""
    return steering_wire.Rerun(
        execution_id=made.execution_id or None,
        forked_from=made.forked_from,
        workflow_id=made.workflow_id,
        version=made.version,
        reused=[*made.reused],
        runs=dict(made.runs),
        decided_again=[*made.decided_again],
        must_be_allowed=[*made.must_be_allowed],
    )


def approval(found: OpenApproval) -> steering_wire.Approval:
    """An approval that waits."""
    expires_at = found["expires_at"]
    return steering_wire.Approval(
        step_id=found["step"],
        message=found["message"],
        approvers=found["approvers"],
        values=found["values"],
        form=found["form"],
        requested_at=datetime.fromtimestamp(found["requested_at"], UTC),
        expires_at=None if expires_at is None else datetime.fromtimestamp(expires_at, UTC),
    )


def change(steps: Sequence[dict[str, Any]], request: steering_wire.InjectRequest) -> dict[str, Any]:
    """What is to be another of an execution."""
    wanted: dict[str, Any] = {"inject": [*steps], "skip": request.skip, "priority": request.priority}
    return {key: value for key, value in wanted.items() if value not in ([], None)}


def summary(run: Execution) -> steering_wire.ExecutionSummary:
    """An execution in a list."""
    return steering_wire.ExecutionSummary(
        execution_id=run.execution_id,
        status=execution_word(run.status),
        created_at=run.created_at,
        started_at=run.started_at,
        completed_at=run.completed_at,
        duration_seconds=run.duration_seconds,
        tags=[*run.tags],
    )


def graph(definition: Definition, expected: Estimate, statuses: Mapping[str, str]) -> steering_wire.Graph:
    """The steps of a definition; `statuses`: in an execution."""
    critical = frozenset(expected.critical_path)
    edges = [
        steering_wire.Edge(source=before, target=step_id)
        for step_id, needs in dependencies(definition, with_error_handlers=True).items()
        for before in needs
    ]
    return steering_wire.Graph(
        nodes=[_node(step, critical, statuses) for step in definition.steps],
        edges=edges,
        critical_path=[*expected.critical_path],
        estimated_seconds=expected.seconds,
    )


def _node(step: Step, critical: frozenset[str], statuses: Mapping[str, str]) -> steering_wire.Node:
    plugin, operation = plugin_of(step.handler) or (None, None)
    return steering_wire.Node(
        id=step.id,
        name=step.title,
        plugin=plugin,
        operation=operation,
        control=next((key for key in CONTROL_KEYS if getattr(step, key) is not None), None),
        critical=step.id in critical,
        status=statuses.get(step.id),
    )

"""The sandbox that workflow code runs in: the SDK's, without asking it for what our converter does not use.

For each payload that enters or leaves a workflow, the SDK enters the sandbox to ask which serialization and storage
context applies. Each time compiles and executes a line of code there, and all of it together is a sixth of what a step
costs the worker. Our data converter knows no contexts, so the answer is always the same: none. Whoever adds a codec or
an external storage that needs contexts must hand the question on again.
"""

from __future__ import annotations

from typing import Any

from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.converter import StorageDriverStoreContext
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions
from temporalio.workflow import Info

from engine.kept_code import keep_code

PURE = (
    "workflows.announcement",
    "workflows.approvals",
    "workflows.attributes",
    "workflows.changing",
    "workflows.controls",
    "workflows.ending",
    "workflows.explanation",
    "workflows.frames",
    "workflows.handling",
    "workflows.local_budget",
    "workflows.loops",
    "workflows.moments",
    "workflows.open_steps",
    "workflows.progress",
    "workflows.retention",
    "workflows.runner",
    "workflows.step_calls",
    "workflows.stepping",
    "workflows.sub_workflows",
    "workflows.timers",
    "workflows.timing",
    "workflows.turns",
    "workflows.waits",
)
"""Modules of `workflows` without clock, randomness or state of their own: `tests/workflows/test_pure_modules.py` reads
their source for it, so that the sandbox need not execute them anew for every run."""

HANDLERS = "workflows.dag"
"""What Temporal sees of a run, without anything that it does: it has the run import that inside of the sandbox."""

PASSED_THROUGH = (
    "definitions",  # pure, and its cache of compiled definitions is what keeps a run cheap
    "pydantic",  # `definitions.model` is made of it
    "pydantic_core",
    "annotated_types",
    *PURE,
    HANDLERS,
)
"""Modules that workflow code shares with the worker. What talks to Temporal is never one of them: the sandbox has to be
able to catch a `datetime.now()` in it."""

_NO_STORE = StorageDriverStoreContext(target=None)


class _WithoutContexts(WorkflowInstance):
    """A sandboxed instance that is asked for nothing but its work."""

    def __init__(self, sandboxed: WorkflowInstance) -> None:
        self._sandboxed = sandboxed

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        return self._sandboxed.activate(act)

    def get_serialization_context(self, command_info: Any) -> None:
        return None

    def get_external_store_context(self, command_info: Any) -> StorageDriverStoreContext:
        return _NO_STORE

    def get_info(self) -> Info:
        return self._sandboxed.get_info()

    def get_thread_id(self) -> int | None:
        return self._sandboxed.get_thread_id()


class Sandbox(SandboxedWorkflowRunner):
    """Runs, and replays, `DagWorkflow`."""

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        return _WithoutContexts(super().create_instance(det))


def sandbox() -> Sandbox:
    """The sandbox with our restrictions."""
    keep_code("workflows")
    return Sandbox(restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH))

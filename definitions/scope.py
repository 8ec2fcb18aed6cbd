"""What references and conditions look things up in."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any


class Scope:
    """A run's data, made once a run, holding the runner's own dictionaries (not copies).

    `step_outputs` has the outputs of steps that have ended, `skipped` answers whether a step was skipped (any path
    through it is null), `workflow` what `${workflow.*}` reads (`workflow.input` is always `input_data`), `loop` the
    current item and index inside a loop.
    """

    __slots__ = ("context", "input_data", "loop", "skipped", "step_outputs", "workflow")

    def __init__(
        self,
        input_data: Any,
        context: Mapping[str, Any],
        step_outputs: Mapping[str, Any],
        skipped: Container[str],
        workflow: Mapping[str, Any],
        loop: Mapping[str, Any] | None = None,
    ) -> None:
        self.input_data = input_data
        self.context = context
        self.step_outputs = step_outputs
        self.skipped = skipped
        self.workflow = workflow
        self.loop = loop

    def within_loop(self, loop: Mapping[str, Any]) -> Scope:
        """The same, inside of a loop."""
        return self.within_block(self.step_outputs, self.skipped, loop)

    def within_block(
        self, step_outputs: Mapping[str, Any], skipped: Container[str], loop: Mapping[str, Any] | None
    ) -> Scope:
        """The same, with what the steps of a block see in place of what those around it do."""
        return Scope(self.input_data, self.context, step_outputs, skipped, self.workflow, loop)

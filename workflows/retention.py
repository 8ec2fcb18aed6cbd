"""Which outputs a run keeps: all that something may still need, and others only while they are small.

"Need" means a step that has not ended and refers to the step in its input or condition; or the run's result. What
only the final record would like to have stays up to `RETAINED_OUTPUT_BYTES` and `RETAINED_OUTPUTS` in all: each attempt
has recorded its own output already.
"""

from __future__ import annotations

from typing import Any

from definitions.block import Block, StepProgram
from definitions.values import json_size

RETAINED_OUTPUT_BYTES = 256 * 1024
RETAINED_OUTPUTS = 1_000
"""Each of them costs time whenever the run goes on in a new history."""


class OutputRetention:
    """Keeps `outputs` (the run's own dictionary) small."""

    def __init__(self, block: Block, outputs: dict[str, Any]) -> None:
        self._block = block
        self._outputs = outputs
        self._sizes = {step_id: json_size(output) for step_id, output in outputs.items()}
        self._bytes = sum(self._sizes.values())
        self._readers: dict[str, int] = {}
        self._unneeded: dict[str, None] = {}

    def expect(self, reader: StepProgram) -> None:
        """A step that has not ended may read the outputs of these."""
        for step_id in reader.sources:
            self._readers[step_id] = self._readers.get(step_id, 0) + 1

    def done_with(self, reader: StepProgram) -> None:
        """That step has ended."""
        for step_id in reader.sources:
            self._readers[step_id] -= 1
            self._drop_unneeded(step_id)

    def store(self, step_id: str, output: Any) -> None:
        """A step has an output."""
        self._outputs[step_id] = output
        size = json_size(output)
        self._bytes += size - self._sizes.get(step_id, 0)
        self._sizes[step_id] = size
        self._drop_unneeded(step_id)

    def trim(self) -> None:
        """Look at all of the outputs there are, the first ones first."""
        for step_id in list(self._sizes):
            self._drop_unneeded(step_id)

    def _drop_unneeded(self, step_id: str) -> None:
        """What nothing needs may go, the oldest first, as soon as there is too much."""
        if step_id in self._sizes and self._readers.get(step_id, 0) == 0 and not self._block.steps[step_id].is_sink:
            self._unneeded[step_id] = None
        while self._unneeded and (self._bytes > RETAINED_OUTPUT_BYTES or len(self._sizes) > RETAINED_OUTPUTS):
            oldest = next(iter(self._unneeded))
            del self._unneeded[oldest]
            self._bytes -= self._sizes.pop(oldest)
            del self._outputs[oldest]

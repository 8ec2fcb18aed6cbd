"""Replays recorded histories: `python -m tests.histories.replay [NAME ...]`; all of them without names."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator, Mapping

from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer, WorkflowRunner

from engine.sandbox import sandbox
from tests.histories import files
from workflows.dag import DagWorkflow


async def failures(
    histories: Mapping[str, WorkflowHistory], workflow_runner: WorkflowRunner | None = None
) -> dict[str, str]:
    """What went wrong, by the names of the histories that did not replay."""

    async def each() -> AsyncIterator[WorkflowHistory]:
        for history in histories.values():
            yield history

    names = {history.run_id: name for name, history in histories.items()}
    replayer = Replayer(workflows=[DagWorkflow], workflow_runner=workflow_runner or sandbox())
    results = await replayer.replay_workflows(each(), raise_on_replay_failure=False)
    return {names[run_id]: str(error) for run_id, error in results.replay_failures.items()}


def main(wanted: list[str]) -> int:
    """Exit code 1 if a history does not replay; says which, and how many were replayed."""
    logging.getLogger("temporalio.workflow").setLevel(logging.CRITICAL)
    histories = {name: history for name, history in files.stored().items() if not wanted or name in wanted}
    failed = asyncio.run(failures(histories))
    for name, message in failed.items():
        print(f"{name}: {message}")
    print(f"{len(histories) - len(failed)} of {len(histories)} histories replayed")
    return 1 if failed else 0


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    # Not sys.exit(): Temporal's own threads crash a process now and then whose interpreter is being taken down.
    os._exit(code)

"""Replays recorded histories: `python -m tests.histories.replay [NAME ...]`; all of them without names."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing

from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer, WorkflowRunner

from engine.sandbox import sandbox
from tests.histories import files
from workflows.dag import DagWorkflow


async def failures(
    histories: Mapping[str, WorkflowHistory], workflow_runner: WorkflowRunner | None = None
) -> dict[str, str]:
    """What went wrong, by the names of the histories that did not replay."""
    return {name: message async for name, message in _replayed(histories, workflow_runner) if message}


async def first_failure(histories: Mapping[str, WorkflowHistory], workflow_runner: WorkflowRunner) -> str:
    """What went wrong in the first history that did not replay; empty when all did."""
    async with aclosing(_replayed(histories, workflow_runner)) as replayed:
        async for _name, message in replayed:
            if message:
                return message
    return ""


async def _replayed(
    histories: Mapping[str, WorkflowHistory], workflow_runner: WorkflowRunner | None
) -> AsyncGenerator[tuple[str, str]]:
    """Each name with what went wrong, or nothing."""

    async def each() -> AsyncIterator[WorkflowHistory]:
        for history in histories.values():
            yield history

    names = {history.run_id: name for name, history in histories.items()}
    # Only in debug mode does a busy machine not look like a workflow that hangs.
    replayer = Replayer(workflows=[DagWorkflow], workflow_runner=workflow_runner or sandbox(), debug_mode=True)
    async with replayer.workflow_replay_iterator(each()) as results:
        async for result in results:
            yield names[result.history.run_id], str(result.replay_failure or "")


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

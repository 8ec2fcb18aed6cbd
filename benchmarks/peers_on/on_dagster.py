"""Dagster: jobs with runs and events in an instance on SQLite and outputs on disk.

In this process, and with its default executor, which has a process for each step.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dagster import DagsterInstance, In, JobDefinition, build_reconstructable_job, execute_job, graph, op

from benchmarks.peers_on.work import Way, Work, expect, serve, smaller

SOME = smaller(chain=30, fan_out=30, runs=5, steps=5)
FEW = smaller(chain=2, fan_out=2, runs=2, steps=2)


@op
def begin() -> dict[str, int]:
    """The first step of a chain, or one of many side by side."""
    return {"n": 0}


@op
def follow(given: dict[str, int]) -> dict[str, int]:
    """The one after another."""
    return {"n": given["n"] + 1}


@op(ins={"given": In(list)})
def join(given: list[dict[str, int]]) -> dict[str, int]:
    """The step that waits for all."""
    return {"n": len(given)}


def job(steps: int, *, wide: bool) -> JobDefinition:
    """The job of a shape; its last step is called `last`."""

    @graph(name=f"{'fan_out' if wide else 'chain'}_{steps}")
    def shape() -> None:
        if wide:
            join.alias("last")([begin.alias(f"s{n}")() for n in range(steps)])
            return
        result = begin.alias("last" if steps == 1 else "s0")()
        for n in range(1, steps):
            result = follow.alias("last" if n == steps - 1 else f"s{n}")(result)

    return shape.to_job()


def runner(instance: DagsterInstance, executor: dict[str, Any]) -> Callable[[Work], None]:
    """Carries out a work on an instance with an executor."""

    def once(work: Work) -> None:
        made = build_reconstructable_job(__spec__.name, job.__name__, (work.steps,), {"wide": work.wide})
        run_config = {"execution": {"config": executor}, "loggers": {"console": {"config": {"log_level": "ERROR"}}}}
        with execute_job(made, instance, run_config=run_config, raise_on_error=True) as result:
            expect(result.output_for_node("last"), work)

    def run(work: Work) -> None:
        # One after the other: in threads of one process they come to hang, each at a lock of the logging.
        for _ in range(work.runs):
            once(work)

    return run


def main() -> None:
    """Both executors on one instance."""
    home = Path.home()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    os.environ["DAGSTER_HOME"] = str(home)
    with DagsterInstance.get() as instance:
        serve(
            Way("Dagster, SQLite, in process", runner(instance, {"in_process": {}}), SOME),
            Way("Dagster, SQLite, a process a step", runner(instance, {"multiprocess": {}}), FEW),
        )


if __name__ == "__main__":
    main()

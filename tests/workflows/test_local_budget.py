"""Which local steps run within a workflow task: 32 of them, and the others as other steps do."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from definitions.messages import StartStep
from tests.workflows.driving import Driver, scripted
from tests.workflows.workflow_documents import gives, step, workflow
from workflows.local_budget import MAX_LOCAL_STEPS


def local_runs(driver: Driver) -> list[tuple[bool, int]]:
    """How many steps in a row were started within a workflow task, or not."""
    started = [command.local for _, command in driver.commands if isinstance(command, StartStep)]
    return [(local, len(list(group))) for local, group in groupby(started)]


def chain(count: int) -> list[dict[str, Any]]:
    return [step(f"s{n}", *([f"s{n - 1}"] if n else []), local=True) for n in range(count)]


def test_of_a_chain_one_in_33_is_run_by_the_server() -> None:
    driver = Driver(workflow(*chain(100)), scripted({}))
    assert driver.run().status == "completed"
    assert local_runs(driver) == [(True, 32), (False, 1), (True, 32), (False, 1), (True, 32), (False, 1), (True, 1)]
    assert not any(batch == [] for batch in driver.batches[:-1])  # nothing had to be asked for twice


def test_nothing_waits_for_those_that_fit() -> None:
    driver = Driver(workflow(*(step(f"w{n}", local=True) for n in range(100))), scripted({}))
    driver.begin()
    assert local_runs(driver) == [(True, MAX_LOCAL_STEPS), (False, 100 - MAX_LOCAL_STEPS)]


def test_large_results_count_too() -> None:
    driver = Driver(workflow(*chain(20)), scripted({}, otherwise=gives("x" * 60_000)))
    assert driver.run().status == "completed"
    assert local_runs(driver)[:3] == [(True, 9), (False, 1), (True, 9)]


def test_whatever_the_server_tells_of_makes_new_room() -> None:
    steps = [*chain(40), step("other")]
    driver = Driver(workflow(*steps), scripted({"other": gives(1, 10.5)}))
    driver.run()
    # `other` ends after ten steps of the chain, and with it a task.
    assert local_runs(driver) == [(True, 1), (False, 1), (True, 39)]

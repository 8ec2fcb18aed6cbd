"""How long one workflow task may take."""

from __future__ import annotations

from workflows.announcement import workflow_task_timeout


def test_small_runs_are_taken_over_soon_and_large_ones_have_time_to_be_replayed() -> None:
    assert workflow_task_timeout(1).total_seconds() < 6
    assert workflow_task_timeout(1000).total_seconds() == 25
    assert workflow_task_timeout(100_000).total_seconds() == 60

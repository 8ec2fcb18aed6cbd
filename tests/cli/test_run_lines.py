from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console

from engine.views import Event, StepView
from longpole.cli.run_live import LiveView
from longpole.cli.run_state import RunState
from longpole.cli.run_view import LineView, choose_view

START = datetime(2026, 1, 1, tzinfo=UTC)


def event(sequence: int, kind: str, step_id: str | None = None, **data: Any) -> Event:
    return Event(sequence, kind, START + timedelta(seconds=sequence), step_id, data)


FAILURE = {"error_class": "error", "error_message": "x", "retry_in_seconds": 1}
STORY = [
    event(1, "step.started", "a", attempt=1, max_attempts=3),
    event(
        2, "step.retrying", "a", attempt=1, max_attempts=3, error_class="error", error_message="x", retry_in_seconds=1
    ),
    event(3, "step.started", "a", attempt=2, max_attempts=3),
    event(4, "run.paused"),
    event(5, "run.resumed"),
    event(6, "step.completed", "a", attempt=2, max_attempts=3),
    event(7, "step.skipped", "b", reason="condition_false"),
    event(8, "run.completed"),
]


def new_state() -> RunState:
    return RunState.new("story", "exec_1", [("a", "First"), ("b", "Second")])


def test_events_make_the_state() -> None:
    state = new_state()
    seen = []
    for each in STORY:
        state.apply(each)
        seen.append((state.status, state.steps["a"].status, state.done))
    assert seen == [
        ("running", "running", 0),
        ("running", "retrying", 0),
        ("running", "running", 0),
        ("paused", "running", 0),
        ("running", "running", 0),
        ("running", "completed", 1),
        ("running", "completed", 2),
        ("completed", "completed", 2),
    ]
    assert state.ended
    assert state.sequence == 8
    assert state.steps["a"].seconds(START + timedelta(hours=1)) == 5
    assert state.steps["b"].note == "condition false"


def test_what_comes_after_a_steps_end_does_not_bring_it_back() -> None:
    state = new_state()
    state.apply(event(1, "step.cancelled", "a", reason="abandoned"))
    state.apply(event(2, "step.completed", "a", attempt=1))
    assert state.steps["a"].status == "cancelled"


def test_each_event_is_a_line_when_the_output_is_no_terminal() -> None:
    output = io.StringIO()
    view = choose_view(Console(file=output, soft_wrap=True))
    assert isinstance(view, LineView)
    state = new_state()
    view.begin(state)
    for each in STORY:
        view.event(state, each, state.apply(each))
    first, *lines = output.getvalue().splitlines()
    assert first == "run exec_1 of story, 2 steps"
    assert [line.partition(" ")[2] for line in lines] == [
        "▶ First  started (attempt 1 of 3)",
        "↻ First  retrying (attempt 1 of 3)  error: x (again in 1 s)",
        "▶ First  started (attempt 2 of 3)  error: x (again in 1 s)",
        "run  paused",
        "run  resumed",
        "✓ First  completed (attempt 2 of 3) after 5.0 s",
        "– Second  skipped  condition false",
        "run  completed",
    ]


def test_steps_in_blocks_and_injected_ones_have_lines_by_their_paths() -> None:
    output = io.StringIO()
    view = LineView(Console(file=output, soft_wrap=True))
    state = new_state()
    story = [
        event(1, "step.started", "a", attempt=1),
        event(2, "step.started", "a[0].read", attempt=1),
        event(3, "approval.requested", "a[0].ask"),
        event(5, "step.failed", "a[0].read", attempt=1, error_class="error", error_message="x"),
        event(6, "step.completed", "late", attempt=1),
        event(7, "event.received", None, name="paid"),
        event(8, "signal.refused", None, signal="event", message="what was sent is no JSON object"),
    ]
    for each in story:
        view.event(state, each, state.apply(each))
    assert [line.partition(" ")[2] for line in output.getvalue().splitlines()] == [
        "▶ First  started",
        "▶ a[0].read  started",
        "· a[0].ask  approval.requested",
        "✗ a[0].read  failed after 3.0 s  error: x",
        "✓ late  completed",
        "run  event.received",
        "run  signal.refused: what was sent is no JSON object",
    ]
    assert (state.done, len(state.steps)) == (0, 2)


def test_a_terminal_shows_a_table_with_progress() -> None:
    output = io.StringIO()
    view = choose_view(Console(file=output, force_terminal=True, width=100, height=20))
    assert isinstance(view, LiveView)
    state = new_state()
    view.begin(state)
    view.event(state, STORY[0], state.apply(STORY[0]))
    state.progress(StepView("a", "First", "running", progress=0.5, progress_label="halfway"))
    view.refresh(state)
    view.end()
    assert "50%" in output.getvalue()
    assert "halfway" in output.getvalue()


def test_of_many_steps_those_that_run_are_shown() -> None:
    output = io.StringIO()
    view = LiveView(Console(file=output, force_terminal=True, width=100, height=14))
    state = RunState.new("wide", "exec_1", [(f"s{n}", f"Step {n}") for n in range(500)])
    state.apply(event(1, "step.started", "s400", attempt=1))
    view.begin(state)
    view.end()
    shown = output.getvalue()
    assert "Step 400" in shown
    assert "8 of 500 steps shown: 1 running, 499 pending" in shown

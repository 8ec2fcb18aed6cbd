"""Times that no grid has: whatever can be done once everything named is over, is planned."""

from __future__ import annotations

import pytest
from checking import faults
from hypothesis import example, given, settings
from hypothesis import strategies as st

from planner import Demand, Limits, Mode, Pool, Precedence, Problem, Reservation, Status, Task, solve

UNITS = 4.0
MOMENTS = st.one_of(
    st.floats(0, 1e7, allow_subnormal=False), st.integers(0, 10**10).map(lambda thousandths: thousandths / 1000)
)
LENGTHS = st.one_of(st.floats(1e-4, 1e4), st.sampled_from([1800.0, 60.0, 0.5]))
NEAR_THERE = st.sampled_from([0.0, 0.72, -3e-6, 0.0039835])
"""From a release to a reservation."""


def one_task(release: float, begins: float, lasts: float, takes: float) -> Problem:
    """A task for the whole pool, which others have for a while."""
    taken = (Reservation("pool", begins, begins + lasts, UNITS),)
    tasks = (Task("only", (Mode(takes, (Demand("pool", UNITS),)),), release),)
    return Problem(tasks, pools=(Pool("pool", UNITS),), reservations=taken)


@settings(max_examples=150, deadline=None)
@given(release=MOMENTS, shift=NEAR_THERE, lasts=LENGTHS, takes=LENGTHS)
@example(release=70123.456789, shift=0.0, lasts=1800.0, takes=60.0)
@example(release=72692.0, shift=0.7200039835, lasts=1800.0, takes=3600.0)
def test_a_task_waits_for_the_end_of_what_others_hold_and_no_longer(
    release: float, shift: float, lasts: float, takes: float
) -> None:
    begins = max(0.0, release + shift)
    plan = solve(one_task(release, begins, lasts, takes), Limits(seconds=0.0))
    assert plan.schedule is not None
    assert faults(plan) == []
    fits_before = release + takes <= begins or release >= begins + lasts
    expected = release if fits_before else begins + lasts
    # Where it fits before to the last thousandth, the grid may say that it does not.
    if abs(release + takes - begins) > 0.1:
        assert plan.schedule.starts[0] == pytest.approx(expected, abs=0.021)


def test_a_search_finds_it_too() -> None:
    plan = solve(one_task(70123.456789, 70123.456789, 1800.0, 123.4567), Limits(seconds=60.0))
    assert plan.status is Status.OPTIMAL
    assert plan.schedule is not None
    assert plan.schedule.starts == [pytest.approx(71923.456789, abs=0.002)]


@st.composite
def chains(draw: st.DrawFn) -> Problem:
    """Up to six tasks, one after the other with lags, each for the whole pool, and others' reservations."""
    count = draw(st.integers(1, 6))
    least = draw(st.sampled_from([None, 1.0]))
    tasks = tuple(
        Task(f"t{number}", (Mode(draw(LENGTHS), (Demand("pool", UNITS, least),)),), draw(MOMENTS))
        for number in range(count)
    )
    arcs = tuple(
        Precedence(f"t{number}", f"t{number + 1}", draw(st.floats(0, 100)))
        for number in range(count - 1)
        if draw(st.booleans())
    )
    begins, held = 0.0, []
    for _ in range(draw(st.integers(0, 3))):
        begins += draw(LENGTHS)
        ends = begins + draw(LENGTHS)
        held.append(Reservation("pool", begins, ends, UNITS))
        begins = ends
    return Problem(tasks, arcs, (Pool("pool", UNITS),), tuple(held))


@settings(max_examples=60, deadline=None)
@given(problem=chains())
def test_without_a_deadline_there_is_always_a_plan(problem: Problem) -> None:
    plan = solve(problem, Limits(seconds=0.0))
    assert plan.schedule is not None
    assert faults(plan) == []

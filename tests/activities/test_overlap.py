from __future__ import annotations

from typing import Any

import pytest

from activities.overlap import turn

A, B, C = (f"exec_{letter * 32}" for letter in "abc")


def decided(policy: Any, *runs: str, most: int | None = 1, before: int = 0, after: int = 0, waits: bool = False) -> Any:
    found = turn(policy, most, runs, before=before, after=after, waits=waits)
    return (found.action, found.reason, found.to_end)


POLICIES = ("skip", "buffer_one", "buffer_all", "cancel_other", "terminate_other", "allow_all")


@pytest.mark.parametrize("policy", POLICIES)
def test_with_room_a_start_happens(policy: str) -> None:
    assert decided(policy) == ("start", "", ())
    assert decided(policy, A, most=2) == ("start", "", ())


@pytest.mark.parametrize(
    ("policy", "decision"),
    [
        ("skip", ("skip", "overlap", ())),
        ("buffer_one", ("wait", "overlap", ())),
        ("buffer_all", ("wait", "overlap", ())),
        ("cancel_other", ("wait", "overlap", (A,))),
        ("terminate_other", ("wait", "overlap", (A,))),
        ("allow_all", ("skip", "max_concurrent_executions", ())),
    ],
)
def test_without_room(policy: str, decision: Any) -> None:
    assert decided(policy, A) == decision


def test_allow_all_has_no_limit_of_its_own() -> None:
    assert decided("allow_all", A, B, C, most=None) == ("start", "", ())


def test_one_start_is_buffered_and_no_more() -> None:
    assert decided("buffer_one", A, before=1) == ("skip", "buffer_full", ())
    assert decided("buffer_one", A, after=1, waits=True) == ("wait", "overlap", ())
    assert decided("buffer_one", waits=True) == ("start", "", ())


def test_buffered_starts_keep_their_order() -> None:
    assert decided("buffer_all", before=1, waits=True)[0] == "wait"
    assert decided("buffer_all", after=3, waits=True)[0] == "start"


def test_the_last_of_several_that_end_others_is_started() -> None:
    assert decided("cancel_other", A, after=1, waits=True) == ("skip", "superseded", ())
    assert decided("cancel_other", A, before=1)[0] == "wait"


def test_as_many_are_ended_as_it_takes() -> None:
    assert decided("terminate_other", A, B, C, most=2) == ("wait", "overlap", (A, B))

from __future__ import annotations

import math
from typing import Any

import pytest

from activities.counting import MOST_LOST, Tally, judge, refuse_lost
from activities.errors import Classified, PermanentFailure
from definitions.calls import StepCall


def call(**fields: Any) -> StepCall:
    return StepCall("exec_1", "s", "h", None, **fields)


@pytest.mark.parametrize(
    ("attempt", "details", "tally"),
    [
        (1, [], Tally(0, 0)),
        (3, [], Tally(0, 2)),
        (3, [{"failed": 2}], Tally(2, 0)),
        (4, [{"failed": 2, "progress": 0.5}], Tally(2, 1)),
        (1, [{"failed": 2}], Tally(2, 0)),
        (2, ["someone else's"], Tally(0, 1)),
    ],
)
def test_what_temporal_counts_is_told_apart(attempt: int, details: list[Any], tally: Tally) -> None:
    assert Tally.of(attempt, details) == tally
    assert tally.number == tally.failed + 1


def test_a_step_may_be_lost_so_many_times() -> None:
    refuse_lost(call(), Tally(3, MOST_LOST))
    with pytest.raises(PermanentFailure, match="lost 6 times") as caught:
        refuse_lost(call(), Tally(0, MOST_LOST + 1))
    assert caught.value.error_class == "worker_lost"


def test_waits_grow_up_to_their_maximum() -> None:
    policy = call(max_attempts=100, initial_interval=2.0, backoff_coefficient=3.0, max_interval=50.0)
    failure = Classified("error")
    delays = [judge(policy, Tally(failed, 0), failure).delay for failed in range(5)]
    assert delays == [2.0, 6.0, 18.0, 50.0, 50.0]
    steep = call(max_attempts=100, backoff_coefficient=100.0)
    assert judge(steep, Tally(98, 0), failure).delay == steep.max_interval < math.inf


@pytest.mark.parametrize(
    ("policy", "failure", "retried"),
    [
        ({}, Classified("error"), True),
        ({}, Classified("not_found", permanent=True), False),
        ({"retry_on_errors": ["not_found"]}, Classified("not_found", permanent=True), True),
        ({"retry_on_errors": ["not_found"]}, Classified("error"), False),
        ({"retry_on_errors": ["error"]}, Classified("error", permanent=True, final=True), False),
        ({"retry_on_timeout": False}, Classified("timeout"), False),
        ({"retry_on_timeout": False, "retry_on_errors": ["timeout"]}, Classified("timeout"), False),
        ({"retry_on_errors": []}, Classified("timeout"), False),
        ({"at_most_once": True}, Classified("error"), False),
    ],
)
def test_the_policy_decides_what_is_tried_again(policy: dict[str, Any], failure: Classified, retried: bool) -> None:
    assert judge(call(max_attempts=2, **policy), Tally(0, 3), failure).will_retry is retried
    assert not judge(call(max_attempts=2, **policy), Tally(1, 0), failure).will_retry

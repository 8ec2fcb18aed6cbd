"""Estimates: planned on the pools, or added up where there are too many steps for that."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from definitions.pools import load_pools
from engine.orchestration.estimating import plan, roughly

POOLS = load_pools({"pools": {"i3.xlarge": {"capacity": 4, "price": 3.0}, "cpu_cores": {"capacity": 1, "price": 1.0}}})
DOCUMENT: dict[str, Any] = {
    "name": "diamond",
    "steps": [
        {"id": "a", "handler": "sleep", "estimated_duration": 600.0, "resources": {"i3.xlarge": 2}},
        {"id": "b", "handler": "sleep", "estimated_duration": 1200, "depends_on": ["a"], "resources": {"i3.xlarge": 4}},
        {"id": "c", "handler": "sleep", "depends_on": ["a"]},
        {"id": "d", "depends_on": ["b", "c"]},
    ],
}


def test_where_there_is_room_both_ways_agree() -> None:
    """2 workers for 10 minutes, 4 for 20, and one step that takes a minute of nothing that is counted."""
    planned, added = plan(DOCUMENT, POOLS, datetime.now(UTC)), roughly(DOCUMENT, POOLS)
    for found in (planned, added):
        assert found.seconds == pytest.approx(1800)
        assert found.compute_hours == pytest.approx(2 / 6 + 4 / 3 + 1 / 60)
        assert found.cost == pytest.approx(5.0)
        assert found.critical_path[:2] == ("a", "b")


def test_a_plan_waits_for_room() -> None:
    both = {"handler": "sleep", "estimated_duration": 600.0, "resources": {"i3.xlarge": 3}}
    document = {"name": "two", "steps": [{"id": "a", **both}, {"id": "b", **both}]}
    assert plan(document, POOLS, datetime.now(UTC)).seconds == pytest.approx(1200)
    assert roughly(document, POOLS).seconds == pytest.approx(600)


def test_without_a_type_of_machine_a_step_counts_as_one() -> None:
    step = {"id": "a", "handler": "sleep", "estimated_duration": 3600.0, "resources": {"cpu_cores": 1.0}}
    found = plan({"name": "one", "steps": [step]}, POOLS, datetime.now(UTC))
    assert (found.compute_hours, found.cost) == (pytest.approx(1.0), pytest.approx(1.0))

"""A server that ends runs for the length of their history: 400 events, while it asks for a new one after 4,096 only.

`python -m benchmarks.engine_sizes --history-limit 400` does the same with 10,000 steps."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

import pytest
from temporal_dev.server import DevServer
from temporal_dev.temporary import temporary_server

from engine.core import Engine
from engine.settings import Settings
from tests.running import histories, run, statuses
from workflows import attributes

LIMIT = 400
LAYERS = 10
IN_A_LAYER = 60


@pytest.fixture(scope="module")
def temporal() -> Iterator[DevServer]:
    with temporary_server(
        search_attributes=attributes.TYPES, dynamic_config={"limit.historyCount.error": LIMIT}
    ) as server:
        yield server


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"max_history_events": LIMIT})


@pytest.mark.long
async def test_no_run_is_ended_for_its_length_where_the_limit_is_told(service: Engine) -> None:
    chance = random.Random(7)
    layered = [
        {
            "id": f"l{layer}_{n}",
            "handler": "steps.give",
            "input": {"value": n},
            "depends_on": [f"l{layer - 1}_{chance.randrange(IN_A_LAYER)}"] if layer else [],
        }
        for layer in range(LAYERS)
        for n in range(IN_A_LAYER)
    ]
    chain = [{"id": f"c{n}", "handler": "steps.give", "depends_on": [f"c{n - 1}" if n else "l0_0"]} for n in range(100)]
    execution = await run(service, {"name": "past the limit", "steps": [*layered, *chain]})
    assert execution.status == "completed", execution.error
    assert Counter(statuses(execution).values()) == {"completed": len(layered) + len(chain)}
    found = await histories(service, execution.execution_id)
    assert max(len(history.events) for history in found) <= LIMIT
    scheduled = Counter(
        event.activity_task_scheduled_event_attributes.activity_id
        for history in found
        for event in history.events
        if event.HasField("activity_task_scheduled_event_attributes")
    )
    assert set(scheduled.values()) == {1}

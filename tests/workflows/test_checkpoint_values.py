"""What is large in a checkpoint is kept outside of it, wherever in the run it is, and nobody can tell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from activities.offloading import offload
from activities.outputs import load
from definitions.calls import StepCall
from definitions.checkpoint_values import batches, movable, put_back
from definitions.values import BlobRef, json_size, resolve_deferred, unpack
from store.blobs import BlobStore
from tests.workflows.driving import Behaviour, Driver
from tests.workflows.workflow_documents import gives, step, workflow

ITERATIONS = 200
TEXT = "x" * 60_000
ITEMS = [{"url": f"page {n}", "note": "z" * 300} for n in range(ITERATIONS)]


def behave(call: StepCall) -> Behaviour:
    return gives({"text": TEXT, "small": 1} if call.step_id.endswith("read") else call.step_id)


def pages(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"id": "pages", "loop": {"iterate_over": ITEMS, "parallel": True, "steps": [step("read"), *steps]}}


def sum_up(**fields: Any) -> dict[str, Any]:
    return step("sum_up", input={"text": "${read.result.text}", "url": "${loop.current_item.url}"}, **fields)


class Halted(Driver):
    """Stays where a checkpoint can be taken for the first time."""

    halted = False

    def _checkpoint(self) -> None:
        self.halted = True


def in_the_middle(*steps: dict[str, Any]) -> Driver:
    """A run of which all that waits for nothing has ended, and nothing runs."""
    driver = Halted(workflow(*steps), behave)
    driver.begin()
    driver.runner.draining = True
    while not driver.halted:
        driver.advance()
    return driver


def lightened(driver: Driver, blobs: BlobStore) -> dict[str, Any]:
    """Its checkpoint as the workflow makes it."""
    checkpoint = driver.runner.state.checkpoint()
    values = json.loads(json.dumps(movable(checkpoint, driver.program.looked_into)))
    for batch in batches(values, 4 * 1024 * 1024):
        put_back(checkpoint, offload(batch, blobs))
    written: dict[str, Any] = json.loads(json.dumps(checkpoint))
    return written


def going_on(driver: Driver, checkpoint: dict[str, Any], blobs: BlobStore) -> Driver:
    after = Driver(driver.program.definition, behave, checkpoint=checkpoint)
    loop = after.runner.state.open["pages"].loop
    if loop is not None and isinstance(loop.items, BlobRef):
        after.blobs[loop.items.digest] = load(loop.items.digest, blobs)
    return after


def test_iterations_under_way_take_little_room_and_go_on(tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path)
    before = in_the_middle(pages(sum_up()))
    assert json_size(before.runner.state.checkpoint()) > ITERATIONS * len(TEXT)
    checkpoint = lightened(before, blobs)
    assert json_size(checkpoint) < ITERATIONS * 1_000

    after = going_on(before, checkpoint, blobs)
    assert after.run().output == [f"pages[{n}].sum_up" for n in range(ITERATIONS)]
    assert len(after.started) == ITERATIONS
    for n, started in enumerate(after.started):
        given = resolve_deferred(unpack(started.call.input, started.call.slots), lambda digest: load(digest, blobs))
        assert given == {"text": TEXT, "url": f"page {n}"}


def test_what_an_expression_looks_into_stays_at_hand(tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path)
    inside = sum_up(condition="${read.result.text}.startswith('xx') and 'zz' in loop.current_item.note")
    last = step("last", "pages", condition="len(${first_read.result.text}) > 1")
    before = in_the_middle(step("first_read"), pages(inside), last)
    checkpoint = lightened(before, blobs)
    after = going_on(before, checkpoint, blobs)
    assert after.run().status == "completed"
    ran = [started.activity_id for started in after.started if not started.activity_id.endswith("read")]
    assert ran == [*(f"pages[{n}].sum_up" for n in range(ITERATIONS)), "last"]


def test_results_of_iterations_that_wait_for_an_earlier_one_are_kept_outside(tmp_path: Path) -> None:
    """A list in blob storage has them without a gap."""
    slow = {"id": "first_waits", "wait": {"event": "go"}, "condition": "loop.index == 0"}
    before = in_the_middle(pages(slow))
    checkpoint = lightened(before, BlobStore(tmp_path))
    results = checkpoint["open"]["pages"]["loop"]["results"]
    assert len(results) == ITERATIONS - 1
    assert json_size(checkpoint) < ITERATIONS * 1_000
    after = going_on(before, checkpoint, BlobStore(tmp_path))
    after.at(5, lambda: after.send("go", 7))
    output = resolve_deferred(after.run().output, lambda digest: load(digest, BlobStore(tmp_path)))
    read = {"text": TEXT, "small": 1}
    assert output == [{"read": read, "first_waits": None if n else 7} for n in range(ITERATIONS)]

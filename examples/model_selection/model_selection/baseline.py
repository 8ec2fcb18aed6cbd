"""Step `fetch_baselines`: what simple methods reach, from a registry that does not answer at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from longpole import TemporaryFailure, step
from model_selection.contracts import Baseline, Baselines

REGISTRY = Path(__file__).with_name("baselines.json")
FAILING_ATTEMPTS = 1


def fetch_baselines(_: Any) -> dict[str, Any]:
    """The registry's entries. Returns `Baselines`.

    The registry is a file beside this module, and its outage is simulated, to show a retry: the first attempt always
    raises `TemporaryFailure`, the next succeeds. The step's `retry` in `workflow.yaml` does the rest."""
    if step.attempt <= FAILING_ATTEMPTS:
        raise TemporaryFailure("the baseline registry does not answer (a simulated outage: the next attempt succeeds)")
    entries = json.loads(REGISTRY.read_text("utf-8"))
    step.log.info("the registry answered", attempt=step.attempt, baselines=len(entries))
    return Baselines(baselines=[Baseline.read(entry) for entry in entries], attempt=step.attempt).output()

"""Step `settings`: the run's input, with what it leaves out filled in."""

from __future__ import annotations

from typing import Any

from longpole import step
from model_selection.contracts import Folds, Fraction, Message, Seed


class Settings(Message):
    """What a run can be told. The `input_schema` of `workflow.yaml` documents the same fields and defaults."""

    seed: Seed = 7
    threshold: Fraction = 0.97
    """The accuracy on validation data that the best model must reach to be accepted."""
    folds: Folds = 5


def fill_in(data: Any) -> dict[str, Any]:
    """The settings of this run, complete. Returns `Settings`; raises `InvalidInput` that names what is wrong."""
    settings = Settings.read(data)
    step.log.info("settings", **settings.output())
    return settings.output()

"""What the steps hand to each other. Arrays and models travel as files: a path here is relative to the run's folder.

Accuracies are fractions from 0 to 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from longpole import InvalidInput

Fraction = Annotated[float, Field(ge=0, le=1)]
Kind = Literal["logistic_regression", "support_vector_machine", "random_forest"]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]
Folds = Annotated[int, Field(ge=2, le=20)]


class Message(BaseModel):
    """Checked on the way in, plain JSON on the way out."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @classmethod
    def read(cls, data: Any) -> Self:
        """The handler's input. Raises `InvalidInput` that names every field in which it is wrong."""
        return parse(cls, data)

    def output(self) -> dict[str, Any]:
        """What the handler returns."""
        return self.model_dump(mode="json")


class Check(Message):
    """One thing that was checked about the data, and what was seen."""

    name: str
    seen: str


class Dataset(Message):
    """The checked digits. File: `images` (n, 8, 8) in 0..1, `digits` (n,)."""

    file: str
    images: int
    checks: list[Check]


class SplitRequest(Message):
    dataset: Dataset
    seed: Seed


class Split(Message):
    """Which digits each part holds. File: `train`, `validation` and `test`, positions in the dataset's arrays."""

    dataset: Dataset
    file: str
    train: int
    validation: int
    test: int


class TrainRequest(Message):
    kind: Kind
    split: Split
    folds: Folds
    seed: Seed


class TrainedModel(Message):
    """The best of one kind, trained on the whole training part."""

    kind: Kind
    title: str
    file: str
    parameters: dict[str, float | int | str]
    cv_accuracy: Fraction
    cv_deviation: Annotated[float, Field(ge=0)]


class EvaluateRequest(Message):
    models: Annotated[list[TrainedModel], Field(min_length=1)]
    split: Split


class Evaluation(Message):
    """One model on the validation part; `per_digit[d]` is the share of the digits `d` that it read right."""

    model: TrainedModel
    accuracy: Fraction
    errors: int
    per_digit: Annotated[list[Fraction], Field(min_length=10, max_length=10)]


class Evaluations(Message):
    """File: one array of predictions for each kind of model, in the order of the validation part."""

    evaluations: Annotated[list[Evaluation], Field(min_length=1)]
    file: str


class Choice(Message):
    best: Evaluation
    accuracy: Fraction
    """The best model's, here as well so that conditions read `step_outputs.choose.accuracy`."""
    reason: str


class AcceptRequest(Message):
    choice: Choice
    split: Split


class Acceptance(Message):
    """The chosen model, confirmed once on the test part."""

    file: str
    test_accuracy: Fraction
    test_errors: int


class RejectionRequest(Message):
    choice: Choice
    evaluations: Evaluations
    split: Split
    threshold: Fraction


class Rejection(Message):
    """How far the best model fell short. `confusions`: the commonest mistakes, e.g. "8 read as 1 (3 times)"."""

    missing: Fraction
    more_digits_needed: int
    confusions: list[str]


class Baseline(Message):
    """What a simple method reaches on the same data, from the registry."""

    name: str
    accuracy: Fraction
    measured: str


class Baselines(Message):
    baselines: list[Baseline]
    attempt: int
    """The attempt at which the registry answered."""


class ReportRequest(Message):
    split: Split
    evaluations: Evaluations
    choice: Choice
    baselines: Baselines
    threshold: Fraction
    folds: Folds
    seed: Seed
    accepted: Acceptance | None
    rejected: Rejection | None


class Report(Message):
    file: str
    summary: str
    accepted: bool


_Model = TypeVar("_Model", bound=BaseModel)


def parse(model: type[_Model], data: Any) -> _Model:
    """The checked value. Raises `InvalidInput` that names every field in which `data` is wrong."""
    if not isinstance(data, Mapping):
        raise InvalidInput(f"the input must be an object with {_names(model)}, not {type(data).__name__}")
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problems = [
            f"`{'.'.join(map(str, problem['loc'])) or 'input'}`: {problem['msg']}{_shown(problem)}"
            for problem in error.errors(include_url=False)
        ]
        raise InvalidInput("; ".join(problems)) from None


def _shown(problem: Any) -> str:
    return "" if problem["type"] == "missing" else f" (it is {str(problem['input'])[:60]!r})"


def _names(model: type[BaseModel]) -> str:
    return ", ".join(f"`{name}`" for name in model.model_fields)

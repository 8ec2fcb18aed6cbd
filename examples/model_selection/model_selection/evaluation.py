"""Steps `evaluate` and `choose`: every model on the validation part, and the best of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from longpole import step
from model_selection import workspace
from model_selection.contracts import Choice, EvaluateRequest, Evaluation, Evaluations
from model_selection.data import DIGITS, features, part


def evaluate(data: Any) -> dict[str, Any]:
    """Each model on the validation part, which none has seen. Returns `Evaluations`."""
    request = EvaluateRequest.read(data)
    images, digits = part(request.split, "validation")
    rows = features(images)
    predictions = {}
    evaluations = []
    for position, model in enumerate(request.models, start=1):
        predicted = workspace.read_model(model.file).predict(rows)
        predictions[model.kind] = predicted
        right = predicted == digits
        evaluations.append(
            Evaluation(
                model=model,
                accuracy=float(right.mean()),
                errors=int((~right).sum()),
                per_digit=[float(right[digits == digit].mean()) for digit in DIGITS],
            )
        )
        step.progress(position / len(request.models), model.title)
        step.log.info("evaluated", kind=model.kind, accuracy=round(float(right.mean()), 4))
    file = "evaluation/predictions.npz"
    workspace.write_arrays(file, {kind: np.asarray(predicted) for kind, predicted in predictions.items()})
    return Evaluations(evaluations=evaluations, file=file).output()


def choose(data: Any) -> dict[str, Any]:
    """The model with the best accuracy on validation; of equal ones the better in cross-validation.

    Returns a `Choice`."""
    ranked = sorted(
        Evaluations.read(data).evaluations, key=lambda each: (each.accuracy, each.model.cv_accuracy), reverse=True
    )
    best = ranked[0]
    if len(ranked) == 1:
        reason = "it is the only one"
    elif best.accuracy > ranked[1].accuracy:
        margin = ranked[1].errors - best.errors
        reason = f"{margin} fewer {'mistake' if margin == 1 else 'mistakes'} than {ranked[1].model.title.lower()}"
    else:
        reason = f"level with {ranked[1].model.title.lower()}, better in cross-validation"
    step.log.info("chosen", kind=best.model.kind, accuracy=round(best.accuracy, 4), reason=reason)
    return Choice(best=best, accuracy=best.accuracy, reason=reason).output()

"""Steps `accept` and `explain_rejection`: one of the two runs, the other is skipped."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

from longpole import step
from model_selection import workspace
from model_selection.contracts import Acceptance, AcceptRequest, Rejection, RejectionRequest
from model_selection.data import features, part

MOST_CONFUSIONS = 5


def accept(data: Any) -> dict[str, Any]:
    """Confirm the chosen model once on the test part and keep it as the run's model. Returns an `Acceptance`.

    The choice was made on the validation part, so its accuracy there flatters it a little; the test part does not."""
    request = AcceptRequest.read(data)
    chosen = request.choice.best.model
    images, digits = part(request.split, "test")
    model = workspace.read_model(chosen.file)
    wrong = int((model.predict(features(images)) != digits).sum())
    file = "accepted.joblib"
    path = workspace.write_model(file, model)
    step.artifact(path, name="accepted model", media_type="application/octet-stream", kind=chosen.kind)
    step.log.info("accepted", kind=chosen.kind, test_errors=wrong, of=len(digits))
    return Acceptance(file=file, test_accuracy=1 - wrong / len(digits), test_errors=wrong).output()


def explain_rejection(data: Any) -> dict[str, Any]:
    """Say by how much the best model fell short, and which digits it confuses. Returns a `Rejection`."""
    request = RejectionRequest.read(data)
    best = request.choice.best
    _, digits = part(request.split, "validation")
    predicted = workspace.read_arrays(request.evaluations.file)[best.model.kind]
    mistakes = Counter((int(digit), int(read)) for digit, read in zip(digits, predicted, strict=True) if digit != read)
    confusions = [
        f"{digit} read as {read} ({'once' if count == 1 else f'{count} times'})"
        for (digit, read), count in sorted(mistakes.items(), key=lambda item: (-item[1], item[0]))[:MOST_CONFUSIONS]
    ]
    needed = math.ceil(request.threshold * len(digits)) - (len(digits) - best.errors)
    step.log.warning("rejected", kind=best.model.kind, accuracy=round(best.accuracy, 4), threshold=request.threshold)
    return Rejection(
        missing=max(request.threshold - best.accuracy, 0.0), more_digits_needed=max(needed, 0), confusions=confusions
    ).output()

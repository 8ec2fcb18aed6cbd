"""Step `train_*`: the best model of one kind, its parameters chosen by cross-validation."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import ParameterGrid, StratifiedKFold
from sklearn.svm import SVC

from longpole import step
from model_selection import workspace
from model_selection.contracts import Kind, TrainedModel, TrainRequest
from model_selection.data import features, part


@dataclass(frozen=True)
class Family:
    """One kind of model: how it is made from parameters and a seed, and the parameters that are tried."""

    title: str
    build: Callable[..., Any]
    grid: dict[str, list[Any]]


FAMILIES: dict[Kind, Family] = {
    "logistic_regression": Family(
        "Logistic regression",
        lambda seed, **parameters: LogisticRegression(max_iter=2_000, random_state=seed, **parameters),
        {"C": [0.1, 1.0, 10.0, 100.0]},
    ),
    "support_vector_machine": Family(
        "Support vector machine",
        lambda seed, **parameters: SVC(random_state=seed, **parameters),
        {"C": [1.0, 10.0, 100.0], "gamma": [0.01, 0.05, 0.1, "scale"]},
    ),
    "random_forest": Family(
        "Random forest",
        lambda seed, **parameters: RandomForestClassifier(n_jobs=1, random_state=seed, **parameters),
        {"n_estimators": [50, 100], "max_features": [0.1, "sqrt"]},
    ),
}


def train(data: Any) -> dict[str, Any]:
    """Try every parameter set of the kind on the same folds, then train the best on all of them.

    Reports its progress after every fit, and how many fits and CPU seconds it used. Returns a `TrainedModel`."""
    request = TrainRequest.read(data)
    family = FAMILIES[request.kind]
    images, digits = part(request.split, "train")
    rows = features(images)
    folds = StratifiedKFold(request.folds, shuffle=True, random_state=request.seed)
    candidates = list(ParameterGrid(family.grid))
    fits = len(candidates) * request.folds + 1
    started = time.thread_time()
    scores = np.zeros((len(candidates), request.folds))
    done = 0
    for candidate, parameters in enumerate(candidates):
        label = ", ".join(f"{name}={value}" for name, value in parameters.items())
        for fold, (inner, outer) in enumerate(folds.split(rows, digits)):
            step.raise_if_cancelled()
            model = family.build(request.seed, **parameters).fit(rows[inner], digits[inner])
            scores[candidate, fold] = model.score(rows[outer], digits[outer])
            done += 1
            step.progress(done / fits, f"{label}, fold {fold + 1} of {request.folds}")
        step.log.info("cross-validated", cv_accuracy=round(float(scores[candidate].mean()), 4), **parameters)
    best = int(scores.mean(axis=1).argmax())
    file = f"models/{request.kind}.joblib"
    workspace.write_model(file, family.build(request.seed, **candidates[best]).fit(rows, digits))
    step.progress(1.0, "trained on the whole training part")
    step.usage(fits=fits, cpu_seconds=round(time.thread_time() - started, 3))
    return TrainedModel(
        kind=request.kind,
        title=family.title,
        file=file,
        parameters=candidates[best],
        cv_accuracy=float(scores[best].mean()),
        cv_deviation=float(scores[best].std()),
    ).output()

"""scikit-learn's estimators and measures by the names that workflows use."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

from activities.errors import InvalidInput
from definitions.nearest import did_you_mean

Task = Literal["classification", "regression"]
Algorithm = Literal["linear", "random_forest", "gradient_boosting", "hist_gradient_boosting"]
Metric = Literal["auc", "accuracy", "precision", "recall", "f1", "log_loss", "r2", "rmse", "mae"]

_CLASSES: Mapping[tuple[str, str], tuple[str, str, Mapping[str, Any]]] = {
    ("linear", "classification"): ("sklearn.linear_model", "LogisticRegression", {"max_iter": 1000}),
    ("linear", "regression"): ("sklearn.linear_model", "Ridge", {}),
    ("random_forest", "classification"): ("sklearn.ensemble", "RandomForestClassifier", {}),
    ("random_forest", "regression"): ("sklearn.ensemble", "RandomForestRegressor", {}),
    ("gradient_boosting", "classification"): ("sklearn.ensemble", "GradientBoostingClassifier", {}),
    ("gradient_boosting", "regression"): ("sklearn.ensemble", "GradientBoostingRegressor", {}),
    ("hist_gradient_boosting", "classification"): ("sklearn.ensemble", "HistGradientBoostingClassifier", {}),
    ("hist_gradient_boosting", "regression"): ("sklearn.ensemble", "HistGradientBoostingRegressor", {}),
}
CLASSIFICATION: tuple[Metric, ...] = ("auc", "accuracy", "precision", "recall", "f1", "log_loss")
REGRESSION: tuple[Metric, ...] = ("r2", "rmse", "mae")
LOWER_IS_BETTER = frozenset({"log_loss", "rmse", "mae"})
_BINARY = {"auc": "roc_auc", "accuracy": "accuracy", "precision": "precision", "recall": "recall", "f1": "f1"}
_MANY = {
    "auc": "roc_auc_ovr_weighted",
    "accuracy": "accuracy",
    "precision": "precision_weighted",
    "recall": "recall_weighted",
    "f1": "f1_weighted",
}
_NEGATIVE = {
    "log_loss": "neg_log_loss",
    "rmse": "neg_root_mean_squared_error",
    "mae": "neg_mean_absolute_error",
}


@contextmanager
def threads(count: int) -> Iterator[None]:
    """How many threads scikit-learn computes with, called from this one.

    Its own choice is one for each core. They wait for each other by spinning (OpenMP), and a worker runs steps side by
    side: on two busy cores a fit of 0.4 s took 7 to 23 s with two threads."""
    import sklearn  # noqa: F401 - loads OpenMP, which can only then be told
    from threadpoolctl import threadpool_limits

    with threadpool_limits(count, user_api="openmp"):
        yield


def new_estimator(algorithm: str, task: Task, hyperparameters: Mapping[str, Any], seed: int) -> Any:
    """An estimator that is not fitted. Raises `InvalidInput` for a parameter that its class does not have."""
    module, name, defaults = _CLASSES[algorithm, task]
    estimator = getattr(importlib.import_module(module), name)(**defaults)
    known = estimator.get_params(deep=False)
    for parameter in hyperparameters:
        if parameter not in known:
            said = did_you_mean(parameter, known) or f"it has {', '.join(sorted(known))}"
            raise InvalidInput(f"{name} has no parameter `{parameter[:80]}`: {said}")
    seeded = {"random_state": seed} if "random_state" in known else {}
    return estimator.set_params(**{**seeded, **hyperparameters})


def scorers(task: Task, target: Any, metrics: tuple[Metric, ...] | None = None) -> dict[str, Callable[..., float]]:
    """Functions of (model, rows, target) by metric, in the metric's own sign; default: all of the task.

    With two classes precision, recall and f1 are those of the second in order; with more, weighted means. Raises
    `InvalidInput` for a metric of the other task."""
    own = CLASSIFICATION if task == "classification" else REGRESSION
    chosen: dict[str, Callable[..., float]] = {}
    for metric in metrics or own:
        if metric not in own:
            raise InvalidInput(f"`{metric}` is no measure of {task}; there are {', '.join(own)}")
        chosen[metric] = _scorer(metric, target)
    return chosen


def _scorer(metric: Metric, target: Any) -> Callable[..., float]:
    from sklearn.metrics import f1_score, get_scorer, make_scorer, precision_score, recall_score

    if metric in _NEGATIVE:
        negative = get_scorer(_NEGATIVE[metric])
        return lambda model, rows, truth: -float(negative(model, rows, truth))
    if metric == "r2":
        return get_scorer("r2")  # type: ignore[no-any-return]
    classes = sorted(target.unique())
    if len(classes) > 2:
        return get_scorer(_MANY[metric])  # type: ignore[no-any-return]
    measures = {"precision": precision_score, "recall": recall_score, "f1": f1_score}
    if metric in measures:
        # Labels need not be 0 and 1, and nothing may be predicted to be of the second class.
        return make_scorer(measures[metric], pos_label=classes[-1], zero_division=0.0)  # type: ignore[no-any-return]
    return get_scorer(_BINARY[metric])  # type: ignore[no-any-return]

"""The plugin `sklearn`: features and models by scikit-learn, on the worker."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from activities import step
from activities.errors import InvalidInput
from activities.plugins.estimators import Algorithm, Task, new_estimator, scorers, threads
from activities.plugins.model_files import MODEL_SUFFIX, MODELS, column, read_table, save_model
from activities.plugins.plugin import Config, Hint, Plugin
from activities.plugins.upstream import Inputs, datasets, needed, told

if TYPE_CHECKING:
    import pandas as pd

TRAINING, HOLDOUT = "training_set", "holdout_set"


class ProcessFeatures(Config):
    """Columns, made into numbers."""

    data: str | None = None
    """Parquet or CSV; default: the `output_path` of a step before."""
    target: str | None = None
    """The column to be predicted: kept as it is, the last one."""
    drop: list[str] = Field(default_factory=list)
    """Columns that are no features, such as ids."""
    log: list[str] = Field(default_factory=list)
    """Columns that are replaced by log(1 + x): amounts, counts."""
    scale: bool = True
    """Numbers to mean 0 and deviation 1."""
    max_categories: Annotated[int, Field(ge=2, le=1000)] = 20
    """A column for each value of a text; rarer ones share one."""
    holdout: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """This part of the rows is kept aside: the data set `holdout_set`."""
    seed: int = 0
    inputs: Inputs


class TrainModel(Config):
    """One model."""

    data: str | None = None
    """Parquet or CSV with numbers; default: the data set `training_set` of a step before."""
    target: str | None = None
    """Default: that of a step before."""
    algorithm: Algorithm = "hist_gradient_boosting"
    hyperparameters: dict[str, Any] = Field(default_factory=dict)
    """Parameters of scikit-learn's class."""
    task: Task | None = None
    """Default: classification for texts, truth values and at most 20 whole numbers."""
    folds: Annotated[int, Field(ge=0, le=50)] = 5
    """Of the cross-validation before the final fit; 0: none."""
    threads: Annotated[int, Field(ge=1, le=256)] = 1
    """That one fit computes with: more pay on large data, on cores that nothing else uses."""
    seed: int = 0
    inputs: Inputs


plugin = Plugin("sklearn", summary="Features and models by scikit-learn, on the worker.", needs=MODELS)


@plugin.operation(ProcessFeatures, hint=lambda _config: Hint(seconds=30.0))
def process_features(config: ProcessFeatures) -> dict[str, Any]:
    """Fills gaps, scales numbers, makes columns of texts, keeps rows aside; learns from the training rows only.

    Returns `{"output_path", "datasets": {"training_set", "holdout_set"}, "preprocessor_path", "target", "features",
    "records": {"training_set", "holdout_set"}}`. Raises `InvalidInput`."""
    source = needed("data", config.data, config.inputs, "output_path")
    step.progress(0.0, "reading")
    table = read_table(source)
    target = column(table, config.target) if config.target is not None else None
    for name in (*config.drop, *config.log):
        column(table, name)
    rows = table.drop(columns=[*config.drop, *([config.target] if config.target else [])])
    if rows.empty or not len(rows.columns):
        raise InvalidInput(f"{source} has no rows, or no columns that are features")
    train, held = _split(rows, target, config)
    step.progress(0.3, f"fitting on {len(train):,} rows")
    step.raise_if_cancelled()
    preprocessor = _preprocessor(train, config)
    transformed = {TRAINING: preprocessor.fit_transform(train)}
    if len(held):
        transformed[HOLDOUT] = preprocessor.transform(held)
    step.progress(0.8, "writing")
    places: dict[str, str] = {}
    for name, frame in transformed.items():
        if target is not None:
            frame[config.target] = target.loc[frame.index]
        path = step.workdir / f"{step.step_id}.{name}.parquet"
        frame.to_parquet(path, index=False)
        places[name] = str(path)
        step.artifact(path, media_type="application/vnd.apache.parquet", records=len(frame))
    model = save_model(preprocessor, step.workdir / f"{step.step_id}.preprocessor{MODEL_SUFFIX}")
    step.artifact(model)
    features = [str(name) for name in preprocessor.get_feature_names_out()]
    step.log.info("features made", features=len(features), training=len(train), holdout=len(held))
    step.usage(records=len(table))
    step.progress(1.0, f"{len(features)} features")
    return {
        "output_path": places[TRAINING],
        "datasets": places,
        "preprocessor_path": str(model),
        "target": config.target,
        "features": features,
        "records": {name: len(frame) for name, frame in transformed.items()},
    }


@plugin.operation(TrainModel, hint=lambda config: Hint(seconds=30.0 * (config.folds + 1)))
def train_model(config: TrainModel) -> dict[str, Any]:
    """A model, judged by cross-validation and then fitted on all rows.

    Returns `{"model_path", "algorithm", "task", "hyperparameters", "metrics", "target", "features", "records",
    "datasets", "preprocessor_path"}`; metrics are means over the folds (`cv_auc`, ...) and `fit_seconds`. Raises
    `InvalidInput`."""
    known = datasets(config.inputs)
    source = needed("data", config.data or known.get(TRAINING), config.inputs, "output_path")
    target_name = needed("target", config.target, config.inputs, "target")
    table = read_table(source)
    target = column(table, target_name)
    rows = table.drop(columns=[target_name])
    task = config.task or _task(target)
    step.log.info(f"training {config.algorithm}", rows=len(rows), features=len(rows.columns), task=task)
    with threads(config.threads):
        metrics = _cross_validated(config, task, rows, target)
        step.progress(0.9, "fitting on all rows")
        begun = time.monotonic()
        model = _fitted(config, task, rows, target)
    metrics["fit_seconds"] = round(time.monotonic() - begun, 3)
    path = save_model(model, step.workdir / f"{step.step_id}.model{MODEL_SUFFIX}")
    step.artifact(path, algorithm=config.algorithm, **dict[str, Any](metrics))
    step.usage(records=len(rows), fits=config.folds + 1)
    step.progress(1.0, ", ".join(f"{name} {value:.3f}" for name, value in metrics.items()))
    return {
        "model_path": str(path),
        "algorithm": config.algorithm,
        "task": task,
        "hyperparameters": config.hyperparameters,
        "metrics": metrics,
        "target": target_name,
        "features": [str(name) for name in rows.columns],
        "records": len(rows),
        "datasets": known,
        "preprocessor_path": told(None, config.inputs, "preprocessor_path"),
    }


def _split(
    rows: pd.DataFrame, target: pd.Series[Any] | None, config: ProcessFeatures
) -> tuple[pd.DataFrame, pd.DataFrame]:
    from sklearn.model_selection import train_test_split

    if not config.holdout:
        return rows, rows.iloc[:0]
    # Each class in both parts alike, where there are enough of each.
    stratify = target if target is not None and _task(target) == "classification" else None
    if stratify is not None and stratify.value_counts().min() < 2:
        stratify = None
    try:
        train, held = train_test_split(rows, test_size=config.holdout, random_state=config.seed, stratify=stratify)
    except ValueError as error:
        raise InvalidInput(f"the rows can't be split: {error}") from None
    return train, held


def _preprocessor(rows: pd.DataFrame, config: ProcessFeatures) -> Any:
    import numpy as np
    from pandas.api.types import is_numeric_dtype
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

    numbers = [name for name in rows.columns if is_numeric_dtype(rows[name])]
    unfit = [name for name in config.log if name not in numbers or rows[name].min() <= -1]
    if unfit:
        raise InvalidInput(f"`log` is for numbers above -1; `{unfit[0]}` has others")
    scaling = [StandardScaler()] if config.scale else []
    logarithm = FunctionTransformer(np.log1p, feature_names_out="one-to-one")
    texts = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="missing"),
        OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=config.max_categories, sparse_output=False),
    )
    parts = [
        (
            "numbers",
            make_pipeline(SimpleImputer(strategy="median"), *scaling),
            [n for n in numbers if n not in config.log],
        ),
        ("logs", make_pipeline(SimpleImputer(strategy="median"), logarithm, *scaling), list(config.log)),
        ("texts", texts, [name for name in rows.columns if name not in numbers]),
    ]
    transformer = ColumnTransformer(parts, verbose_feature_names_out=False)
    return transformer.set_output(transform="pandas")


def _cross_validated(config: TrainModel, task: Task, rows: pd.DataFrame, target: pd.Series[Any]) -> dict[str, float]:
    from sklearn.model_selection import KFold, StratifiedKFold

    if not config.folds:
        return {}
    if config.folds < 2 or len(rows) < config.folds:
        raise InvalidInput(f"{config.folds} folds are not possible with {len(rows)} rows")
    kind = StratifiedKFold if task == "classification" else KFold
    parts = kind(config.folds, shuffle=True, random_state=config.seed)
    found: dict[str, list[float]] = {}
    measures = scorers(task, target)
    try:
        for number, (train, test) in enumerate(parts.split(rows, target)):
            step.raise_if_cancelled()
            step.progress(0.9 * number / config.folds, f"fold {number + 1} of {config.folds}")
            model = _fitted(config, task, rows.iloc[train], target.iloc[train])
            for name, score in measures.items():
                found.setdefault(f"cv_{name}", []).append(float(score(model, rows.iloc[test], target.iloc[test])))
    except ValueError as error:
        raise InvalidInput(f"cross-validation is not possible: {error}") from None
    means = {name: sum(values) / len(values) for name, values in found.items()}
    return {name: round(value, 6) for name, value in means.items() if math.isfinite(value)}


def _fitted(config: TrainModel, task: Task, rows: pd.DataFrame, target: pd.Series[Any]) -> Any:
    estimator = new_estimator(config.algorithm, task, config.hyperparameters, config.seed)
    try:
        return estimator.fit(rows, target)
    except (ValueError, TypeError) as error:
        raise InvalidInput(f"{config.algorithm} can't be trained on this: {str(error)[:500]}") from None


def _task(target: pd.Series[Any]) -> Task:
    from pandas.api.types import is_bool_dtype, is_float_dtype, is_numeric_dtype

    is_label = is_bool_dtype(target) or not is_numeric_dtype(target)
    return "classification" if is_label or (not is_float_dtype(target) and target.nunique() <= 20) else "regression"

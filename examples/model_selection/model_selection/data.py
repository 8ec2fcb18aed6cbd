"""Steps `load` and `split`: the digits, checked, and divided into training, validation and test parts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from longpole import PermanentFailure, step
from model_selection import workspace
from model_selection.contracts import Check, Dataset, Split, SplitRequest

SIDE = 8
BRIGHTEST = 16
DIGITS = np.arange(10)
MOST_IMBALANCE = 1.5
"""The commonest digit may occur this many times as often as the rarest."""
HELD_BACK = 0.4
"""Share of the digits not trained on: one half validates, the other half tests."""


def load(_: Any) -> dict[str, Any]:
    """The 1,797 handwritten digits that scikit-learn ships, checked. Returns a `Dataset`."""
    source = load_digits()
    images, digits = np.asarray(source.images), np.asarray(source.target)
    checks = check(images, digits)
    for passed in checks:
        step.log.info(f"checked: {passed.name}", seen=passed.seen)
    dataset = Dataset(file="data/digits.npz", images=len(images), checks=checks)
    workspace.write_arrays(dataset.file, {"images": images / BRIGHTEST, "digits": digits.astype(np.int64)})
    return dataset.output()


def check(images: NDArray[Any], digits: NDArray[Any]) -> list[Check]:
    """What was seen of shape, missing values, range, classes and balance.

    Raises `PermanentFailure` that names everything wrong: the data would be no different at another attempt."""
    if images.ndim != 3 or images.shape[1:] != (SIDE, SIDE) or digits.shape != images.shape[:1] or not len(images):
        raise PermanentFailure(
            f"the data has shape {images.shape} with {digits.shape} labels: expected (n, {SIDE}, {SIDE}) with (n,)"
        )
    missing = int(np.isnan(images).sum() + np.isnan(digits.astype(float)).sum())
    low, high = float(np.nanmin(images)), float(np.nanmax(images))
    classes, counts = np.unique(digits, return_counts=True)
    imbalance = counts.max() / counts.min()
    blank = int((images.reshape(len(images), -1).max(axis=1) == 0).sum())
    found = [
        (True, "shape", f"{len(images):,} images of {SIDE} × {SIDE}, one label each"),
        (missing == 0, "no missing values", f"{missing} missing"),
        (low >= 0 and high <= BRIGHTEST, f"pixels within 0 to {BRIGHTEST}", f"{low:g} to {high:g}"),
        (blank == 0, "no blank images", f"{blank} blank"),
        (np.array_equal(classes, DIGITS), "all ten digits, nothing else", " ".join(f"{value:g}" for value in classes)),
        (
            imbalance <= MOST_IMBALANCE,
            f"balance: commonest to rarest at most {MOST_IMBALANCE:g}",
            f"{counts.max()} to {counts.min()} ({imbalance:.2f})",
        ),
    ]
    if wrong := [f"{name}: {seen}" for passed, name, seen in found if not passed]:
        raise PermanentFailure(f"the data did not pass its checks: {'; '.join(wrong)}")
    return [Check(name=name, seen=seen) for _, name, seen in found]


def split(data: Any) -> dict[str, Any]:
    """Three parts with the same mix of digits: 60 % to train, 20 % to validate, 20 % to test. Returns a `Split`."""
    request = SplitRequest.read(data)
    digits = workspace.read_arrays(request.dataset.file)["digits"]
    train, held_back = _divide(np.arange(len(digits)), digits, HELD_BACK, request.seed)
    validation, test = _divide(held_back, digits, 0.5, request.seed)
    result = Split(
        dataset=request.dataset,
        file="data/split.npz",
        train=len(train),
        validation=len(validation),
        test=len(test),
    )
    workspace.write_arrays(result.file, {"train": train, "validation": validation, "test": test})
    step.log.info("split", train=result.train, validation=result.validation, test=result.test, seed=request.seed)
    return result.output()


def _divide(
    positions: NDArray[np.int64], digits: NDArray[np.int64], share: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    first, second = train_test_split(positions, test_size=share, stratify=digits[positions], random_state=seed)
    return np.sort(first), np.sort(second)


def part(split: Split, name: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Images (n, 8, 8) and digits (n,) of one part: `train`, `validation` or `test`."""
    positions = workspace.read_arrays(split.file)[name]
    arrays = workspace.read_arrays(split.dataset.file)
    return arrays["images"][positions], arrays["digits"][positions]


def features(images: NDArray[np.float64]) -> NDArray[np.float64]:
    """Images (n, 8, 8) as the rows (n, 64) that models read."""
    return images.reshape(len(images), -1)

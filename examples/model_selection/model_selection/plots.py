"""The report's figures, as PNG bytes.

Neither pyplot nor rcParams: both are state of the process, and steps run side by side in its threads.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from model_selection.data import DIGITS

INK = "#22282f"
QUIET = "#8a94a0"
RULE = "#e3e7eb"
PALE = "#dbe7ef"
EMPTY = "#f6f7f8"
ACCENT = "#1f5f8b"
MISTAKE = "#c2542d"
OTHERS = ("#b9a27a", "#7f9f8b")
DPI = 160
MOST_SHOWN = 10
"""Misread digits shown of each model."""


@dataclass(frozen=True)
class Scores:
    """One model's dots in the figure of accuracy by digit."""

    title: str
    per_digit: Sequence[float]
    chosen: bool


@dataclass(frozen=True)
class Misread:
    """What one model got wrong: images (n, 8, 8), the digits they are, and what it read."""

    title: str
    images: NDArray[np.float64]
    digits: NDArray[np.int64]
    read: NDArray[np.int64]


def confusion(digits: NDArray[np.int64], read: NDArray[np.int64]) -> bytes:
    """How often each digit was read as which: right in the pale diagonal, mistakes in strong colour."""
    counts = np.zeros((10, 10), dtype=int)
    np.add.at(counts, (digits, read), 1)
    figure, axes = _figure(4.4, 4.3)
    for digit in DIGITS:
        for answer in DIGITS:
            _cell(axes, int(digit), int(answer), int(counts[digit, answer]))
    axes.set(xlim=(-0.5, 9.5), ylim=(9.5, -0.5), xlabel="Read as", ylabel="Digit written", aspect="equal")
    axes.set_yticks(DIGITS)
    return _png(figure)


def _cell(axes: Any, digit: int, answer: int, count: int) -> None:
    right = digit == answer
    colour = PALE if right else MISTAKE if count else EMPTY
    axes.add_patch(Rectangle((answer - 0.47, digit - 0.47), 0.94, 0.94, facecolor=colour, linewidth=0))
    if count:
        weight = "normal" if right else "bold"
        axes.text(answer, digit, str(count), ha="center", va="center", color=INK if right else "white", weight=weight)


def accuracy_by_digit(models: Sequence[Scores]) -> bytes:
    """The share of each digit that each model read right; the chosen model in front."""
    lowest = min(min(model.per_digit) for model in models)
    figure, axes = _figure(5.3, 4.5)
    others = iter(OTHERS)
    for offset, model in zip(np.linspace(-0.24, 0.24, len(models)), models, strict=True):
        colour = ACCENT if model.chosen else next(others, QUIET)
        size, layer = (58, 4) if model.chosen else (38, 3)
        axes.scatter(DIGITS + offset, model.per_digit, s=size, color=colour, zorder=layer, label=model.title)
    axes.set(xlim=(-0.5, 9.5), ylim=(lowest - 0.01, 1.005), xlabel="Digit written")
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}" if share <= 1 else "")
    axes.grid(axis="y", color=RULE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.legend(loc="lower left", bbox_to_anchor=(-0.03, 1.0), ncols=2, frameon=False, handletextpad=0.2)
    return _png(figure)


def misread_digits(models: Sequence[Misread]) -> bytes:
    """The digits that each model read wrong, a row for each, with what they are and what was read."""
    figure = Figure(figsize=(9.2, 1.05 * len(models)), dpi=DPI)
    grid = figure.add_gridspec(
        len(models), MOST_SHOWN + 3, hspace=0.5, wspace=0.2, left=0, right=1, top=1 - 0.25 / len(models), bottom=0.02
    )
    for row, model in enumerate(models):
        shown = min(len(model.digits), MOST_SHOWN)
        more = "" if shown == len(model.digits) else f", {shown} shown"
        heading = figure.add_subplot(grid[row, :3])
        heading.axis("off")
        heading.text(0, 0.65, model.title, weight="bold", color=INK, va="center")
        heading.text(0, 0.32, f"{len(model.digits)} misread{more}", color=QUIET, va="center")
        for place in range(shown):
            axes = figure.add_subplot(grid[row, 3 + place])
            axes.imshow(model.images[place], cmap="Greys", vmin=0, vmax=1, interpolation="nearest")
            axes.set_title(f"{model.digits[place]} → {model.read[place]}", fontsize=10, color=MISTAKE, pad=3)
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_color(RULE)
    return _png(figure)


def _figure(width: float, height: float) -> tuple[Figure, Any]:
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    axes.tick_params(length=0, labelcolor=INK)
    axes.spines[:].set_visible(False)
    axes.set_xticks(DIGITS)
    return figure, axes


def _png(figure: Figure) -> bytes:
    content = io.BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()

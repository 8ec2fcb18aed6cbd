"""What the model is worth: a figure and a page, as artifacts."""

from __future__ import annotations

import html
from typing import Any

import numpy as np
import pandas as pd
import skops.io
from matplotlib.figure import Figure

from longpole import step

INK, QUIET, ACCENT, OTHER = "#22282f", "#8a94a0", "#1f5f8b", "#c2542d"
PARTS = 10
TRUSTED = ["sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor", "sklearn.tree._tree.Tree"]
"""What skops leaves to us to trust: the trees of the model that this run has trained."""


def build(given: Any) -> dict[str, Any]:
    """A figure and a page, from `{"training", "validation", "registration", "cutoff"}`: what those steps returned.

    Returns `{"figure", "page", "churn_by_risk"}`: the share of customers who left, by tenths of predicted risk."""
    training, validation = given["training"], given["validation"]
    held = pd.read_parquet(training["datasets"]["holdout_set"])
    left = held.pop(training["target"]).to_numpy(dtype=float)
    model = skops.io.load(training["model_path"], trusted=TRUSTED)
    risk = model.predict_proba(held)[:, 1]
    order = np.argsort(-risk, kind="stable")
    parts = np.array_split(order, PARTS)
    observed = [float(left[part].mean()) for part in parts]
    predicted = [float(risk[part].mean()) for part in parts]
    figure = step.workdir / "churn_by_risk.png"
    _draw(observed, predicted, float(left.mean())).savefig(figure, dpi=160)
    page = step.workdir / "report.html"
    page.write_text(_page(given, validation["metrics"], figure.name), encoding="utf-8")
    step.artifact(figure, media_type="image/png")
    step.artifact(page, media_type="text/html")
    step.progress(1.0, "written")
    return {"figure": str(figure), "page": str(page), "churn_by_risk": [round(share, 4) for share in observed]}


def _draw(observed: list[float], predicted: list[float], mean: float) -> Figure:
    # Not pyplot: its state belongs to the process, and steps run side by side in it.
    figure = Figure(figsize=(7.2, 4.0), layout="constrained")
    axes = figure.subplots()
    places = np.arange(1, len(observed) + 1)
    axes.bar(places, observed, width=0.7, color=ACCENT, label="left, of those held out")
    axes.plot(places, predicted, "o", color=OTHER, label="as predicted")
    axes.axhline(mean, color=QUIET, linewidth=1)
    axes.annotate(f"all: {mean:.0%}", (len(observed) + 0.45, mean), ha="right", va="bottom", color=QUIET)
    axes.set_xticks(places)
    axes.set_xlabel("customers by predicted risk, the tenth at highest risk first", color=INK)
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter(lambda share, _place: f"{share:.0%}")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(frameon=False, loc="outside upper left", ncols=2)
    return figure


def _page(given: dict[str, Any], metrics: dict[str, float], figure: str) -> str:
    registered = given["registration"]
    rows = "".join(f"<tr><td>{html.escape(name)}<td>{value:.3f}" for name, value in metrics.items())
    return f"""<!doctype html><meta charset="utf-8"><title>Customers who leave</title>
<style>body {{ font: 16px/1.5 system-ui; max-width: 44rem; margin: 3rem auto; color: {INK} }}
td {{ padding-right: 2rem }} img {{ width: 100% }}</style>
<h1>Customers who leave</h1>
<p>Who bought before {html.escape(given["cutoff"])} and has not bought since? Registered as
{html.escape(registered["name"])}, version {html.escape(str(registered["version"]))}.</p>
<img src="{figure}" alt="Share of customers who left, by predicted risk">
<table>{rows}</table>
"""

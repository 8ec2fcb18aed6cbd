"""Step `report`: one self-contained HTML page with tables and figures."""

from __future__ import annotations

import base64
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from longpole import step
from model_selection import plots, workspace
from model_selection.contracts import Evaluation, Report, ReportRequest
from model_selection.data import part

PAGE = Template(Path(__file__).with_name("report_page.html").read_text("utf-8"))
FILE = "report/report.html"


def report(data: Any) -> dict[str, Any]:
    """Write the page, its figures embedded, and name it as the run's artifact. Returns a `Report`."""
    request = ReportRequest.read(data)
    summary = summarise(request)
    page = PAGE.substitute(_words(request, summary), **_tables(request), **_images(request))
    path = workspace.write(FILE, page.encode())
    step.artifact(path, name="model selection report", media_type="text/html")
    step.log.info("report written", bytes=len(page.encode()))
    return Report(file=FILE, summary=summary, accepted=request.accepted is not None).output()


def summarise(request: ReportRequest) -> str:
    """The outcome in one sentence or two."""
    best = request.choice.best
    reads = f"reads {best.accuracy:.1%} of {request.split.validation} validation digits right"
    if request.accepted is not None:
        return (
            f"The {best.model.title.lower()} {reads}, at or above the {_percent(request.threshold)} asked for, and was "
            f"accepted. On {request.split.test} test digits kept aside until then it gets "
            f"{request.accepted.test_accuracy:.1%}."
        )
    return (
        f"No model was accepted: the best, the {best.model.title.lower()}, {reads}, "
        f"below the {_percent(request.threshold)} asked for."
    )


def _words(request: ReportRequest, summary: str) -> dict[str, str]:
    best, split = request.choice.best, request.split
    texts = {
        "verdict": "accepted" if request.accepted else "rejected",
        "summary": summary,
        "chosen_because": f"The {best.model.title.lower()} was chosen: {request.choice.reason}. Parameters were chosen "
        f"by {request.folds}-fold cross-validation (mean ± standard deviation over the folds).",
        "baseline_note": f"In grey: simple methods from the baseline registry, which answered at attempt "
        f"{request.baselines.attempt}. They were measured with other seeds, so they are a yardstick, not contestants.",
        "confusion_note": f"{best.model.title}, {split.validation} validation digits, {best.errors} misread.",
        "by_digit_note": f"Share read right. Each digit occurs about {split.validation // 10} times, so one mistake "
        f"is about {10 / split.validation:.1%}.",
        "data_note": f"{split.dataset.images:,} digits of the UCI collection that scikit-learn ships, {split.train:,} "
        f"to train, {split.validation} to validate, {split.test} to test, each part with the same mix of digits "
        f"(seed {request.seed}).",
    }
    return {name: escape(text) for name, text in texts.items()} | {"explanation": _explanation(request)}


def _explanation(request: ReportRequest) -> str:
    rejected = request.rejected
    if rejected is None:
        return ""
    needed = rejected.more_digits_needed
    digits = "digit" if needed == 1 else "digits"
    text = f"It misses by {rejected.missing * 100:.2g} percentage points: {needed} more {digits} had to be read right."
    if rejected.confusions:
        text += f" Its commonest mistakes: {', '.join(rejected.confusions)}."
    return f"<p>{escape(text)}</p>"


def _tables(request: ReportRequest) -> dict[str, str]:
    models = [
        _row(
            "best" if each.model.kind == request.choice.best.model.kind else "",
            each.model.title,
            ", ".join(f"{name} = {_short(value)}" for name, value in each.model.parameters.items()),
            f"{each.model.cv_accuracy:.1%} ± {each.model.cv_deviation * 100:.1f}",
            f"{each.accuracy:.1%}",
            str(each.errors),
        )
        for each in _ranked(request)
    ]
    baselines = [
        _row("baseline", each.name, each.measured, "", f"{each.accuracy:.1%}", "")
        for each in request.baselines.baselines
    ]
    checks = [_row("", check.name, check.seen) for check in request.split.dataset.checks]
    return {"model_rows": "\n".join(models), "baseline_rows": "\n".join(baselines), "check_rows": "\n".join(checks)}


def _row(kind: str, *cells: str) -> str:
    # The first two columns of every table are words, the others numbers.
    styles = ("", "", *[' class="number"'] * len(cells))
    columns = (f"<td{style}>{escape(cell)}</td>" for style, cell in zip(styles, cells, strict=False))
    return f'<tr class="{kind}">{"".join(columns)}</tr>'


def _images(request: ReportRequest) -> dict[str, str]:
    images, digits = part(request.split, "validation")
    predictions = workspace.read_arrays(request.evaluations.file)
    best = request.choice.best.model.kind
    ranked = _ranked(request)
    scores = [plots.Scores(each.model.title, each.per_digit, each.model.kind == best) for each in ranked]
    misread = []
    for each in ranked:
        read = predictions[each.model.kind]
        wrong = np.flatnonzero(read != digits)
        misread.append(plots.Misread(each.model.title, images[wrong], digits[wrong], read[wrong]))
    figures = {
        "confusion_image": plots.confusion(digits, predictions[best]),
        "by_digit_image": plots.accuracy_by_digit(scores),
        "misread_image": plots.misread_digits(misread),
    }
    return {name: f"data:image/png;base64,{base64.b64encode(png).decode()}" for name, png in figures.items()}


def _ranked(request: ReportRequest) -> list[Evaluation]:
    best = request.choice.best.model.kind
    return sorted(request.evaluations.evaluations, key=lambda each: (each.model.kind != best, each.errors))


def _percent(fraction: float) -> str:
    # As it was asked for, without noughts: 97%, 99.95%.
    return f"{fraction * 100:.6g}%"


def _short(value: float | int | str) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)

"""The handlers of the model selection example, driven by its definition: a chain of direct calls, without a server."""

from __future__ import annotations

import asyncio
import base64
import inspect
import json
import re
import statistics
import sys
import warnings
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from definitions.expressions import compile_expression
from definitions.files import parse_document
from definitions.graph import dependencies, topological_order
from definitions.references import compile_template
from definitions.scope import Scope
from definitions.validation import load
from longpole import InvalidInput, PermanentFailure, TemporaryFailure, step

FOLDER = Path(__file__).parents[2] / "examples" / "model_selection"
PNG = re.compile(r'src="data:image/png;base64,([A-Za-z0-9+/=]+)"')


@pytest.fixture(scope="module", autouse=True)
def handlers_on_the_path() -> Iterator[None]:
    sys.path.append(str(FOLDER))
    yield
    sys.path.remove(str(FOLDER))


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return parse_document((FOLDER / "workflow.yaml").read_text(), ".yaml")


class Run:
    """All steps of the definition, one after another, as a worker would call them."""

    def __init__(self, document: dict[str, Any], data: dict[str, Any], workdir: Path) -> None:
        definition = load(document)
        self.workdir = workdir
        self.outputs: dict[str, Any] = {}
        self.skipped: set[str] = set()
        self.told: dict[str, step.Simulation] = {}
        self.inputs: dict[str, Any] = {}
        steps = {each.id: each for each in definition.steps}
        scope = Scope(data, {}, self.outputs, self.skipped, {})
        for step_id in topological_order(dependencies(definition)):
            each = steps[step_id]
            if each.condition is not None and not compile_expression(each.condition).evaluate(scope):
                self.skipped.add(step_id)
                continue
            given = data if each.input is None else compile_template(each.input).resolve(scope)
            assert each.handler is not None
            self.inputs[step_id] = given
            self.outputs[step_id] = self._attempts(step_id, each.handler, given, each.retry.max_attempts)

    def _attempts(self, step_id: str, handler: str, given: Any, max_attempts: int) -> Any:
        for attempt in range(1, max_attempts + 1):
            with step.simulate(
                attempt=attempt, max_attempts=max_attempts, step_id=step_id, workdir=self.workdir
            ) as told:
                self.told[step_id] = told
                try:
                    return call(handler, given)
                except TemporaryFailure:
                    if attempt == max_attempts:
                        raise
        raise AssertionError("unreachable")


def call(handler: str, given: Any) -> Any:
    module, _, name = handler.rpartition(".")
    function = getattr(import_module(module), name)
    return asyncio.run(function(given)) if inspect.iscoroutinefunction(function) else function(given)


@pytest.fixture(scope="module")
def accepted(document: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(document, {}, tmp_path_factory.mktemp("accepted"))


@pytest.fixture(scope="module")
def rejected(document: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(document, {"threshold": 0.999, "folds": 2}, tmp_path_factory.mktemp("rejected"))


def test_three_kinds_of_model_read_most_digits_right(accepted: Run) -> None:
    evaluations = accepted.outputs["evaluate"]["evaluations"]
    assert [each["model"]["kind"] for each in evaluations] == [
        "logistic_regression",
        "support_vector_machine",
        "random_forest",
    ]
    for each in evaluations:
        assert 0.93 < each["model"]["cv_accuracy"] < 1
        assert 0.95 < each["accuracy"] < 1
        assert all(0.8 <= share <= 1 for share in each["per_digit"])


def test_parts_share_no_digit_and_hold_the_same_mix(accepted: Run) -> None:
    with np.load(accepted.workdir / accepted.outputs["split"]["file"]) as parts:
        train, validation, test = parts["train"], parts["validation"], parts["test"]
    with np.load(accepted.workdir / accepted.outputs["load"]["file"]) as dataset:
        digits = dataset["digits"]
    assert sorted(np.concatenate([train, validation, test])) == list(range(1797))
    assert (len(train), len(validation), len(test)) == (1078, 359, 360)
    shares = [np.bincount(digits[part], minlength=10) / len(part) for part in (train, validation, test)]
    assert np.allclose(shares[0], shares[1], atol=0.01)
    assert np.allclose(shares[0], shares[2], atol=0.01)


def test_training_tells_progress_usage_and_parameters(accepted: Run) -> None:
    told = accepted.told["train_support_vector_machine"]
    fractions = [fraction for fraction, _ in told.progress]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert "fold 1 of 5" in told.progress[0][1]
    assert told.usage["fits"] == 12 * 5 + 1
    assert told.usage["cpu_seconds"] > 0
    assert len(told.logs) == 12


def test_a_cancelled_training_ends(accepted: Run) -> None:
    with step.simulate(workdir=accepted.workdir) as told:
        told.cancel()
        with pytest.raises(step.StepCancelled):
            call("model_selection.training.train", accepted.inputs["train_random_forest"])


def test_a_good_model_is_accepted_and_confirmed_on_test_data(accepted: Run) -> None:
    assert accepted.skipped == {"explain_rejection"}
    assert accepted.outputs["choose"]["best"]["model"]["kind"] == "support_vector_machine"
    assert accepted.outputs["accept"]["test_accuracy"] > 0.96
    assert (accepted.workdir / "accepted.joblib").is_file()
    assert [artifact["name"] for artifact in accepted.told["accept"].artifacts] == ["accepted model"]
    assert "was accepted" in accepted.outputs["report"]["summary"]


def test_a_model_that_is_not_good_enough_is_rejected_with_an_explanation(rejected: Run) -> None:
    assert rejected.skipped == {"accept"}
    assert rejected.outputs["explain_rejection"]["more_digits_needed"] > 0
    assert rejected.outputs["explain_rejection"]["confusions"]
    assert rejected.outputs["report"]["summary"].startswith("No model was accepted")
    page = (rejected.workdir / "report" / "report.html").read_text()
    assert "more digit" in page
    assert not (rejected.workdir / "accepted.joblib").exists()


def test_the_same_seed_gives_the_same_outputs(rejected: Run, document: dict[str, Any], tmp_path: Path) -> None:
    again = Run(document, {"threshold": 0.999, "folds": 2}, tmp_path)
    assert again.outputs == rejected.outputs
    page = Path("report/report.html")
    assert (again.workdir / page).read_bytes() == (rejected.workdir / page).read_bytes()


def test_every_handler_can_be_repeated(rejected: Run, document: dict[str, Any]) -> None:
    handlers = {each["id"]: each["handler"] for each in document["steps"]}
    files = {path for path in rejected.workdir.rglob("*") if path.is_file()}
    # One step of each: training takes its time, and three steps do it.
    first = {handlers[step_id]: step_id for step_id in reversed(rejected.inputs)}
    for step_id in first.values():
        given = rejected.inputs[step_id]
        with step.simulate(attempt=2, step_id=step_id, workdir=rejected.workdir):
            assert call(handlers[step_id], given) == rejected.outputs[step_id]
    assert {path for path in rejected.workdir.rglob("*") if path.is_file()} == files


def test_the_registry_fails_once_and_answers_the_second_attempt() -> None:
    with step.simulate(attempt=1), pytest.raises(TemporaryFailure, match="simulated outage"):
        call("model_selection.baseline.fetch_baselines", {})
    with step.simulate(attempt=2):
        assert call("model_selection.baseline.fetch_baselines", {})["attempt"] == 2


def test_the_registered_baselines_are_what_they_are_said_to_be(tmp_path: Path) -> None:
    from sklearn.neighbors import KNeighborsClassifier, NearestCentroid

    data = import_module("model_selection.data")
    contracts = import_module("model_selection.contracts")
    with step.simulate(attempt=2, workdir=tmp_path):
        dataset = data.load({})
        registered = call("model_selection.baseline.fetch_baselines", {})["baselines"]
        for entry, make in zip(registered, (NearestCentroid, lambda: KNeighborsClassifier(1)), strict=True):
            measured = []
            for seed in range(5):
                parts = contracts.Split.read(data.split({"dataset": dataset, "seed": seed}))
                (images, digits), (unseen, answers) = data.part(parts, "train"), data.part(parts, "validation")
                with warnings.catch_warnings():
                    # Some corner pixels never vary within a digit, which NearestCentroid remarks on.
                    warnings.simplefilter("ignore", UserWarning)
                    model = make().fit(data.features(images), digits)
                measured.append(model.score(data.features(unseen), answers))
            assert statistics.mean(measured) == pytest.approx(entry["accuracy"], abs=0.002)


def test_the_report_needs_nothing_but_itself(accepted: Run) -> None:
    artifact = accepted.told["report"].artifacts[0]
    assert artifact["media_type"] == "text/html"
    assert artifact["uri"] == (accepted.workdir / "report" / "report.html").as_uri()
    page = (accepted.workdir / "report" / "report.html").read_text()
    images = PNG.findall(page)
    assert len(images) == 3
    assert all(base64.b64decode(image).startswith(b"\x89PNG") for image in images)
    assert not re.search(r"(src|href)=\"(?!data:)|url\(|<script|http", page)
    assert "$" not in PNG.sub("", page)
    assert accepted.outputs["report"]["summary"] in page


def test_the_notification_is_local_and_says_so(accepted: Run) -> None:
    message = json.loads((accepted.workdir / "notification.json").read_text())
    assert message == accepted.outputs["notify"]
    assert message["channel"] == "local"
    assert message["subject"] == "Model selection: accepted"
    assert message["idempotency_key"] == "exec_simulated/notify"
    assert message["body"] in accepted.told["notify"].logs[-1][1]


def test_the_schema_documents_the_defaults_that_are_filled_in(document: dict[str, Any]) -> None:
    with step.simulate():
        filled_in = call("model_selection.settings.fill_in", {})
    assert {name: field["default"] for name, field in document["input_schema"]["properties"].items()} == filled_in


@pytest.mark.parametrize(
    ("handler", "given", "message"),
    [
        ("settings.fill_in", {"seed": "seven", "folds": 1}, r"`seed`: .*integer.*'seven'.*; `folds`: .*2"),
        ("settings.fill_in", {"treshold": 0.5}, "`treshold`: Extra inputs"),
        ("settings.fill_in", [1], "must be an object with `seed`, `threshold`, `folds`, not list"),
        ("data.split", {"seed": 7}, "`dataset`: Field required"),
        (
            "data.split",
            {"seed": 7, "dataset": {"file": "data/none.npz", "images": 1, "checks": []}},
            "no file `data/none.npz`",
        ),
        (
            "data.split",
            {"seed": 7, "dataset": {"file": "../../etc/passwd", "images": 1, "checks": []}},
            "not a path inside the run's folder",
        ),
        ("training.train", {"kind": "oracle", "folds": 5, "seed": 7}, "`kind`: .*'oracle'.*; `split`: Field required"),
    ],
)
def test_wrong_input_is_named(handler: str, given: Any, message: str, tmp_path: Path) -> None:
    with step.simulate(workdir=tmp_path), pytest.raises(InvalidInput, match=message):
        call(f"model_selection.{handler}", given)


def test_data_that_is_not_what_it_should_be_is_refused_with_every_reason() -> None:
    check = import_module("model_selection.data").check
    images = np.tile(np.linspace(0, 16, 64).reshape(8, 8), (40, 1, 1))
    digits = np.repeat(np.arange(10), 4)
    assert len(check(images, digits)) == 6
    images[0, 0, 0] = np.nan
    images[1, 0, 0] = 17
    images[2] = 0
    digits[:8] = 2
    with pytest.raises(PermanentFailure) as failure:
        check(images, digits)
    for reason in ("1 missing", "0 to 17", "1 blank", "all ten digits", "12 to 4"):
        assert reason in str(failure.value)
    with pytest.raises(PermanentFailure, match="shape"):
        check(images[:, :4], digits)

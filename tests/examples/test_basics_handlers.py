"""The handlers of the small examples, called directly, and their definitions, checked."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from definitions.files import parse_document
from definitions.model import Step
from definitions.validation import check, check_input, load
from longpole import InvalidInput, PermanentFailure, step

FOLDER = Path(__file__).parents[2] / "examples" / "basics"
DEFINITIONS = ("branches_and_loops.yaml", "conditions.yaml", "error_handler.yaml", "fan_out.yaml")


@pytest.fixture(scope="module", autouse=True)
def handlers_on_the_path() -> Iterator[None]:
    sys.path.append(str(FOLDER))
    yield
    sys.path.remove(str(FOLDER))


def document(name: str) -> dict[str, Any]:
    return parse_document((FOLDER / name).read_text(), ".yaml")


def all_steps(steps: Iterable[Step]) -> Iterator[Step]:
    for each in steps:
        yield each
        for _, inside in each.blocks:
            yield from all_steps(inside)


def call(handler: str, given: Any) -> Any:
    module, _, name = handler.rpartition(".")
    return getattr(import_module(f"basics.{module}"), name)(given)


@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_definition_is_valid_and_its_handlers_exist(name: str) -> None:
    assert check(document(name)) == []
    for each in all_steps(load(document(name)).steps):
        if each.handler is None:
            assert each.is_control or each.input is not None
            continue
        module, _, function = each.handler.rpartition(".")
        assert callable(getattr(import_module(module), function))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("branches_and_loops.yaml", {"grams": [20, 3000]}),
        ("conditions.yaml", {"grams": 350}),
        ("error_handler.yaml", {"amount": 800}),
    ],
)
def test_the_input_that_the_readme_gives_is_accepted(name: str, data: dict[str, Any]) -> None:
    check_input(load(document(name)), data)


@pytest.mark.parametrize(
    ("grams", "kind", "cents"), [(1, "letter", 95), (51, "letter", 160), (500, "letter", 680), (501, "parcel", 549)]
)
def test_post_is_weighed_and_priced(grams: int, kind: str, cents: int) -> None:
    with step.simulate():
        weighed = call("postage.weigh", {"grams": grams})
    assert weighed == {"grams": grams, "kind": kind}
    assert call(f"postage.price_{kind}", {"grams": grams}) == {"cents": cents}


def test_a_parcel_costs_more_after_two_kilograms() -> None:
    assert call("postage.price_parcel", {"grams": 2000}) == {"cents": 549}
    assert call("postage.price_parcel", {"grams": 2001}) == {"cents": 669}


def test_the_label_takes_the_price_that_there_is() -> None:
    post = {"kind": "parcel", "grams": 501, "letter": None, "parcel": {"cents": 549}}
    assert call("postage.label", post) == {"text": "parcel, 501 g, 5.49 EUR"}


@pytest.mark.parametrize("grams", [0, 30_001, "350", True, None])
def test_a_weight_that_is_none_is_refused(grams: Any) -> None:
    with pytest.raises(InvalidInput, match="`grams` must be a whole number from 1 to 30000"):
        call("postage.weigh", {"grams": grams})


def test_a_card_is_charged_up_to_its_limit() -> None:
    with step.simulate(step_id="charge"):
        assert call("payment.charge_card", {"amount": 500})["paid_by"] == "card"
        with pytest.raises(PermanentFailure, match="declined: 501 is above 500") as failure:
            call("payment.charge_card", {"amount": 501})
    assert failure.value.error_class == "declined"


@pytest.mark.parametrize(("error_class", "recovered"), [("declined", True), ("error", False)])
def test_only_a_declined_card_is_recovered_from(error_class: str, recovered: bool) -> None:
    with step.simulate():
        answer = call("payment.fall_back_to_invoice", {"error": {"error_class": error_class, "message": "no"}})
    assert answer["recovered"] is recovered


def test_shipping_tells_how_it_was_paid() -> None:
    assert call("payment.ship", {"paid_by": "invoice"}) == {"message": "On its way, paid by invoice."}


def test_parts_of_the_primes_add_up() -> None:
    with step.simulate() as told:
        parts = [call("primes.count", {"start": start, "stop": start + 10_000}) for start in (0, 10_000)]
    # Primes below 20,000: https://oeis.org/A000720
    assert call("primes.add_up", {"parts": parts}) == {"primes": 2262}
    assert told.usage == {"numbers_tested": 20_000}
    assert told.progress[-1] == (1.0, "1033 found")


def test_counting_stops_when_it_is_cancelled() -> None:
    with step.simulate() as told:
        told.cancel()
        with pytest.raises(step.StepCancelled):
            call("primes.count", {"start": 0, "stop": 10})


@pytest.mark.parametrize(("start", "stop"), [(-1, 5), (5, 4), (0, 10_000_001)])
def test_a_range_that_is_none_is_refused(start: int, stop: int) -> None:
    with pytest.raises(InvalidInput, match=r"0 <= start <= stop <= 10000000"):
        call("primes.count", {"start": start, "stop": stop})

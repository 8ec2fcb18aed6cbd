from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from definitions.files import parse_document
from definitions.pools import PoolsInvalid, load_pools
from definitions.schema import pools_schema

ROOT = Path(__file__).parents[2]


def problems(document: object) -> dict[str, str]:
    """Where something is wrong -> its code."""
    with pytest.raises(PoolsInvalid) as caught:
        load_pools(document)
    return {problem.path: problem.code for problem in caught.value.problems}


def pool(**fields: Any) -> dict[str, Any]:
    return {"pools": {"gpu": {"capacity": 2, **fields}}}


def test_the_example_is_read() -> None:
    found = load_pools(parse_document((ROOT / "examples/planning/pools.yaml").read_text(), ".yaml"))
    assert list(found.pools) == ["memory_gb", "cpu_cores", "gpu"]
    assert found.pools["memory_gb"].capacity == 128
    assert found.pools["cpu_cores"].price.per_hour == 0.04
    burst = found.pools["cpu_cores"].burst
    assert burst is not None
    assert (burst.share, burst.longest) == (0.25, 1800)
    start, end = found.pools["gpu"].calendar[0].period(found.zone("gpu")) or (None, None)
    assert start is not None
    assert end is not None
    assert (start.isoformat(), end.isoformat()) == ("2025-07-03T01:00:00+02:00", "2025-07-03T02:30:00+02:00")


def test_everything_that_is_wrong_is_told_at_once() -> None:
    document = {
        "time_zone": "Europe/Berln",
        "poools": {},
        "pools": {
            "gpu": {
                "capcity": 2,
                "calendar": [{"capacity": 0, "hours": "22-06"}, {"capacity": 1}],
                "price": {"per_hour": 1, "rules": [{"days": "fry", "per_hour": 2}]},
            },
            "cpu": {"capacity": -1, "burst": {"share": "lots", "longest": "soon"}},
            "ram": {"capacity": 1, "time_zone": "Mars"},
        },
    }
    assert problems(document) == {
        "time_zone": "bad_quantity",
        "poools": "unknown_key",
        "pools.gpu.capacity": "missing_field",
        "pools.gpu.capcity": "unknown_key",
        "pools.gpu.calendar[0].hours": "bad_quantity",
        "pools.gpu.calendar[1]": "bad_rule",
        "pools.gpu.price.rules[0].days": "bad_quantity",
        "pools.cpu.capacity": "invalid_value",
        "pools.cpu.burst.share": "invalid_value",
        "pools.cpu.burst.longest": "bad_quantity",
        "pools.ram.time_zone": "bad_quantity",
    }


def test_a_misspelt_field_has_a_nearest() -> None:
    with pytest.raises(PoolsInvalid, match="did you mean `calendar`"):
        load_pools(pool(calender=[]))


@pytest.mark.parametrize("document", [[], {"pools": []}, {"pools": {}}, {}, {"pools": {"gpu": "two"}}])
def test_what_holds_no_pools_is_refused(document: object) -> None:
    assert problems(document)


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({"start": "2025-07-03 01:00", "end": "2025-07-03 00:00"}, "empty_period"),
        ({"start": "2025-07-03 01:00"}, "bad_rule"),
        ({"start": "2025-07-03 01:00", "end": "2025-07-03 02:00", "duration": "1h"}, "bad_rule"),
        ({"start": "2025-07-03 01:00", "duration": "1h", "days": "mon"}, "bad_rule"),
        ({"end": "2025-07-03 02:00"}, "bad_rule"),
    ],
)
def test_a_rule_says_when_it_holds_in_one_way(rule: dict[str, Any], code: str) -> None:
    assert problems(pool(calendar=[{"capacity": 0, **rule}])) == {"pools.gpu.calendar[0]": code}


def test_periods_may_not_overlap_whatever_they_are_written_in() -> None:
    one = {"capacity": 0, "start": "2025-07-03 01:00", "duration": "2h"}
    same = {"capacity": 1, "start": "2025-07-03T00:30:00+00:00", "duration": "1h"}
    document = {"time_zone": "Europe/Berlin", **pool(calendar=[one, same])}
    assert problems(document) == {"pools.gpu.calendar[1]": "overlapping_periods"}
    load_pools(pool(calendar=[one, {**one, "start": "2025-07-03 03:00"}]))


def test_the_kept_schema_is_current() -> None:
    assert json.loads((ROOT / "docs" / "pools.schema.json").read_text()) == pools_schema(), (
        "write it again: python -c 'import json; from definitions.schema import pools_schema; "
        "print(json.dumps(pools_schema(), indent=2))' > docs/pools.schema.json"
    )


@pytest.mark.parametrize(
    ("document", "valid"),
    [
        ({"pools": {"gpu": 2}}, True),
        (pool(price=1.5, burst={"share": "25%", "longest": "30m"}), True),
        (pool(price={"per_hour": 1, "rules": [{"hours": "22:00-06:00", "per_hour": 0.5}]}), True),
        (pool(capcity=1), False),
        (pool(calendar=[{"hours": "22:00-06:00"}]), False),
        ({"pools": {"gpu": "two"}}, False),
        ({}, False),
    ],
)
def test_editors_see_what_is_wrong(document: dict[str, Any], valid: bool) -> None:
    Draft202012Validator.check_schema(pools_schema())
    assert Draft202012Validator(pools_schema()).is_valid(document) is valid

from __future__ import annotations

import pytest

from definitions.errors import QuantityInvalid
from definitions.quantities import parse_count, parse_size


@pytest.mark.parametrize(
    ("written", "size"),
    [
        (0, 0),
        (1024, 1024),
        ("1024", 1024),
        ("64 GB", 64_000_000_000),
        ("64GiB", 64 * 2**30),
        ("1.5 TiB", 3 * 2**39),
        ("100 kb", 100_000),
        ("0.1 GB", 100_000_000),
        ("7 bytes", 7),
    ],
)
def test_sizes_are_read(written: object, size: int) -> None:
    assert parse_size(written) == size


@pytest.mark.parametrize("written", ["", "GB", "64 XB", "-1 GB", "1,5 GB", -1, float("nan"), True, None, "9" * 200])
def test_what_is_no_size_is_refused(written: object) -> None:
    with pytest.raises(QuantityInvalid, match="size"):
        parse_size(written)


@pytest.mark.parametrize(
    ("written", "count"),
    [
        (4, (4.0, "")),
        ("16", (16.0, "")),
        ("16 cores", (16.0, "cores")),
        ("8x NVIDIA A100", (8.0, "NVIDIA A100")),
        ("8 x NVIDIA A100", (8.0, "NVIDIA A100")),
        ("2.5 vCPU", (2.5, "vCPU")),
    ],
)
def test_counts_are_read(written: object, count: tuple[float, str]) -> None:
    assert parse_count(written) == count


@pytest.mark.parametrize("written", ["", "cores", "-3 cores", "1.2.3", None, True, [], float("inf")])
def test_what_is_no_count_is_refused(written: object) -> None:
    with pytest.raises(QuantityInvalid, match="count"):
        parse_count(written)

"""What the garbage collector of a worker's process is spared."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from engine.garbage import spare_what_stays


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


class _Knot:
    def __init__(self) -> None:
        self.itself = self


def test_what_is_there_is_not_looked_through_again_and_what_comes_still_is() -> None:
    spare_what_stays()
    assert gc.get_freeze_count() > 10_000
    knot = _Knot()
    assert any(each is knot for each in gc.get_objects())
    del knot
    gc.collect()
    assert not any(isinstance(each, _Knot) for each in gc.get_objects())
